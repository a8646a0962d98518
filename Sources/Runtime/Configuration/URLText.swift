/// Where a URL's parts are in text that need not be well-formed (RFC 3986, section 3).
package enum URLText {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// True at the colon of `scheme://`.
  static func isSchemeEnd(_ text: Bytes, at index: Int) -> Bool {
    index > 0 && index + 2 < text.count && text[index] == UInt8(ascii: ":")
      && text[index + 1] == UInt8(ascii: "/") && text[index + 2] == UInt8(ascii: "/")
      && text[index - 1].isLetterOrDigit
  }

  /// The first byte after a URL in running text: a blank, a quotation mark, an angle bracket.
  static func end(_ text: Bytes, from start: Int) -> Int {
    var index = start
    while index < text.count, text[index] > 0x20, text[index] != 0x7F,
      text[index] != UInt8(ascii: "\""), text[index] != UInt8(ascii: "'"),
      text[index] != UInt8(ascii: "<"), text[index] != UInt8(ascii: ">"),
      text[index] != UInt8(ascii: "`")
    {
      index += 1
    }
    return index
  }

  /// The user-info before `@`; nil when there is none.
  static func userInfo(_ text: Bytes, from start: Int, end: Int) -> Range<Int>? {
    guard start < end else { return nil }
    let authority = text[start..<end].prefix { $0 != UInt8(ascii: "/") }
    guard let sign = authority.lastIndex(of: UInt8(ascii: "@")), sign > start else { return nil }
    return start..<sign
  }

  /// The password in the user-info of a value that is a URL.
  static func password(in url: [UInt8]) -> ArraySlice<UInt8>? {
    guard let colon = url.firstIndex(of: UInt8(ascii: ":")),
      url[colon...].starts(with: "://".utf8)
    else { return nil }
    let authority = url[(colon + 3)...].prefix { $0 != UInt8(ascii: "/") }
    guard let sign = authority.lastIndex(of: UInt8(ascii: "@")),
      let separator = authority[..<sign].firstIndex(of: UInt8(ascii: ":"))
    else { return nil }
    return authority[(separator + 1)..<sign]
  }

  /// The values of the parameters in a URL's query, as they stand.
  static func queryValues(in url: [UInt8]) -> [[UInt8]] {
    let query = url.prefix { $0 != UInt8(ascii: "#") }.drop { $0 != UInt8(ascii: "?") }.dropFirst()
    return query.split(separator: UInt8(ascii: "&")).map { parameter in
      let end = parameter.firstIndex(of: UInt8(ascii: "="))
      return Array(end.map { parameter[($0 + 1)...] } ?? parameter)
    }
  }

  /// `%XX` replaced by its byte; what is no such thing stays.
  static func percentDecoded(_ bytes: [UInt8]) -> [UInt8] {
    var decoded: [UInt8] = []
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.prefix(2).allSatisfy(\.isLetterOrDigit),
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
        rest.count >= 2
      {
        decoded.append(value)
        rest = rest.dropFirst(2)
      } else {
        decoded.append(byte)
      }
    }
    return decoded
  }

  /// Without user-info, query and fragment. `@` counts up to the first slash, though a query may
  /// begin before it: of a password that nobody encoded, no part may stay.
  static func bare(_ url: [UInt8]) -> [UInt8] {
    let scheme = url.prefix { $0.isLetterOrDigit || "+-.".utf8.contains($0) }
    var start = 0
    if scheme.endIndex < url.count, url[scheme.endIndex] == UInt8(ascii: ":") {
      start = scheme.endIndex + 1
    }
    while start < url.count, url[start] == UInt8(ascii: "/") { start += 1 }
    let authority = url[start...].prefix { $0 != UInt8(ascii: "/") }
    let host = authority.lastIndex(of: UInt8(ascii: "@")).map { $0 + 1 } ?? start
    let shown = url[host...].prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    return Array(url[..<start] + shown)
  }

  /// All but unreserved characters, and those to keep, as `%XX` (RFC 3986, section 2.1).
  package static func percentEncoded(
    _ bytes: some Sequence<UInt8>, keeping kept: String = ""
  ) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return bytes.flatMap { byte in
      byte.isLetterOrDigit || "-._~".utf8.contains(byte) || kept.utf8.contains(byte)
        ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
}
