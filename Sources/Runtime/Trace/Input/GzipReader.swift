internal import CZlib
internal import Glibc

/// Unpacks a stream of gzip members, one behind the other (RFC 1952, 2.2), in constant memory.
///
/// Zeros behind the last member are padding, as for gzip(1); anything else is a fault.
final class GzipReader {
  enum Fault: Error, Equatable { case damaged, cutOff, noMemory, followedByOther }

  /// Packed bytes read at once.
  static let inputBytes = 64 << 10

  private var stream = z_stream()
  /// Packed bytes that are not unpacked yet lie at `stream.next_in`, inside of this.
  private let input: UnsafeMutableRawBufferPointer
  private var isBetweenMembers = false
  private var isAtEnd = false

  /// - Parameter beginning: what was read of the stream already, at most `inputBytes`.
  init(_ beginning: some Collection<UInt8>) throws(Fault) {
    input = .allocate(byteCount: Self.inputBytes, alignment: 16)
    input.copyBytes(from: beginning.prefix(Self.inputBytes))
    offer(beginning.count)
    // 16 more than the window's size: a gzip header and trailer are expected, and checked (zlib.h).
    guard
      inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else {
      input.deallocate()
      throw .noMemory
    }
  }

  deinit {
    inflateEnd(&stream)
    input.deallocate()
  }

  private func offer(_ count: Int) {
    stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_in = UInt32(count)
  }

  /// Unpacks as much as fits and is there. 0: the end.
  /// - Parameter more: reads packed bytes; 0 is their end.
  /// - Throws: `Fault`, or what `more` throws.
  func read(
    into target: UnsafeMutableRawBufferPointer,
    more: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    while !isAtEnd {
      if stream.avail_in == 0 {
        let count = try more(input)
        offer(count)
        if count == 0 {
          isAtEnd = true
          if !isBetweenMembers { throw Fault.cutOff }
          break
        }
      }
      if isBetweenMembers, try !beginMember() { continue }
      stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.avail_out = UInt32(clamping: target.count)
      let result = inflate(&stream, Z_NO_FLUSH)
      let made = min(target.count, Int(UInt32.max)) - Int(stream.avail_out)
      switch result {
      case Z_STREAM_END: isBetweenMembers = true
      case Z_OK, Z_BUF_ERROR: break
      default:
        isAtEnd = true
        if made == 0 { throw Fault.damaged }
        // What came before is good; the fault is told when it is gone.
        pending = .damaged
      }
      if made > 0 { return made }
    }
    if let fault = pending {
      pending = nil
      throw fault
    }
    return 0
  }

  private var pending: Fault?

  /// Behind a member: true when another begins, false when there was only padding so far.
  private func beginMember() throws(Fault) -> Bool {
    while stream.avail_in > 0, let next = stream.next_in, next.pointee == 0 {
      stream.next_in = next + 1
      stream.avail_in -= 1
    }
    guard stream.avail_in > 0 else { return false }
    guard stream.next_in?.pointee == 0x1F, inflateReset(&stream) == Z_OK else {
      isAtEnd = true
      throw .followedByOther
    }
    isBetweenMembers = false
    return true
  }
}

extension GzipReader.Fault {
  /// What the input is, to be put behind its name.
  var words: String {
    switch self {
    case .damaged: "is damaged: its gzip data cannot be unpacked to the end"
    case .cutOff: "ends in the middle of its gzip data"
    case .noMemory: "cannot be unpacked: zlib cannot be initialised"
    case .followedByOther: "holds something else behind its gzip data"
    }
  }
}
