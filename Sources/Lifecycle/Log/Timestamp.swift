/// RFC 3339 UTC time stamps with microseconds, as `2026-11-22T04:08:00.000123Z`.
///
/// Days are counted by the proleptic Gregorian calendar; leap seconds do not exist here, as on a
/// POSIX clock.
public enum Timestamp {
  /// The years of which every instant is an `Int64` of nanoseconds since 1970.
  public static let years: ClosedRange<Int64> = 1678...2261

  public static func format(nanosecondsSince1970 nanoseconds: Int64) -> String {
    let microseconds = floorDivide(nanoseconds, 1000)
    let seconds = floorDivide(microseconds, 1_000_000)
    let fraction = microseconds - seconds * 1_000_000
    let days = floorDivide(seconds, 86400)
    let second = seconds - days * 86400
    let (year, month, day) = civil(days: days)
    var text: [UInt8] = []
    text.reserveCapacity(27)
    append(year, 4, UInt8(ascii: "-"), to: &text)
    append(month, 2, UInt8(ascii: "-"), to: &text)
    append(day, 2, UInt8(ascii: "T"), to: &text)
    append(second / 3600, 2, UInt8(ascii: ":"), to: &text)
    append(second / 60 % 60, 2, UInt8(ascii: ":"), to: &text)
    append(second % 60, 2, UInt8(ascii: "."), to: &text)
    append(fraction, 6, UInt8(ascii: "Z"), to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Nanoseconds since 1970, or nil for another format, an impossible date or a year beyond `years`.
  public static func parse(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count == 27, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
      bytes[16] == UInt8(ascii: ":"), bytes[19] == UInt8(ascii: "."),
      bytes[26] == UInt8(ascii: "Z"),
      let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
      let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]),
      let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
      let fraction = number(bytes[20..<26]),
      years.contains(year), (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 60
    else { return nil }
    let days = Self.days(year: year, month: month, day: day)
    guard civil(days: days) == (year, month, day) else { return nil }
    return ((days * 86400 + hour * 3600 + minute * 60 + second) * 1_000_000 + fraction) * 1000
  }

  private static func append(
    _ value: Int64, _ width: Int, _ terminator: UInt8, to text: inout [UInt8]
  ) {
    var divisor: Int64 = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > 0 {
      text.append(0x30 + UInt8(value / divisor % 10))
      divisor /= 10
    }
    text.append(terminator)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      value = value * 10 + Int64(digit - 0x30)
    }
    return value
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
  }

  // The calendar is counted in years that begin on 1 March, so that a leap day is a year's last
  // day; an era has 400 years, 146,097 days.

  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = floorDivide(shifted, 400)
    let yearOfEra = shifted - era * 400
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }
}
