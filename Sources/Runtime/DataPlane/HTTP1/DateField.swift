import CPlatform

/// The `Date` of responses (RFC 9110 section 5.6.7), written once a second.
struct DateField {
  private var second: Int64 = -1
  private var text: [UInt8] = []

  /// `Sun, 06 Nov 1994 08:49:37 GMT`
  mutating func now() -> [UInt8] {
    let current = par_realtime_ns() / 1_000_000_000
    if current != second {
      second = current
      text = Self.format(current)
    }
    return text
  }

  /// - Parameter seconds: since 1970, not negative.
  static func format(_ seconds: Int64) -> [UInt8] {
    let (days, time) = (seconds / 86400, seconds % 86400)
    let names: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months: [StaticString] = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    // Days are counted in eras of 400 years that begin on the 1st of March, year 0.
    let shifted = days + 719_468
    let era = shifted / 146_097
    let day = shifted % 146_097
    let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return Array(
      """
      \(names[Int(days % 7)]), \(two(dayOfMonth)) \(months[Int(month - 1)]) \(year) \
      \(two(time / 3600)):\(two(time / 60 % 60)):\(two(time % 60)) GMT
      """.utf8)
  }
}
