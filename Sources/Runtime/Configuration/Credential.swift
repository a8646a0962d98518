/// Credentials in running text that no variable holds.
enum Credential {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// How far back from `=` a name is looked for, in bytes.
  static let maximumNameBytes = 64
  /// From here on a word after `Bearer` is taken for a token although no digit is in it.
  static let wordlessLength = 20

  /// The value of `name=value` when the name looks like a secret and the value is long enough.
  static func assigned(_ text: Bytes, at equals: Int) -> Range<Int>? {
    var start = equals
    while start > 0, equals - start < maximumNameBytes,
      text[start - 1].isLetterOrDigit || "_-.".utf8.contains(text[start - 1])
    {
      start -= 1
    }
    guard equals - start >= 2, SecretName.looksSecret(text[start..<equals]) else { return nil }
    var first = equals + 1
    if first < text.count, "\"'".utf8.contains(text[first]) { first += 1 }
    var end = first
    while end < text.count, text[end] > 0x20, !#""'&;,)]}<>"#.utf8.contains(text[end]) { end += 1 }
    return end - first >= Redactor.minimumLength ? first..<end : nil
  }

  /// The token after `Bearer` or `Basic` (RFC 6750, RFC 7617), in any case, when it is not just
  /// the next word of a sentence.
  static func authorization(_ text: Bytes, at index: Int) -> Range<Int>? {
    guard index == 0 || !text[index - 1].isLetterOrDigit else { return nil }
    for scheme in ["bearer ", "basic "] {
      let word = text[index...].prefix(scheme.utf8.count)
      guard word.count == scheme.utf8.count,
        zip(word, scheme.utf8).allSatisfy({ $0 | 0x20 == $1 })
      else { continue }
      var start = word.endIndex
      while start < text.count, text[start] == 0x20 { start += 1 }
      let token = text[start...].prefix { $0.isLetterOrDigit || "-._~+/=".utf8.contains($0) }
      let isWord = !token.contains { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "=") }
      guard token.count >= (isWord ? wordlessLength : Redactor.minimumLength) else { return nil }
      return token.startIndex..<token.endIndex
    }
    return nil
  }
}
