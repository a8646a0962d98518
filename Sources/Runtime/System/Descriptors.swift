import CPlatform
import Glibc

/// Closes a descriptor; a negative one is nothing. EINTR closes too on Linux (close(2)).
public func closeDescriptor(_ fd: Int32) {
  if fd >= 0 { _ = Glibc.close(fd) }
}

/// A pipe, both ends close-on-exec.
public struct Pipe: Sendable {
  public let readEnd: Int32
  public let writeEnd: Int32

  public init() throws(SystemError) {
    var ends: (Int32, Int32) = (-1, -1)
    let made = withUnsafeMutablePointer(to: &ends) {
      $0.withMemoryRebound(to: Int32.self, capacity: 2) { par_pipe($0) }
    }
    guard made == 0 else { throw SystemError("pipe2") }
    (readEnd, writeEnd) = ends
  }
}

/// What one read of a non-blocking descriptor brought.
public enum ReadResult: Sendable, Equatable {
  case bytes([UInt8])
  case nothingYet
  case end
}

/// Reads at most `limit` bytes. An error counts as the end: there is nothing more to come.
public func readAvailable(_ fd: Int32, limit: Int = 64 * 1024) -> ReadResult {
  while true {
    var count = -1
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
      count = Glibc.read(fd, buffer.baseAddress, limit)
      filled = max(0, count)
    }
    if count > 0 { return .bytes(bytes) }
    if count == 0 { return .end }
    switch errno {
    case EINTR: continue
    case EAGAIN: return .nothingYet
    default: return .end
    }
  }
}

/// Writes all of it to a blocking descriptor; false when the other side is gone, or has no room left.
///
/// - Parameter isShared: whether somebody else may have made it non-blocking, as a terminal or a pipe that
///   a command was given: then its reader is waited for.
@discardableResult
public func writeAll(
  _ fd: Int32, _ bytes: some Collection<UInt8>, isShared: Bool = false
) -> Bool {
  let bytes = ContiguousArray(bytes)
  return bytes.withUnsafeBytes { buffer in
    var offset = 0
    while offset < buffer.count {
      let count = Glibc.write(fd, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
      if count >= 0 {
        offset += count
      } else if isShared, errno == EAGAIN {
        var entry = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, -1)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}

/// Waits until a descriptor can be read; false when the time is over first.
public func waitReadable(_ fd: Int32, milliseconds: Int32) -> Bool {
  var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
  return poll(&entry, 1, milliseconds) > 0
}

/// The whole of a file, or nil when it cannot be read or is larger than `limit` bytes.
public func readFile(_ path: String, limit: Int = 1 << 20) -> [UInt8]? {
  let fd = par_open(path, O_RDONLY, 0)
  guard fd >= 0 else { return nil }
  defer { closeDescriptor(fd) }
  var content: [UInt8] = []
  while true {
    switch readAvailable(fd) {
    case .bytes(let bytes):
      content += bytes
      if content.count > limit { return nil }
    case .nothingYet, .end: return content
    }
  }
}

/// Opens /dev/null for each of 0, 1, 2 that is closed, so that no socket gets one of these numbers.
/// To be called before anything else is opened.
public func openStandardDescriptors() { par_open_standard_descriptors() }

/// How many descriptors this process may have open (RLIMIT_NOFILE).
public func descriptorLimit() -> Int {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
  return Int(clamping: limit.rlim_cur)
}
