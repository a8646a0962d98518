/// Text that came from elsewhere, made fit for one line of a log.
package enum PrintableText {
  static let maximumScalars = 200

  /// Control characters, line separators, and those that change how others are shown, as the marks
  /// of writing from right to left do.
  package static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  /// A name with its control and invisible characters escaped, cut at 200 scalars.
  package static func name(_ name: some Sequence<UInt8>) -> String {
    var text = ""
    for scalar in String(decoding: Array(name), as: UTF8.self).unicodeScalars.prefix(maximumScalars)
    {
      if isInvisible(scalar) {
        text += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  package static func name(_ name: String) -> String { Self.name(name.utf8) }

  /// A tool's line without terminal escapes (ECMA-48 CSI) and control characters.
  static func withoutEscapes(_ bytes: some Sequence<UInt8>) -> String {
    var result: [UInt8] = []
    var isEscape = false
    for byte in bytes {
      if byte == 0x1B {
        isEscape = true
      } else if isEscape {
        // A sequence ends with a letter or `~`.
        isEscape = !((0x40...0x7E).contains(byte) && byte != UInt8(ascii: "["))
      } else {
        result.append(byte == 0x09 ? 0x20 : byte)
      }
    }
    return String(decoding: result.filter { $0 >= 0x20 }, as: UTF8.self)
  }
}
