/// The texts of elements that hold nothing but text, by name, the first of each name: all that an
/// error of S3 has. It is no XML parser; what it does not understand it leaves out.
enum XMLElements {
  static func texts(in document: some Collection<UInt8>) -> [String: String] {
    var texts: [String: String] = [:]
    // Each piece begins after a `<`: `Code>NoSuchKey` is followed by `/Code>`.
    let pieces = Array(document).split(
      separator: UInt8(ascii: "<"), omittingEmptySubsequences: false)
    for (piece, next) in zip(pieces, pieces.dropFirst()) {
      guard let end = piece.firstIndex(of: UInt8(ascii: ">")) else { continue }
      let name = piece[..<end].prefix { $0 > 0x20 }
      guard !name.isEmpty, next.first == UInt8(ascii: "/"),
        next.dropFirst().prefix(while: { $0 > 0x20 && $0 != UInt8(ascii: ">") })
          .elementsEqual(name)
      else { continue }
      let key = String(decoding: name, as: UTF8.self)
      guard texts[key] == nil else { continue }
      texts[key] = unescaped(String(decoding: piece[(end + 1)...], as: UTF8.self))
    }
    return texts
  }

  /// The five entities and numeric references (XML 1.0, section 4.1); others stay as they are.
  private static func unescaped(_ text: String) -> String {
    guard text.contains("&") else { return text }
    var result = ""
    var rest = text[...]
    while let ampersand = rest.firstIndex(of: "&") {
      result += rest[..<ampersand]
      rest = rest[ampersand...]
      guard let end = rest.prefix(12).firstIndex(of: ";"),
        let scalar = scalar(rest[rest.index(after: ampersand)..<end])
      else {
        result.append("&")
        rest = rest.dropFirst()
        continue
      }
      result.unicodeScalars.append(scalar)
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }

  private static func scalar(_ name: Substring) -> Unicode.Scalar? {
    switch name {
    case "amp": "&"
    case "lt": "<"
    case "gt": ">"
    case "quot": "\""
    case "apos": "'"
    default:
      if name.hasPrefix("#x") {
        UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
      } else if name.hasPrefix("#") {
        UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init)
      } else {
        nil
      }
    }
  }
}
