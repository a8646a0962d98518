import Lifecycle
import Testing

@Suite("JSON")
struct JSONTests {
  static let good: [(String, JSONValue)] = [
    ("null", .null), (" \t\r\n true ", true), ("false", false), ("0", 0), ("-0", 0), ("-17", -17),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.5", .number(1.5)),
    ("1e3", .number(1000)), ("1E+3", .number(1000)), ("-2.5e-1", .number(-0.25)),
    ("0.1", .number(0.1)), ("\"\"", ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
    (#""\u00e9\u0000""#, "é\u{0}"), (#""\ud83d\ude00""#, "😀"), (#""\uD83D\uDE00""#, "😀"),
    ("\"é😀\u{7F}\"", "é😀\u{7F}"), ("[]", []), ("[1,[2,[]],{}]", [1, [2, []], [:]]), ("{}", [:]),
    (#"{"b":1,"a":{"c":[null]}}"#, ["b": 1, "a": ["c": [nil]]]), (#"{"":0}"#, ["": 0]),
    // Two names that only look alike.
    ("{\"\u{E9}\":1,\"e\u{301}\":2}", ["\u{E9}": 1, "e\u{301}": 2]),
  ]

  @Test("that is good is read", arguments: good)
  func reads(text: String, value: JSONValue) throws {
    #expect(try JSONReader.decode(text) == value)
  }

  static let bad: [(String, JSONError.Problem)] = [
    ("", .unexpectedEnd), (" ", .unexpectedEnd), ("nul", .unexpectedEnd), ("nulx", .unexpectedByte),
    ("True", .unexpectedByte), ("nullnull", .trailingBytes), ("1 2", .trailingBytes),
    ("01", .badNumber), ("-01", .badNumber), ("00", .badNumber), ("+1", .unexpectedByte),
    ("-", .badNumber),
    ("1.", .badNumber), (".5", .unexpectedByte), ("1e", .badNumber), ("1e+", .badNumber),
    ("1e999", .badNumber), ("NaN", .unexpectedByte), ("Infinity", .unexpectedByte),
    ("0x10", .trailingBytes), ("1_000", .trailingBytes), ("'a'", .unexpectedByte),
    ("\"a", .unexpectedEnd), ("\"\t\"", .badString), ("\"\u{0}\"", .badString),
    ("\"\n\"", .badString), (#""\x41""#, .badString), (#""\u12"#, .unexpectedEnd),
    (#""\u12g4""#, .badString), (#""\ud83d""#, .badString), (#""\ud83dx""#, .badString),
    (#""\ud83d\n""#, .badString), (#""\ud83d\u0041""#, .badString), (#""\ude00""#, .badString),
    ("[", .unexpectedEnd), ("[1", .unexpectedEnd), ("[1,]", .unexpectedByte),
    ("[,1]", .unexpectedByte), ("[1 2]", .unexpectedByte), ("]", .unexpectedByte),
    ("{", .unexpectedEnd), (#"{"a""#, .unexpectedEnd), (#"{"a":"#, .unexpectedEnd),
    (#"{"a":1"#, .unexpectedEnd), (#"{"a":1,}"#, .unexpectedByte), (#"{a:1}"#, .unexpectedByte),
    (#"{1:1}"#, .unexpectedByte), (#"{"a" 1}"#, .unexpectedByte),
    (#"{"a":1 "b":2}"#, .unexpectedByte),
    (#"{"a":1,"a":1}"#, .duplicateName), (#"{"a":1,"\u0061":1}"#, .duplicateName),
    ("// c\n1", .unexpectedByte), ("[1]//", .trailingBytes), ("\u{FEFF}1", .unexpectedByte),
  ]

  @Test("that is bad is refused, and why is told", arguments: bad)
  func refuses(text: String, problem: JSONError.Problem) {
    let error = #expect(throws: JSONError.self) { try JSONReader.decode(text) }
    #expect(error?.problem == problem)
    #expect((0...text.utf8.count).contains(error?.offset ?? -1))
  }

  @Test(
    "with bytes that are no UTF-8 is refused",
    arguments: [
      [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
    ] as [[UInt8]])
  func notUTF8(bytes: [UInt8]) {
    for text in [[0x22] + bytes + [0x22], [0x22, 0x5C, 0x6E] + bytes + [0x22]] {
      let error = #expect(throws: JSONError.self) { try JSONReader.decode(text) }
      #expect(error?.problem == .badString)
    }
  }

  @Test("may be nested 63 deep, and no deeper than the maximum")
  func depth() throws {
    func nested(_ levels: Int) -> String {
      String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    _ = try JSONReader.decode(nested(JSONReader.maximumDepth))
    let error = #expect(throws: JSONError.self) {
      try JSONReader.decode(nested(JSONReader.maximumDepth + 1))
    }
    #expect(error?.problem == .tooDeep)
    #expect(throws: JSONError.self) {
      try JSONReader.decode(String(repeating: "{\"a\":", count: 100_000))
    }
  }

  @Test("of any value is read back as it was written", arguments: 0..<200)
  func roundTrip(seed: Int) throws {
    var samples = LogSamples(random: SplitMix(seed: UInt64(seed)))
    let value = samples.json()
    let bytes = JSONWriter.encode(value)
    #expect(try JSONReader.decode(bytes) == value)
    #expect(try JSONReader.decode(JSONWriter.pretty(value)) == value)
    #expect(try JSONWriter.encode(JSONReader.decode(bytes)) == bytes)
  }

  @Test("cut off anywhere is refused")
  func cutOff() throws {
    let text = Array(#"{"a":[1.5,-2e3,"x\u00e9\n",true,null],"b":{"c":"é"}}"#.utf8)
    for length in 0..<text.count {
      #expect(throws: JSONError.self) { try JSONReader.decode(text[..<length]) }
    }
  }

  @Test("bytes by chance never trap", arguments: 0..<20)
  func noise(seed: Int) {
    var random = SplitMix(seed: UInt64(seed))
    let alphabet = Array(#"{}[]",:\ue0123456789+-.truefalsn dD"#.utf8) + [0, 0xC3, 0xA9, 0xFF]
    for _ in 0..<2000 {
      let length = Int.random(in: 0...40, using: &random)
      let bytes = (0..<length).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      guard let value = try? JSONReader.decode(bytes) else { continue }
      #expect((try? JSONReader.decode(JSONWriter.encode(value))) != nil)
    }
  }

  @Test("writes control characters escaped and numbers as they are")
  func writes() {
    func text(_ value: JSONValue) -> String {
      String(decoding: JSONWriter.encode(value), as: UTF8.self)
    }
    #expect(
      text("\u{0}\u{1F}\u{7F}\u{80}\u{9F}\u{A0}/")
        == "\"\\u0000\\u001f\\u007f\\u0080\\u009f\u{A0}/\"")
    #expect(text("€\u{80}Â\u{9B}") == "\"€\\u0080Â\\u009b\"")
    #expect(text(.number(.infinity)) == "null")
    #expect(text(.number(.nan)) == "null")
    #expect(text(.number(2)) == "2")
    #expect(text(.number(-0.5)) == "-0.5")
    #expect(text([]) == "[]")
    #expect(text([:]) == "{}")
  }

  @Test("a whole number is whole however it is written")
  func whole() throws {
    #expect(try JSONReader.decode("2.0").whole == 2)
    #expect(try JSONReader.decode("2.5").whole == nil)
    #expect(try JSONReader.decode("1e30").whole == nil)
    #expect(try JSONReader.decode("\"2\"").whole == nil)
  }
}
