internal import Lifecycle

/// Times for people.
enum TimeText {
  /// A length of time in at most nine columns, up to 2,700 years: `967 ms`, `1.38 s`, `2 m 03 s`,
  /// `3 h 04 m`, `12 d 03 h`.
  static func length(_ milliseconds: Int64) -> String {
    let (seconds, minutes, hours) =
      (milliseconds / 1000, milliseconds / 60_000, milliseconds / 3_600_000)
    switch milliseconds {
    case ..<0: return "-" + length(0 - max(milliseconds, -Int64.max))
    case ..<1000: return "\(milliseconds) ms"
    case ..<10_000: return "\(seconds).\(two(milliseconds / 10 % 100)) s"
    case ..<60_000: return "\(seconds).\(milliseconds / 100 % 10) s"
    case ..<3_600_000: return "\(minutes) m \(two(seconds % 60)) s"
    case ..<172_800_000: return "\(hours) h \(two(minutes % 60)) m"
    case ..<8_640_000_000: return "\(hours / 24) d \(two(hours % 24)) h"
    default: return "\(hours / 24) d"
    }
  }

  /// A time of day with its date: `2026-11-22 09:01:48 UTC`.
  static func date(_ nanoseconds: Int64) -> String {
    let text = Timestamp.format(nanosecondsSince1970: nanoseconds)
    return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
  }

  private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

/// Numbers and words for people.
enum CountText {
  /// With a comma every three digits: `12,345`.
  static func number(_ count: Int) -> String {
    let digits = String(count.magnitude)
    var text = count < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// `1 line`, `2 lines`.
  static func of(_ count: Int, _ one: String, _ many: String? = nil) -> String {
    "\(number(count)) \(count == 1 ? one : many ?? one + "s")"
  }
}
