import Testing

@testable import Lifecycle

@Suite("A line that is counted")
struct CountedLineTests {
  private static let request =
    #"{"timestamp":"2026-01-02T03:04:05.000006Z","level":"info","event":"request","seq":7,"#
    + #""run_id":"0123456789abcdef0123456789abcdef","agentAppId":"orders","deploymentId":"blue","#
    + #""uptime_ms":9,"method":"GET","path":"/a","status":200,"duration_us":4,"bytes":5,"#
    + #""request_id":"x","surface":"rest"}"#

  /// The line as it is counted; nil when it is not.
  private func count(_ text: String, _ decoder: inout LineDecoder) throws -> LogLine? {
    var counted = CountedLine()
    guard try decoder.decode(Array(text.utf8).span, into: &counted) else { return nil }
    return counted.line(of: decoder.owners[counted.owner])
  }

  /// Without the texts that a counted line does not have.
  private func short(_ line: LogLine) -> LogLine {
    var line = line
    switch line.event {
    case .request(let facts):
      line.event = .request(
        RequestFacts(
          method: "", path: "", status: facts.status,
          durationMicroseconds: facts.durationMicroseconds, bytes: facts.bytes, requestID: "",
          surface: "", sample: facts.sample))
    default: line.event = .agentOutput(stream: "", line: "")
    }
    return line
  }

  @Test("says what the whole line says, and is of the two kinds only", arguments: 0..<60)
  func same(seed: Int) throws {
    var samples = LogSamples(random: SplitMix(seed: UInt64(seed)))
    var decoder = LineDecoder()
    for event in samples.events() {
      let bytes = samples.line(event).encoded
      let line = try LogLine.decode(bytes)
      var counted = CountedLine()
      let isCounted = try decoder.decode(bytes.span, into: &counted)
      let expected =
        switch event {
        // Of those whose owner has long texts there are some, which are read in full.
        case .request, .agentOutput: isCounted
        default: false
        }
      #expect(isCounted == expected)
      if isCounted {
        #expect(counted.line(of: decoder.owners[counted.owner]) == short(line))
      } else {
        #expect(try decoder.decodeScanned(bytes.span) == line)
      }
    }
  }

  @Test("has the owner that it names, whoever's the lines before were")
  func owners() throws {
    var decoder = LineDecoder()
    for _ in 0..<2 {
      for number in 0..<300 {
        // Of some the first bytes of the run's id are the same, and so their place.
        let id = "0123456789abcdef\(1000 + number % 100)"
        let line = Self.request.replacing("0123456789abcdef0123456789abcdef", with: id)
          .replacing("orders", with: "agent-\(number)")
          .replacing(
            number % 3 == 0 ? #","deploymentId":"blue""# : "blue",
            with: number % 3 == 0 ? "" : "\(number)")
        let found = try #require(try count(line, &decoder))
        #expect(found == short(try LogLine.decode(Array(line.utf8))))
      }
      decoder.forgetOwners()
      #expect(decoder.owners.isEmpty)
    }
  }

  @Test(
    "is read in full when it is odd",
    arguments: [
      (#""seq":7,"#, ""),
      ("request\"", "requ\\u0065st\""),
      ("\"info\"", "\"inf\\u006f\""),
      ("\"info\"", "\"error\""),
      ("\"status\":200", "\"status\":\"200\""),
      ("\"status\":200", "\"status\":1e300"),
      (",\"surface\":\"rest\"", ""),
      ("\"GET\"", "null"),
      ("\"request_id\":\"x\"", "\"request_id\":1"),
      ("\"surface\":\"rest\"", "\"surface\":\"rest\",\"trace_id\":{}"),
      ("\"surface\":\"rest\"", "\"surface\":\"rest\",\"sample\":\"1\""),
      ("orders", String(repeating: "o", count: OwnerCache.lengthLimit)),
      ("\"agentAppId\":\"orders\"", "\"agentAppId\":7"),
      ("05.000006Z", "61.000006Z"),
      ("\"uptime_ms\":9", "\"uptime_ms\":99999999999999"),
    ])
  func odd(old: String, new: String) throws {
    var decoder = LineDecoder()
    #expect(try count(Self.request, &decoder) != nil)
    let text = Self.request.replacing(old, with: new)
    #expect(text != Self.request)
    #expect(try count(text, &decoder) == nil)
    let expected = Result { try LogLine.decode(Array(text.utf8)) }
    let found = Result { try decoder.decodeScanned(Array(text.utf8).span) }
    #expect((try? found.get()) == (try? expected.get()))
  }

  @Test("is judged as the whole line is", arguments: GoodRuns.all.map(\.name))
  func judged(name: String) throws {
    let good = try #require(GoodRuns.all.first { $0.name == name }).lines
    var random = SplitMix(seed: 11)
    var decoder = LineDecoder()
    for kind in Damage.kinds {
      for _ in 0..<20 {
        let lines = Damage(kind, good, &random).lines
        var (whole, counting) = (Replay(), Replay())
        for line in lines {
          whole.take(line)
          var counted = CountedLine()
          if try decoder.decode(line.encoded.span, into: &counted) {
            counting.take(counted, of: decoder.owners[counted.owner])
          } else {
            counting.take(line)
          }
        }
        #expect(counting.verdict == whole.verdict)
        #expect(counting.lines == whole.lines)
      }
    }
  }
}
