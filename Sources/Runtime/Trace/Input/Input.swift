internal import CPlatform
internal import Glibc
internal import LinuxSystem

/// One input of `trace`: a file, a pipe or standard input, unpacked where it is packed.
///
/// One thread at a time uses it; which one may change from read to read.
final class Input: ByteSource {
  /// As on the command line.
  let name: String
  /// Whether it can be read once more from its start, as a pipe cannot. So can what cannot be read at all.
  let isRepeatable: Bool

  private var descriptor: Int32 = -1
  /// Where it begins: standard input may be a file that somebody has read a part of.
  private let start: off_t
  /// What was read to find out how it is packed, until it is taken.
  private var beginning: [UInt8] = []
  private var gzip: GzipReader?
  /// What stat(2) said a regular file holds from `start` on, and how much of it was read.
  private var size: off_t = 0
  private var taken: off_t = 0
  private var isRegular = false

  /// - Parameter name: a path, or `-` for standard input.
  init(_ name: String) {
    self.name = name
    var status = stat()
    let found = name == "-" ? fstat(0, &status) : stat(name, &status)
    isRepeatable = found != 0 || [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
    start = name == "-" ? max(0, lseek(0, 0, SEEK_CUR)) : 0
  }

  deinit { close() }

  /// Opens it and finds out what it is. Nothing for one that is open.
  func open() throws(InputFault) {
    guard descriptor < 0 else { return }
    if name == "-" {
      descriptor = dup(0)
    } else {
      descriptor = par_open(name, O_RDONLY, 0)
    }
    guard descriptor >= 0 else { throw fault(errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw fault(errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      close()
      throw InputFault(name, "is a folder; name the files in it")
    }
    isRegular = status.st_mode & S_IFMT == S_IFREG
    if isRegular {
      lseek(descriptor, start, SEEK_SET)
      size = max(0, status.st_size - start)
      posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    } else {
      // More of a pipe at once; refused for what is no pipe, and beyond the system's bound.
      _ = fcntl(descriptor, Self.setPipeSize, Self.pipeBytes)
    }
    taken = 0
    try findCompression()
  }

  /// The byte order marks of UTF-16 (RFC 2781, 3.2), which a redirection in PowerShell begins with.
  private static let wideMarks: [[UInt8]] = [[0xFF, 0xFE], [0xFE, 0xFF]]

  /// F_SETPIPE_SZ of fcntl(2), a GNU extension.
  private static let setPipeSize: Int32 = 1031
  private static let pipeBytes: Int32 = 1 << 20

  /// Closes it; a repeatable one can be opened again.
  func close() {
    closeDescriptor(descriptor)
    descriptor = -1
    gzip = nil
    beginning = []
  }

  var isPacked: Bool { gzip != nil }

  private func findCompression() throws(InputFault) {
    beginning = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Compression.markLength, alignment: 1)
    defer { buffer.deallocate() }
    // A pipe may hand out its first bytes one by one.
    repeat {
      let free = UnsafeMutableRawBufferPointer(rebasing: buffer[beginning.count...])
      let count = try readRaw(free)
      if count == 0 { break }
      beginning += free[..<count]
    } while Compression.allCases.contains { $0.couldBegin(beginning) }
    let argument = name == "-" ? "" : " \(name)"
    if Self.wideMarks.contains(where: { beginning.starts(with: $0) }) {
      close()
      throw InputFault(
        name, "is UTF-16; give `iconv -f UTF-16 -t UTF-8\(argument) | par-lifecycle trace -`")
    }
    guard let packed = Compression(beginning) else { return }
    if let unpacker = packed.unpacker {
      close()
      throw InputFault(
        name, "is packed by \(packed); give `\(unpacker)\(argument) | par-lifecycle trace -`")
    }
    do {
      gzip = try GzipReader(beginning)
      beginning = []
    } catch { throw InputFault(name, error.words) }
  }

  /// Reads some of it, unpacked; 0 is its end. Waits for a pipe.
  func read(into target: UnsafeMutableRawBufferPointer) throws(InputFault) -> Int {
    if let gzip {
      do {
        return try gzip.read(into: target) { try readRaw($0) }
      } catch let fault as GzipReader.Fault {
        throw InputFault(name, fault.words)
      } catch let fault as InputFault {
        throw fault
      } catch { throw InputFault(name, "cannot be read") }
    }
    if !beginning.isEmpty {
      let count = min(beginning.count, target.count)
      target.copyBytes(from: beginning[..<count])
      beginning.removeFirst(count)
      return count
    }
    return try readRaw(target)
  }

  /// What it is now: the file that is open, whatever has its name meanwhile. Nil: none is open.
  var status: stat? {
    var status = stat()
    return descriptor >= 0 && fstat(descriptor, &status) == 0 ? status : nil
  }
  /// Bytes taken from the file since it was opened, packed as they are.
  var position: off_t { start + taken }
  /// To wait for more with; negative when it is not open.
  var waitable: Int32 { isRegular ? -1 : descriptor }

  /// Whether a read would bring something at once.
  var isReady: Bool { isRegular || waitReadable(descriptor, milliseconds: 0) }

  private func readRaw(_ target: UnsafeMutableRawBufferPointer) throws(InputFault) -> Int {
    while true {
      let count = Glibc.read(descriptor, target.baseAddress, target.count)
      if count > 0 {
        taken += off_t(count)
        return count
      }
      if count == 0 {
        if isRegular, taken < size { throw InputFault(name, "became shorter while it was read") }
        return 0
      }
      if errno == EAGAIN {
        // Somebody else made it non-blocking, and may share it.
        _ = waitReadable(descriptor, milliseconds: -1)
      } else if errno != EINTR {
        throw fault(errno)
      }
    }
  }

  private func fault(_ number: Int32) -> InputFault {
    InputFault(name, "cannot be read: \(SystemError("read", number: number).reason)")
  }
}
