/// The first bytes of a client that speaks HTTP/2 (RFC 9113 section 3.4).
enum HTTP2Preface {
  enum Comparison {
    case whole
    /// All that is there is its beginning.
    case beginning
    case other
  }

  private static let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

  static var count: Int { text.utf8CodeUnitCount }

  /// Whether a part of the preface that begins at `offset` is as it must be.
  static func continues(_ bytes: Slice<UnsafeRawBufferPointer>, at offset: Int) -> Bool {
    zip(bytes, offset...).allSatisfy { $0 == text.utf8Start[$1] }
  }

  /// A server's whole connection that takes no stream: SETTINGS without an entry, then GOAWAY
  /// before the first stream with ENHANCE_YOUR_CALM.
  static let refusal: [UInt8] =
    [0, 0, 0, HTTP2Frame.settings, 0, 0, 0, 0, 0]
    + [0, 0, 8, HTTP2Frame.goaway, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xB]

  @inline(__always)
  static func compare(_ bytes: UnsafeRawBufferPointer) -> Comparison {
    let count = min(bytes.count, text.utf8CodeUnitCount)
    for index in 0..<count where bytes[index] != text.utf8Start[index] { return .other }
    return count == text.utf8CodeUnitCount ? .whole : .beginning
  }
}
