/// `Content-Range: bytes 100-199/200` (RFC 9110 section 14.4).
struct ContentRange: Equatable {
  let first: Int64
  let last: Int64
  /// Nil for `*`: unknown.
  let total: Int64?

  init?(_ text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
    let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
      first <= last
    else { return nil }
    let total = Self.number(parts[1])
    guard parts[1] == "*" || total.map({ last < $0 }) == true else { return nil }
    (self.first, self.last, self.total) = (first, last, total)
  }

  private static func number(_ text: Substring) -> Int64? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(text) : nil
  }
}

/// An `ETag` (RFC 9110 section 8.8.3) as it is sent back.
struct EntityTag: Equatable, Sendable {
  static let maximumBytes = 1024

  let text: String
  /// Strong: two answers with it are equal byte for byte, so one can go on where another ended.
  var isStrong: Bool { !text.hasPrefix("W/") }

  /// Nil for what is no entity tag.
  init?(_ text: String?) {
    guard let text, text.utf8.count <= Self.maximumBytes else { return nil }
    let opaque = text.hasPrefix("W/") ? text.dropFirst(2) : text[...]
    guard opaque.utf8.count >= 2, opaque.hasPrefix("\""), opaque.hasSuffix("\""),
      opaque.dropFirst().dropLast().utf8.allSatisfy({ $0 > 0x20 && $0 != 0x22 && $0 != 0x7F })
    else { return nil }
    self.text = text
  }
}
