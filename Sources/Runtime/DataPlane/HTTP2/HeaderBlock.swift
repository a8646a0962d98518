import CNghttp2

/// A header list: names and values in one buffer, fields as offsets into it.
///
/// A class, because a received list is handed from the connection to the stream that keeps it, and
/// from there back to the loop's pool, without being copied. Confined to one loop's thread.
final class HeaderBlock {
  struct Entry {
    let kind: HeaderName
    /// Of the sender: this field is never to be put into a compression table (RFC 7541 section 7.1.3).
    let neverIndexed: Bool
    /// Left out of what is sent.
    var isDropped = false
    let nameStart: Int32
    let nameEnd: Int32
    var valueStart: Int32
    let valueEnd: Int32
  }

  private let bytes = ByteBuffer(capacity: 1024)
  private(set) var entries: [Entry] = []
  /// As RFC 9113 section 6.5.2 counts: names, values and 32 for each field; also of fields that
  /// were not kept any more.
  private(set) var listBytes = 0
  private(set) var fieldCount = 0
  /// More than the limits allow: what came after that is missing.
  private(set) var isTooLarge = false

  init() { entries.reserveCapacity(24) }

  func clear() {
    bytes.clear()
    entries.removeAll(keepingCapacity: true)
    listBytes = 0
    fieldCount = 0
    isTooLarge = false
  }

  /// Bytes of storage, for the pool.
  var capacity: Int { bytes.capacity }

  /// A received field, within the limits.
  func receive(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, neverIndexed: Bool,
    limits: HTTP2Limits
  ) {
    listBytes += name.count + value.count + 32
    let kind = HeaderName.of(name)
    if !kind.isPseudo { fieldCount += 1 }
    guard listBytes <= limits.headerBytes, fieldCount <= limits.headerFields else {
      isTooLarge = true
      return
    }
    append(kind, name, value, neverIndexed: neverIndexed)
  }

  private func append(
    _ kind: HeaderName, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
    neverIndexed: Bool
  ) {
    let start = Int32(truncatingIfNeeded: bytes.count)
    bytes.append(name)
    let middle = Int32(truncatingIfNeeded: bytes.count)
    bytes.append(value)
    entries.append(
      Entry(
        kind: kind, neverIndexed: neverIndexed, nameStart: start, nameEnd: middle,
        valueStart: middle, valueEnd: Int32(truncatingIfNeeded: bytes.count)))
  }

  // MARK: Writing

  /// - Parameter name: lower case; a pseudo-header field before all others.
  func add(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
    let name = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    append(HeaderName.of(name), name, value, neverIndexed: false)
  }

  func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    append(HeaderName.of(name), name, value, neverIndexed: false)
  }

  func add(_ name: StaticString, _ value: [UInt8]) { value.withUnsafeBytes { add(name, $0) } }

  func add(_ name: StaticString, _ value: StaticString) {
    add(name, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
  }

  /// - Parameter number: not negative.
  func add(_ name: StaticString, decimal number: Int) {
    withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
      var place = 20
      var rest = number
      repeat {
        place -= 1
        digits[place] = Byte.zero &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      add(name, UnsafeRawBufferPointer(rebasing: digits[place...]))
    }
  }

  func drop(_ index: Int) { entries[index].isDropped = true }

  /// Takes `count` bytes off the start of a value.
  func shorten(_ index: Int, by count: Int) {
    entries[index].valueStart += Int32(truncatingIfNeeded: count)
  }

  // MARK: Reading

  /// Valid until the next field is added.
  func name(_ entry: Entry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes.readable[Int(entry.nameStart)..<Int(entry.nameEnd)])
  }

  /// Valid until the next field is added.
  func value(_ entry: Entry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes.readable[Int(entry.valueStart)..<Int(entry.valueEnd)])
  }

  func index(of kind: HeaderName) -> Int? { entries.firstIndex { $0.kind == kind } }

  /// The first value of a field that was not dropped.
  func first(_ kind: HeaderName) -> UnsafeRawBufferPointer? {
    for entry in entries where entry.kind == kind && !entry.isDropped { return value(entry) }
    return nil
  }

  /// The one value of a field; nil when it is absent or there several times.
  func single(_ kind: HeaderName) -> UnsafeRawBufferPointer? {
    var found: UnsafeRawBufferPointer?
    for entry in entries where entry.kind == kind && !entry.isDropped {
      guard found == nil else { return nil }
      found = value(entry)
    }
    return found
  }

  // MARK: For nghttp2

  /// Calls `body` with the fields as nghttp2 takes them.
  /// - Parameter keeps: the list stays as it is until the frame was sent, so that nothing is copied.
  func withFields<Result>(
    keeps: Bool, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result
  ) -> Result {
    let copying =
      keeps ? NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue : 0
    // nghttp2 reads names and values only; its type is shared with what writes them.
    let base = bytes.base.assumingMemoryBound(to: UInt8.self)
    return withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: entries.count) { fields in
      var count = 0
      for entry in entries where !entry.isDropped {
        let flags = entry.neverIndexed ? copying | NGHTTP2_NV_FLAG_NO_INDEX.rawValue : copying
        fields.initializeElement(
          at: count,
          to: nghttp2_nv(
            name: base + Int(entry.nameStart), value: base + Int(entry.valueStart),
            namelen: Int(entry.nameEnd - entry.nameStart),
            valuelen: Int(entry.valueEnd - entry.valueStart),
            flags: UInt8(truncatingIfNeeded: flags)))
        count += 1
      }
      return body(UnsafePointer(fields.baseAddress), count)
    }
  }
}
