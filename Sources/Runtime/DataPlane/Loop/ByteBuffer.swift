import Glibc

/// Bytes that wait to be parsed or written: filled at the end, consumed at the start.
///
/// A class over raw memory, because it moves between connections and their loop's pool without
/// being copied. Confined to one loop's thread.
final class ByteBuffer {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var capacity: Int
  private(set) var start = 0
  private(set) var end = 0
  /// One of the pool's large ones, whatever it has grown to.
  let isLarge: Bool

  init(capacity: Int, isLarge: Bool = false) {
    self.capacity = capacity
    self.isLarge = isLarge
    base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  @inline(__always) var count: Int { end &- start }
  @inline(__always) var isEmpty: Bool { start == end }
  /// Room at the end; nothing is moved to make more.
  @inline(__always) var room: Int { capacity &- end }

  /// Valid until the next mutation.
  @inline(__always) var readable: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + start, count: count)
  }
  @inline(__always) var writable: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base + end, count: room)
  }

  @inline(__always) func consume(_ count: Int) {
    // What is consumed of a buffer that was given back shows here.
    assert(count <= end - start)
    start &+= count
    if start == end {
      start = 0
      end = 0
    }
  }

  /// Like `consume`, but the consumed bytes stay, for `rewind`.
  @inline(__always) func advance(_ count: Int) { start &+= count }
  @inline(__always) func rewind() { start = 0 }
  @inline(__always) func commit(_ count: Int) { end &+= count }

  func clear() {
    start = 0
    end = 0
  }

  /// Moves what is there to the front, so that all free space is at the end.
  func compact() {
    guard start > 0 else { return }
    memmove(base, base + start, count)
    end -= start
    start = 0
  }

  /// Puts other bytes in the place of some; what stands behind them moves. Nothing is consumed.
  func replace(_ count: Int, at offset: Int, by bytes: [UInt8]) {
    assert(start == 0 && offset + count <= end)
    let behind = end - offset - count
    if bytes.count > count { reserve(bytes.count - count) }
    if behind > 0 { memmove(base + offset + bytes.count, base + offset + count, behind) }
    bytes.withUnsafeBytes { source in
      if let from = source.baseAddress { memcpy(base + offset, from, source.count) }
    }
    end += bytes.count - count
  }

  /// Makes room at the end; consumed bytes stay.
  func grow(to larger: Int) {
    guard larger > capacity else { return }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    memcpy(memory, base, end)
    base.deallocate()
    base = memory
    capacity = larger
  }

  /// Makes at least `needed` bytes of room, growing when compaction is not enough.
  func reserve(_ needed: Int) {
    if room >= needed { return }
    if start > 0 { compact() }
    if room >= needed { return }
    var larger = capacity * 2
    while larger - end < needed { larger *= 2 }
    grow(to: larger)
  }

  @inline(__always) func append(_ byte: UInt8) {
    if room == 0 { reserve(1) }
    base.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
    end &+= 1
  }

  @inline(__always) func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    if room < bytes.count { reserve(bytes.count) }
    memcpy(base + end, source, bytes.count)
    end &+= bytes.count
  }

  @inline(__always) func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always) func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  func append(text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  func append(decimal number: Int64) {
    guard number >= 10 else {
      if number < 0 {
        append(UInt8(ascii: "-"))
        return append(decimal: -number)
      }
      return append(Byte.zero &+ UInt8(truncatingIfNeeded: number))
    }
    reserve(20)
    var digits = 0
    var rest = number
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    rest = number
    var place = end + digits
    while rest > 0 {
      place -= 1
      base.storeBytes(
        of: Byte.zero &+ UInt8(truncatingIfNeeded: rest % 10), toByteOffset: place, as: UInt8.self)
      rest /= 10
    }
    end += digits
  }

  func append(hexadecimal number: Int) {
    var shift = 60
    while shift > 0, number >> shift & 15 == 0 { shift -= 4 }
    while shift >= 0 {
      append(Byte.digit(UInt8(truncatingIfNeeded: number >> shift & 15)))
      shift -= 4
    }
  }
}
