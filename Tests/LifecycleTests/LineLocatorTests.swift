import Lifecycle
import Testing

@Suite("A line of ours in a line of somebody else's")
struct LineLocatorTests {
  static let line =
    #"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"info","event":"log_dropped","seq":7,"run_id":"r-1","agentAppId":"é\"\\x","uptime_ms":1,"count":1}"#

  private func find(_ text: [UInt8]) -> (finding: LineLocator.Finding, line: String?) {
    var locator = LineLocator()
    let finding = locator.locate(text.span)
    switch finding {
    case .plain(let range): return (finding, String(decoding: text[range], as: UTF8.self))
    case .escaped: return (finding, String(decoding: locator.unescaped, as: UTF8.self))
    case .unfinished, .foreign: return (finding, nil)
    }
  }

  @Test(
    "is found behind any prefix",
    arguments: [
      "", " ", "2026-11-22T16:53:13.189000+00:00 par/agent/0a1b ", "web-1  | ",
      "Nov 22 16:53:13 host par-lifecycle[123]: ", "2026-11-22T16:53:13.189Z stdout F ", "MESSAGE=",
      "\u{1B}[32mweb \u{1B}[0m| ", "{a} {\"b\":1} {\"timestamp\":1} ", "{", "{\"timestamp\" ",
      "\u{FEFF}",
    ])
  func prefixes(prefix: String) {
    for suffix in ["", "\n", "\r\n", " \t", "\u{1B}[0m", "\u{1B}[m \r"] {
      #expect(find(Array((prefix + Self.line + suffix).utf8)).line == Self.line)
    }
  }

  @Test("is found behind the eight bytes of its length, as journald exports it")
  func export() {
    let length = [UInt8(Self.line.utf8.count & 0xFF), 0, 0, 0, 0, 0, 0, 0]
    #expect(find(length + Array(Self.line.utf8)).line == Self.line)
    #expect(find([0xFF, 0x80] + Array(Self.line.utf8)).line == Self.line)
  }

  @Test("is found in a string of a JSON text, and in a string in a string", arguments: 1...5)
  func escaped(depth: Int) {
    var text = Self.line
    for _ in 0..<depth {
      text = String(
        decoding: JSONWriter.encode(
          .members(["log": .string(text + "\n"), "stream": "stdout", "time": "x"])), as: UTF8.self)
    }
    let expected = depth <= LineLocator.depthLimit ? Self.line : nil
    #expect(find(Array(text.utf8)).line == expected)
  }

  @Test("is found in a list of its bytes")
  func listed() {
    let bytes = Self.line.utf8.map { String($0) }.joined(separator: ",")
    #expect(find(Array("{\"A\":[1],\"MESSAGE\":[\(bytes)],\"B\":[2]}".utf8)).line == Self.line)
    for end in [",256]", ",-1]", "", ",x]", ",1.5]"] {
      let found = find(Array("{\"MESSAGE\":[\(bytes)\(end)".utf8)).finding
      #expect(found == .unfinished(from: 11))
    }
  }

  @Test(
    "that has no end is told from what is foreign",
    arguments: [
      ("", nil), ("plain text", nil), ("{\"time\":\"x\"}", nil), ("{\"timestamp\":1}", nil),
      ("{ \"timestamp\":\"x\"}", nil), ("{\"timestamp\" :\"x\"}", nil),
      ("{\\\\\"timestamp\\\\\":\\\\\"x\\\\\"}", nil), ("[123,34,116]", nil),
      ("{\"timestamp\":\"x", 0), ("{\"timestamp\":\"", 0), ("ab {\"timestamp\":\"x\"} c", 3),
      ("{\"timestamp\":\"x\"}}x", 0), ("{\"m\":\"{\\\"timestamp\\\":\\\"x\\\"}", 6),
      ("{\"m\":\"{\\\"timestamp\\\":\\\"x\\\"\"}", 6),
      ("{\"m\":\"{\\\"timestamp\\\":\\\"\\x\"}", 6),
    ] as [(String, Int?)])
  func unfinished(text: String, start: Int?) {
    let expected = start.map { LineLocator.Finding.unfinished(from: $0) } ?? .foreign
    #expect(find(Array(text.utf8)).finding == expected)
  }

  @Test(
    "that cannot be read may still name its run",
    arguments: [
      (#"{"timestamp":"x","run_id":"01ab","agen"#, "01ab"),
      (#"{"timestamp":"x","run_id":"01ab"#, nil),
      (#"{"timestamp":"x","run_id":""}"#, nil), (#"{"run_id":"a b"}"#, nil),
      (#"{"run_id":7}"#, nil),
      (#"{"run_id":"a\"b"}"#, nil), ("", nil),
      (
        "\"run_id\":\"" + String(repeating: "a", count: 128) + "\"",
        String(repeating: "a", count: 128)
      ),
      ("\"run_id\":\"" + String(repeating: "a", count: 129) + "\"", nil),
    ] as [(String, String?)])
  func runID(text: String, id: String?) {
    #expect(LineLocator.runID(in: Array(text.utf8).span) == id)
  }
}
