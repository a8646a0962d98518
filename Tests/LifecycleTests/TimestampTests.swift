import Lifecycle
import Testing

@Suite("Timestamps")
struct TimestampTests {
  /// Seconds since 1970 by date(1).
  static let days: [(Int64, String)] = [
    (0, "1970-01-01T00:00:00"), (-1, "1969-12-31T23:59:59"), (951_782_400, "2000-02-29T00:00:00"),
    (951_868_799, "2000-02-29T23:59:59"), (951_868_800, "2000-03-01T00:00:00"),
    (1_709_164_800, "2024-02-29T00:00:00"), (1_709_251_200, "2024-03-01T00:00:00"),
    (1_735_689_599, "2024-12-31T23:59:59"), (1_735_689_600, "2025-01-01T00:00:00"),
    (2_147_483_648, "2038-01-19T03:14:08"), (4_107_542_400, "2100-03-01T00:00:00"),
    (4_107_456_000, "2100-02-28T00:00:00"), (-2_208_988_800, "1900-01-01T00:00:00"),
    (1_763_784_480, "2025-11-22T04:08:00"), (7_258_118_400, "2200-01-01T00:00:00"),
  ]

  @Test("are those of the calendar, and read back", arguments: days)
  func known(seconds: Int64, text: String) {
    for (nanoseconds, fraction) in [
      (0, "000000"), (123_456_000, "123456"), (999_999_000, "999999"),
    ] {
      let time = seconds * 1_000_000_000 + Int64(nanoseconds)
      #expect(Timestamp.format(nanosecondsSince1970: time) == "\(text).\(fraction)Z")
      #expect(Timestamp.parse("\(text).\(fraction)Z") == time)
    }
  }

  @Test("of every day of 400 years read back, and follow each other")
  func everyDay() {
    var before = ""
    for day in -25_567...(-25_567 + 146_097 / 2) {
      let time = Int64(day) * 86_400_000_000_000
      let text = Timestamp.format(nanosecondsSince1970: time)
      #expect(text > before)
      #expect(Timestamp.parse(text) == time)
      before = text
    }
  }

  @Test("drop what is less than a microsecond")
  func rounding() {
    #expect(Timestamp.format(nanosecondsSince1970: 999) == "1970-01-01T00:00:00.000000Z")
    #expect(Timestamp.format(nanosecondsSince1970: -1) == "1969-12-31T23:59:59.999999Z")
  }

  @Test(
    "of another form, or of no day, are refused",
    arguments: [
      "", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678Z", "2026-01-02 03:04:05.678901Z",
      "2026-01-02T03:04:05.678901z", "2026-01-02T03:04:05.678901+", "2026-02-29T00:00:00.000000Z",
      "2100-02-29T00:00:00.000000Z", "2026-13-01T00:00:00.000000Z", "2026-00-01T00:00:00.000000Z",
      "2026-01-32T00:00:00.000000Z", "2026-01-00T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z",
      "2026-01-01T00:60:00.000000Z", "2026-01-01T00:00:60.000000Z", "2026-01-01T00:00:00.00000aZ",
      "+026-01-01T00:00:00.000000Z", "2026-04-31T00:00:00.000000Z",
    ])
  func refused(text: String) { #expect(Timestamp.parse(text) == nil) }
}
