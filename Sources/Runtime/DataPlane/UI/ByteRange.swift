/// A single byte range of a `Range` field (RFC 9110 section 14).
enum ByteRange: Equatable {
  /// No range, several, another unit, or not well formed: the whole is sent.
  case whole
  case part(Range<Int64>)
  case unsatisfiable

  init(_ value: UnsafeRawBufferPointer?, size: Int64) {
    self = Self.parse(value, size) ?? .whole
  }

  private static func parse(_ value: UnsafeRawBufferPointer?, _ size: Int64) -> ByteRange? {
    guard let value, value.count > 6,
      FieldName.matches(UnsafeRawBufferPointer(rebasing: value[..<6]), "bytes=")
    else { return nil }
    let range = value[6...]
    guard let dash = range.firstIndex(of: 0x2D) else { return nil }
    guard let first = number(range[..<dash]), let last = number(range[(dash + 1)...]) else {
      return nil
    }
    switch (first, last) {
    case (.none, .none): return nil
    case (.none, .some(let count)):
      guard count > 0, size > 0 else { return .unsatisfiable }
      return .part(max(0, size - count)..<size)
    case (.some(let start), .none):
      return start < size ? .part(start..<size) : .unsatisfiable
    case (.some(let start), .some(let end)):
      guard start <= end else { return nil }
      return start < size ? .part(start..<(min(end, size - 1) + 1)) : .unsatisfiable
    }
  }

  /// Outer nil: not a number; inner nil: empty.
  private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int64?? {
    if digits.isEmpty { return .some(nil) }
    guard digits.count <= 18, digits.allSatisfy({ Byte.isDigit($0) }) else { return nil }
    return digits.reduce(Int64(0)) { $0 * 10 + Int64($1 &- 0x30) }
  }
}
