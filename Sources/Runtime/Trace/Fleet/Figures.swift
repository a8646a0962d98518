internal import Lifecycle

/// Numbers as a person reads them.
enum Figures {
  /// A length of time in at most 10 characters, from milliseconds.
  static func time(_ milliseconds: Int64) -> String {
    let seconds = milliseconds / 1000
    switch milliseconds {
    case ..<10_000: return "\(milliseconds) ms"
    case ..<600_000: return "\(seconds).\(milliseconds / 100 % 10) s"
    case ..<36_000_000: return "\(seconds / 60) min"
    default: return "\(seconds / 3600) h"
    }
  }

  /// `+11.9 %`; an infinite one is a sign alone.
  static func change(_ part: Double) -> String {
    guard part.isFinite else { return "new" }
    let tenths = Int64((part * 1000).rounded())
    let sign = tenths < 0 ? "-" : "+"
    guard tenths.magnitude < 10_000, !tenths.isMultiple(of: 10) else {
      return "\(sign)\(tenths.magnitude / 10) %"
    }
    return "\(sign)\(tenths.magnitude / 10).\(tenths.magnitude % 10) %"
  }

  /// A whole number of percent.
  static func percent(_ part: Int, of whole: Int) -> String {
    whole == 0 ? "" : "\(Int((Double(part) * 100 / Double(whole)).rounded())) %"
  }

  /// A probability, never as 0.
  static func chance(_ probability: Double) -> String {
    if probability < 0.0001 { return "< 0.0001" }
    let scale: Double = probability < 0.01 ? 10_000 : 1000
    return (probability * scale).rounded().divided(by: scale).description
  }

  /// `1 run`, `2 runs`.
  static func counted(_ count: Int, _ one: String, _ many: String) -> String {
    "\(count) \(count == 1 ? one : many)"
  }

  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// At most `width` characters, the end given up.
  static func cut(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
  }

  /// At most `width` characters, the beginning given up: of a path the end matters.
  static func cutBeginning(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : "…" + text.suffix(max(0, width - 1))
  }

  /// Text of the log for a terminal: what would move the cursor is escaped, as in JSON.
  static func harmless(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.properties.generalCategory.isUnseen }) else {
      return text
    }
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar.properties.generalCategory.isUnseen {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Texts joined by `separator`, broken into lines of at most `width` characters, each indented.
  static func wrapped(
    _ parts: [String], separator: String, indent: Int, width: Int
  ) -> [String] {
    var lines: [String] = []
    var line = ""
    let room = max(20, width - indent)
    for part in parts {
      if line.isEmpty {
        line = part
      } else if line.count + separator.count + part.count <= room {
        line += separator + part
      } else {
        lines.append(line)
        line = part
      }
    }
    if !line.isEmpty { lines.append(line) }
    return lines.map { String(repeating: " ", count: indent) + cut($0, room) }
  }
}

extension Double {
  fileprivate func divided(by scale: Double) -> Double { self / scale }
}

extension Unicode.GeneralCategory {
  /// Controls, and what changes the direction of writing.
  fileprivate var isUnseen: Bool {
    switch self {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
    default: false
    }
  }
}

extension Timestamp {
  /// Without fraction and zone: `2026-11-22 04:08:00`.
  static func short(_ nanoseconds: Int64) -> String {
    format(nanosecondsSince1970: nanoseconds).prefix(19)
      .map { $0 == "T" ? " " : String($0) }.joined()
  }
}
