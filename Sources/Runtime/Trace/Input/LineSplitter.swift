internal import Glibc

/// The lines of some bytes, one after the other, without their line feeds; nothing is copied. The last one
/// may have none.
struct LineSplitter: IteratorProtocol {
  private let bytes: UnsafeRawBufferPointer
  private var start = 0
  /// Whether the line handed out last has its line feed.
  private(set) var isTerminated = true

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func next() -> UnsafeRawBufferPointer? {
    guard start < bytes.count, let base = bytes.baseAddress else { return nil }
    var end = bytes.count
    if let found = memchr(base + start, 0x0A, bytes.count - start) {
      end = UnsafeRawPointer(found) - base
    } else {
      isTerminated = false
    }
    defer { start = end + 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
  }
}
