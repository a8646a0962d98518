import Lifecycle

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
enum RetryAfter {
  static let maximumSeconds: Int64 = 1_000_000_000

  /// - Parameter now: nanoseconds since 1970.
  static func parse(_ text: String, now: Int64) -> Interval? {
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      let seconds = min(Int64(text) ?? maximumSeconds, maximumSeconds)
      return Interval(nanoseconds: seconds * 1_000_000_000)
    }
    return date(text).map { Interval(nanoseconds: max(0, $0 - now)) }
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate; the obsolete forms are not read) in nanoseconds
  /// since 1970.
  static func date(_ text: String) -> Int64? {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    let months = [
      "Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06", "Jul": "07",
      "Aug": "08", "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12",
    ]
    guard words.count == 6, words[0].hasSuffix(","), words[5] == "GMT",
      let month = months[String(words[2])]
    else { return nil }
    return Timestamp.parse("\(words[3])-\(month)-\(words[1])T\(words[4]).000000Z")
  }
}
