import Testing

@testable import LogTrace

@Suite("Text for a terminal")
struct DisplayTextTests {
  @Test(
    "has nothing in it that a terminal obeys",
    arguments: [
      ("plain", "plain"), ("tab\there", "tab here"), ("a\nb\r", "a\\u{a}b\\u{d}"),
      ("\u{1B}[2J", "\\u{1b}[2J"), ("\u{9B}31m", "\\u{9b}31m"), ("\u{7F}", "\\u{7f}"),
      ("a\u{202E}b", "a\\u{202e}b"), ("a\u{2028}b", "a\\u{2028}b"), ("\u{FEFF}", "\\u{feff}"),
      ("Straße 日本 ✗", "Straße 日本 ✗"), ("e\u{301}", "e\u{301}"), ("", ""),
    ])
  func escape(_ text: String, _ shown: String) {
    #expect(DisplayText.escape(text) == shown)
  }

  @Test(
    "has the width that terminals give it, or less",
    arguments: [
      ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("ｗ", 2), ("한글", 4), ("🙂", 2), ("✗░█◆", 4),
      ("❤\u{FE0F}", 2), ("", 0),
    ])
  func width(_ text: String, _ columns: Int) {
    #expect(DisplayText.width(text) == columns)
  }

  @Test(
    "is cut with a sign, between characters",
    arguments: [
      ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("日本語", 6, "日本語"), ("日本語", 5, "日本…"),
      ("日本語", 4, "日…"), ("e\u{301}e\u{301}", 1, "…"), ("abc", 0, ""), ("", 0, ""),
    ])
  func cut(_ text: String, _ columns: Int, _ shown: String) {
    #expect(DisplayText.cut(text, to: columns) == shown)
  }

  @Test(
    "is broken at blanks, and within a word where it must be",
    arguments: [
      ("one two three", 7, ["one two", "three"]), ("one two three", 80, ["one two three"]),
      ("abcdefgh ij", 3, ["abc", "def", "gh", "ij"]), ("日本語", 3, ["日", "本", "語"]),
      ("日本", 1, ["日", "本"]), ("", 10, []), ("a b", 0, ["a", "b"]),
    ])
  func wrap(_ text: String, _ columns: Int, _ lines: [String]) {
    #expect(DisplayText.wrap(text, to: columns) == lines)
  }

  @Test("is broken in a time that grows with it, whatever it is made of", .timeLimit(.minutes(1)))
  func long() {
    let word = String(repeating: "x", count: 1 << 20)
    #expect(DisplayText.wrap(word, to: 64).count == 1 << 14)
    let marks = String(repeating: "\u{301} ", count: 1 << 16)
    #expect(DisplayText.wrap(marks, to: 64).count > 0)
  }

  @Test(
    "tells lengths of time in nine columns",
    arguments: [
      (0, "0 ms"), (999, "999 ms"), (1000, "1.00 s"), (1389, "1.38 s"), (9999, "9.99 s"),
      (10_000, "10.0 s"), (59_999, "59.9 s"), (60_000, "1 m 00 s"), (3_599_999, "59 m 59 s"),
      (3_600_000, "1 h 00 m"), (172_799_999, "47 h 59 m"), (172_800_000, "2 d 00 h"),
      (8_639_999_999, "99 d 23 h"), (8_640_000_000, "100 d"), (.max, "106751991167 d"),
      (-5, "-5 ms"), (.min, "-106751991167 d"),
    ] as [(Int64, String)])
  func time(_ milliseconds: Int64, _ text: String) {
    #expect(TimeText.length(milliseconds) == text)
    #expect(text.count <= 9 || milliseconds.magnitude > UInt64(Int64.max) / 2)
  }

  @Test(
    "has numbers that can be read", arguments: [(0, "0"), (999, "999"), (1_234_567, "1,234,567")])
  func number(_ count: Int, _ text: String) {
    #expect(CountText.number(count) == text)
  }

  @Test("styles each piece of a line, and none without colours")
  func styles() {
    var line = TextLine("one", .red, indent: 2)
    line.add(" two", .plain)
    line.add(" \u{1B}", .bold)
    #expect(
      line.text(columns: 80, colours: true)
        == "  \u{1B}[31mone\u{1B}[0m two\u{1B}[1m \\u{1b}\u{1B}[0m\n")
    #expect(line.text(columns: 80, colours: false) == "  one two \\u{1b}\n")
    #expect(line.text(columns: 7, colours: false) == "  one …\n")
  }
}
