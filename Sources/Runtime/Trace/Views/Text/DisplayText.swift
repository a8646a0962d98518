/// Text as a terminal shows it: nothing in it moves the cursor, and its width is known.
enum DisplayText {
  /// With everything escaped that is not seen but obeyed: control characters (C0, C1, DEL), line and
  /// paragraph separators, and format characters, which can change the direction of what follows.
  static func escape(_ text: some StringProtocol) -> String {
    if text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return String(text) }
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\t": shown.append(" ")
      case " "..."~": shown.append(scalar)
      default:
        if isObeyed(scalar) {
          shown.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
        } else {
          shown.append(scalar)
        }
      }
    }
    return String(shown)
  }

  private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned: true
    default: false
    }
  }

  /// Columns that the text takes at most. Terminals differ in what they make of joined emoji: each part
  /// is counted.
  static func width(_ text: some StringProtocol) -> Int {
    text.unicodeScalars.reduce(0) { $0 + width($1) }
  }

  private static func width(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    // It makes an emoji, which is wide, of the narrow character before.
    if scalar.value == 0xFE0F { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: return isWide(scalar.value) || scalar.properties.isEmojiPresentation ? 2 : 1
    }
  }

  /// East Asian Wide and Fullwidth, by blocks (Unicode Standard Annex 11).
  private static func isWide(_ value: UInt32) -> Bool {
    switch value {
    case 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF,
      0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF,
      0x1F000...0x1FAFF, 0x20000...0x3FFFD:
      true
    default: false
    }
  }

  /// The beginning of the text, with … for what did not fit.
  static func cut(_ text: String, to columns: Int) -> String {
    // A character has at most two columns for each of its bytes.
    if text.utf8.count <= columns || width(text) <= columns { return text }
    var shown = ""
    var left = columns - 1
    for character in text {
      left -= width(String(character))
      guard left >= 0 else { break }
      shown.append(character)
    }
    return columns > 0 ? shown + "…" : ""
  }

  /// In lines of at most so many columns, broken at blanks where it can be.
  static func wrap(_ text: String, to columns: Int) -> [String] {
    let columns = max(1, columns)
    var lines: [String] = []
    var line = ""
    var room = 0
    for word in text.split(separator: " ") {
      if !line.isEmpty, fits(word, in: room - 1) {
        line += " " + word
        room -= 1 + width(word)
        continue
      }
      if !line.isEmpty { lines.append(line) }
      var rest = word
      while !fits(rest, in: columns) {
        let piece = prefix(rest, columns)
        lines.append(String(piece))
        rest = rest[piece.endIndex...]
      }
      line = String(rest)
      room = columns - width(rest)
    }
    return line.isEmpty ? lines : lines + [line]
  }

  /// Looks no further than it has to.
  private static func fits(_ text: Substring, in columns: Int) -> Bool {
    var left = columns
    for scalar in text.unicodeScalars {
      left -= width(scalar)
      if left < 0 { return false }
    }
    return left >= 0
  }

  /// The first characters that fit; at least one.
  private static func prefix(_ text: Substring, _ columns: Int) -> Substring {
    var left = columns
    var end = text.startIndex
    for index in text.indices {
      left -= width(String(text[index]))
      if left < 0, index > text.startIndex { return text[..<index] }
      end = text.index(after: index)
    }
    return text[..<end]
  }

  static func padded(_ text: String, to columns: Int) -> String {
    text + String(repeating: " ", count: max(0, columns - width(text)))
  }

  static func rightAligned(_ text: String, in columns: Int) -> String {
    String(repeating: " ", count: max(0, columns - width(text))) + text
  }
}
