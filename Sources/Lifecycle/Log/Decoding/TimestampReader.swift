/// Reads time stamps of log lines, `2026-11-22T04:08:00.000123Z`: the day is reckoned when it changes.
struct TimestampReader: Sendable {
  private static let length = 27

  /// `00:00`, `:00` and `.000000Z` as words.
  private static let hoursZero: UInt64 = 0x30_303A_3030
  private static let secondsZero: UInt64 = 0x30_303A
  private static let fractionZero: UInt64 = 0x5A30_3030_3030_302E

  /// `2026-11-` and `22T`, and when that day began.
  private var day: (head: UInt64, tail: UInt64, nanoseconds: Int64) = (0, 0, 0)

  /// Nanoseconds since 1970; nil for another format or an impossible date.
  mutating func read(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
    guard range.count == Self.length else { return nil }
    let start = range.lowerBound
    let head = bytes.word(at: start)
    let middle = bytes.word(at: start + 8)
    if head != day.head || middle.first(3) != day.tail {
      let midnight = TextCache.make(bytes, start..<start + 11) + "00:00:00.000000Z"
      guard let nanoseconds = Timestamp.parse(midnight) else { return nil }
      day = (head, middle.first(3), nanoseconds)
    }
    // What is left of a digit is its value, and of a sign nothing.
    let hours = (middle >> 24) ^ Self.hoursZero
    let seconds = bytes.word(at: start + 16).first(3) ^ Self.secondsZero
    let fraction = bytes.word(at: start + 19) ^ Self.fractionZero
    guard Self.areDigits(hours), Self.areDigits(seconds), Self.areDigits(fraction),
      hours & 0xFF_0000 == 0, seconds & 0xFF == 0, fraction & 0xFF00_0000_0000_00FF == 0
    else { return nil }
    let hour = Self.two(hours)
    let minute = Self.two(hours >> 24)
    let second = Self.two(seconds >> 8)
    guard hour < 24, minute < 60, second < 60 else { return nil }
    let microseconds =
      Self.two(fraction >> 8) * 10_000 + Self.two(fraction >> 24) * 100 + Self.two(fraction >> 40)
    let inDay = (hour * 3600 + minute * 60 + second) * 1_000_000 + microseconds
    return day.nanoseconds &+ inDay * 1000
  }

  private static func areDigits(_ word: UInt64) -> Bool {
    (word | (word &+ 0x7676_7676_7676_7676)) & UInt64.highBits == 0
  }

  /// The number of two digits, the first of which is in the lowest byte.
  private static func two(_ word: UInt64) -> Int64 {
    Int64(word & 0xFF) * 10 + Int64((word >> 8) & 0xFF)
  }
}
