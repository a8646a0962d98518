import Lifecycle
import Testing

@Suite("Reading lines")
struct LineDecoderTests {
  private static func dropped(_ count: String, more: String = "") -> String {
    #"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"warning","event":"log_dropped","seq":1,"run_id":"r","agentAppId":null,"uptime_ms":1,"count":"#
      + count + more + "}"
  }

  private func decode(text: String) throws(LogLine.DecodingError) -> LogLine {
    var decoder = LineDecoder()
    return try decoder.decode(Array(text.utf8).span)
  }

  @Test(
    "takes a number for what it says, however it is written",
    arguments: [
      ("0", 0), ("-0", 0), ("1.0", 1), ("1.50e1", 15), ("1e3", 1000), ("12345678", 12_345_678),
      ("123456789012345", 123_456_789_012_345), ("9007199254740992", 1 << 53),
      ("9007199254740993", nil), ("-1", -1), ("-9007199254740993", nil), ("1.5", nil),
      ("1e16", nil), ("1e300", nil),
      ("9223372036854775807", nil), ("9223372036854775808", nil), ("99999999999999999999", nil),
      ("null", nil), ("\"1\"", nil), ("true", nil), ("[]", nil), ("{}", nil),
    ] as [(String, Int64?)])
  func numbers(text: String, count: Int64?) throws {
    if let count {
      #expect(try decode(text: Self.dropped(text)).event == .logDropped(count: count))
    } else {
      #expect(throws: LogLine.DecodingError.malformedEvent("log_dropped", field: "count")) {
        try decode(text: Self.dropped(text))
      }
    }
  }

  @Test("knows times up to 34 years, and no number beyond what JSON has")
  func bounds() throws {
    func uptime(_ text: String) throws -> LogLine {
      try decode(
        text: Self.dropped("1").replacing("\"uptime_ms\":1", with: "\"uptime_ms\":\(text)"))
    }
    #expect(try uptime("\(LineDecoder.longestTime)").uptimeMilliseconds == LineDecoder.longestTime)
    for text in ["\(LineDecoder.longestTime + 1)", "-\(LineDecoder.longestTime + 1)"] {
      #expect(throws: LogLine.DecodingError.missingField("uptime_ms")) { try uptime(text) }
    }
    for text in ["1e400", "-1e400", "01", "1.", "+1", "0x1", "NaN"] {
      let error = #expect(throws: LogLine.DecodingError.self) { try uptime(text) }
      guard case .notJSON = error else {
        Issue.record("\(text): \(String(describing: error))")
        continue
      }
    }
  }

  /// What is known to be hard on readers of JSON, in the place of a member that nobody reads.
  static let traps: [(String, Bool)] = [
    (#""\u0000""#, true), (#""\u00e9""#, true), (#""\ud83d\ude00""#, true), (#""\ud83d""#, false),
    (#""\ude00\ud83d""#, false), (#""\x""#, false), (#""\u12""#, false), ("\"\t\"", false),
    ("\"\u{7F}\"", true), ("\"\u{2028}\"", true), ("'a'", false), ("[1,]", false), ("[,]", false),
    ("{\"a\":1,}", false), ("{\"a\":1,\"a\":2}", false), ("{\"a\":{\"a\":{\"a\":1}}}", true),
    ("[{\"a\":1},{\"a\":1}]", true), ("{\"a\":1,\"\\u0061\":2}", false), ("{a:1}", false),
    ("// x\n1", false), ("1 /* x */", false), ("nul", false), ("nulls", false), ("True", false),
    (".5", false), ("5.", false), ("-", false), ("1e", false), ("1e+", false), ("1E+2", true),
    ("-0.0", true), ("00", false), ("Infinity", false), ("[", false), ("]", false), ("\"", false),
    (String(repeating: "[", count: 62) + String(repeating: "]", count: 62), true),
    (String(repeating: "[", count: 64) + String(repeating: "]", count: 64), false),
    ("{\"timestamp\":1}", true), ("[{\"seq\":1,\"seq\":1}]", false),
    ("{\"name\":{\"name\":1}}", true),
    ("[\"a\" \"b\"]", false), ("{\"a\" 1}", false), ("{\"a\":1 \"b\":2}", false),
    ("\u{A0}1", false),
  ]

  @Test("is as strict as the reader of any JSON, and says the same", arguments: traps)
  func strict(value: String, isGood: Bool) {
    for text in [
      Self.dropped("1", more: ",\"x\":\(value)"), Self.dropped("1", more: ",\"config\":\(value)"),
      Self.dropped("1", more: ",\"x\":[\(value)]"), value,
    ] {
      var expected: JSONError?
      do throws(JSONError) { _ = try JSONReader.decode(text) } catch { expected = error }
      var found: JSONError?
      do { _ = try decode(text: text) } catch { if case .notJSON(let why) = error { found = why } }
      #expect(found == expected)
      #expect((expected == nil) == isGood || text.hasPrefix("["))
    }
  }

  @Test("refuses bytes that are no UTF-8, wherever a text is")
  func notUTF8() {
    for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0x80]] {
      for pad in 0..<20 {
        let before = Array(Self.dropped("1", more: ",\"x\":\"").utf8.dropLast())
        let text =
          before + [UInt8](repeating: 0x61, count: pad) + bytes + Array("\"}".utf8)
        var decoder = LineDecoder()
        let error = #expect(throws: LogLine.DecodingError.self) { try decoder.decode(text.span) }
        guard case .notJSON(let why) = error else {
          Issue.record("\(bytes)")
          continue
        }
        #expect(why.problem == .badString && why.offset == before.count + pad)
      }
    }
  }

  @Test("cut off anywhere is no line, and so is one with anything behind it")
  func cutOff() {
    let text = Array(Self.dropped("1", more: #","x":{"é":[1.5,"\n"]}"#).utf8)
    var decoder = LineDecoder()
    for length in 0..<text.count {
      #expect(throws: LogLine.DecodingError.self) {
        try decoder.decode(Array(text[..<length]).span)
      }
    }
    for more in ["x", "}", ",", "\u{1B}[0m"] {
      #expect(throws: LogLine.DecodingError.self) {
        try decoder.decode((text + Array(more.utf8)).span)
      }
    }
  }

  @Test("names may have escapes, and there may be many of them")
  func unusual() throws {
    let escaped = Self.dropped("1").replacing("\"seq\"", with: "\"s\\u0065q\"")
    #expect(try decode(text: escaped).sequence == 1)
    #expect(throws: LogLine.DecodingError.self) {
      try decode(text: Self.dropped("1", more: ",\"s\\u0065q\":2"))
    }
    // More names than are told apart without a set.
    for count in [191, 192, 193, 500] {
      let names = (0..<count).map { ",\"n\($0)\":0" }.joined()
      #expect(try decode(text: Self.dropped("7", more: names)).event == .logDropped(count: 7))
      #expect(throws: LogLine.DecodingError.self) {
        try decode(text: Self.dropped("7", more: names + ",\"n0\":0"))
      }
      #expect(throws: LogLine.DecodingError.self) {
        try decode(text: Self.dropped("7", more: names + ",\"count\":0"))
      }
    }
  }

  @Test(
    "an error names the member",
    arguments: [
      ("\"seq\":1", "\"seq\":null", .missingField("seq")),
      ("\"agentAppId\":null", "\"agentAppId\":7", .missingField("agentAppId")),
      ("\"run_id\":\"r\"", "\"deploymentId\":\"r\"", .missingField("run_id")),
      ("2026-01-02T", "2026-02-30T", .missingField("timestamp")),
      ("2026-01-02T", "9999-01-02T", .missingField("timestamp")),
      ("warning", "info", .malformedEvent("log_dropped", field: "level")),
      ("warning", "loud", .missingField("level")),
      ("log_dropped", "rocket", .unknownEvent("rocket")),
      ("\"count\":1", "\"counts\":1", .malformedEvent("log_dropped", field: "count")),
    ] as [(String, String, LogLine.DecodingError)])
  func errors(old: String, new: String, expected: LogLine.DecodingError) {
    let text = Self.dropped("1").replacing(old, with: new)
    let error = #expect(throws: LogLine.DecodingError.self) { try decode(text: text) }
    #expect(error == expected)
    #expect(error?.description.hasSuffix(".") == false)
  }

  @Test(
    "to be judged, a line says the same without the texts that nobody judges", arguments: 0..<30)
  func judged(seed: Int) throws {
    var samples = LogSamples(random: SplitMix(seed: UInt64(seed)))
    var (all, judged) = (LineDecoder(texts: .all), LineDecoder(texts: .judged))
    for event in samples.events() {
      let bytes = samples.line(event).encoded
      let line = try all.decode(bytes.span)
      let short = try judged.decode(bytes.span)
      #expect(short.event.name == line.event.name)
      #expect(short.event.transition == line.event.transition)
      #expect(short.event.level == line.event.level)
      #expect(short.sequence == line.sequence)
      #expect(short.runID == line.runID)
      #expect(short.agentAppID == line.agentAppID)
      #expect(short.deploymentID == line.deploymentID)
      #expect(short.wallNanoseconds == line.wallNanoseconds)
      #expect(short.uptimeMilliseconds == line.uptimeMilliseconds)
    }
    let output = LogEvent.agentOutput(stream: "stdout", line: "hello")
    #expect(
      try judged.decode(samples.line(output).encoded.span).event
        == .agentOutput(stream: "stdout", line: ""))
  }

  @Test("of the configuration, what the policy is made of is kept to be judged")
  func configuration() throws {
    let config: JSONValue = .members([
      "AGENT_APP_ID": "a", "PACKAGE_URL": nil, "BOOT_BUDGET_MS": 5000,
      "DRAIN_MIN_SEC": .number(0.5),
      "MULTIPLEXED": true, "TRUSTED_PROXIES": ["::1/128"], "WORKER_RESTARTS": "3/60",
    ])
    let line = LogLine(
      wallNanoseconds: 0, sequence: 1, runID: "r", agentAppID: nil, deploymentID: nil,
      uptimeMilliseconds: 1,
      event: .runStarted(version: "1", schema: 1, machine: "m", pid: 1, config: config))
    var (all, judged) = (LineDecoder(texts: .all), LineDecoder(texts: .judged))
    #expect(try all.decode(line.encoded.span) == line)
    guard case .runStarted(_, _, _, _, let kept) = try judged.decode(line.encoded.span).event
    else { return #expect(Bool(false)) }
    #expect(kept["BOOT_BUDGET_MS"] == 5000)
    #expect(kept["DRAIN_MIN_SEC"] == .number(0.5))
    #expect(kept["WORKER_RESTARTS"] == "3/60")
    #expect(kept["TRUSTED_PROXIES"] == nil)
  }

  @Test("texts are the same whether they were there before or not, also when they share a place")
  func texts() throws {
    var decoder = LineDecoder()
    for round in 0..<2 {
      for number in 0..<600 {
        let id = String(repeating: "x", count: number % 70) + "\(number)"
        let text = Self.dropped("1").replacing("\"r\"", with: "\"\(id)\"")
        #expect(try decoder.decode(Array(text.utf8).span).runID == id, "\(round)")
      }
    }
    for id in ["", "é", "a\u{0}b", "a"] {
      let quoted = String(decoding: JSONWriter.encode(.string(id)), as: UTF8.self)
      let text = Self.dropped("1").replacing("\"r\"", with: quoted)
      #expect(Array(try decoder.decode(Array(text.utf8).span).runID.utf8) == Array(id.utf8))
    }
  }
}
