internal import Lifecycle

/// Numbers as a person reads them.
enum Figures {
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

  /// Texts joined by `separator`, broken into lines of at most `width` characters, each indented.
  static func wrapped(
    _ parts: [String], separator: String, indent: Int, width: Int
  ) -> [String] {
    var lines: [String] = []
    var line = ""
    let room = max(20, width - indent - (separator.hasPrefix(",") ? 1 : 0))
    for part in parts {
      if line.isEmpty {
        line = part
      } else if line.count + separator.count + part.count <= room {
        line += separator + part
      } else {
        lines.append(separator.hasPrefix(",") ? line + "," : line)
        line = part
      }
    }
    if !line.isEmpty { lines.append(line) }
    return lines.map { String(repeating: " ", count: indent) + cut($0, room + 1) }
  }
}

extension Double {
  fileprivate func divided(by scale: Double) -> Double { self / scale }
}

extension Timestamp {
  /// Without fraction and zone: `2026-11-22 04:08:00`.
  static func short(_ nanoseconds: Int64) -> String {
    format(nanosecondsSince1970: nanoseconds).prefix(19)
      .map { $0 == "T" ? " " : String($0) }.joined()
  }
}
