import Lifecycle
import Testing

@Suite("A log line")
struct LogLineTests {
  @Test("of any event is read back as it was written, byte for byte", arguments: 0..<60)
  func roundTrip(seed: Int) throws {
    var samples = LogSamples(random: SplitMix(seed: UInt64(seed)))
    for event in samples.events() {
      let line = samples.line(event)
      let bytes = line.encoded
      let decoded = try LogLine.decode(bytes)
      #expect(decoded == line)
      #expect(decoded.encoded == bytes)
    }
  }

  @Test("is compact, leaves / alone, and escapes every control character", arguments: 0..<60)
  func compact(seed: Int) throws {
    var samples = LogSamples(random: SplitMix(seed: UInt64(seed)))
    for event in samples.events() {
      let bytes = samples.line(event).encoded
      let text = String(decoding: bytes, as: UTF8.self)
      for scalar in text.unicodeScalars {
        #expect(scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value))
      }
      #expect(String(validating: bytes, as: UTF8.self) != nil)
      let bare = Self.outsideStrings(bytes)
      #expect(!bare.contains(UInt8(ascii: " ")))
      #expect(bytes.count <= LogLine.maximumLength)
    }
    let slash = LogEvent.fetch(
      Transition(from: nil, to: .fetching, cause: "started"), source: "file", url: "/a/b.apkg")
    let text = String(decoding: samples.line(slash).encoded, as: UTF8.self)
    #expect(text.contains("\"url\":\"/a/b.apkg\""))
  }

  private static func outsideStrings(_ bytes: [UInt8]) -> [UInt8] {
    var (outside, isInside, isEscaped): ([UInt8], Bool, Bool) = ([], false, false)
    for byte in bytes {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        isInside.toggle()
      } else if !isInside {
        outside.append(byte)
      }
    }
    return outside
  }

  @Test("begins with the common members, in their order; a transition's follow")
  func order() throws {
    var samples = LogSamples(random: SplitMix(seed: 1))
    for event in samples.events() {
      var line = samples.line(event)
      line.deploymentID = "d"
      let members = try #require(JSONReader.decode(line.encoded).members).map(\.name)
      #expect(
        members.starts(with: [
          "timestamp", "level", "event", "seq", "run_id", "agentAppId", "deploymentId",
          "uptime_ms",
        ]))
      if let transition = event.transition {
        let attempt = transition.attempt == nil ? [] : ["attempt"]
        #expect(members.dropFirst(8).starts(with: ["from", "to", "state", "cause"] + attempt))
      }
      line.deploymentID = nil
      line.agentAppID = nil
      let text = String(decoding: line.encoded, as: UTF8.self)
      #expect(text.contains(",\"agentAppId\":null,\"uptime_ms\":"))
    }
  }

  @Test(
    "has at most 16 KiB, whatever it carries",
    arguments: [
      "x", "é", "\u{1}", "\"", "\u{9F}", "👩‍👩‍👧‍👦", "\n",
    ])
  func bounded(unit: String) throws {
    let long = String(repeating: unit, count: 17_000 / unit.utf8.count)
    let short = String(repeating: unit, count: 600 / unit.utf8.count)
    let list = [String](repeating: short, count: 60)
    let events: [LogEvent] = [
      .agentOutput(stream: "stdout", line: long),
      .bootFailed(phase: .loading, Explanation(error: long, detail: long, hint: long)),
      .load(
        Transition(from: .installing, to: .loading, cause: "environment_installed", attempt: 1),
        LoadFacts(
          package: PackageIdentity(name: long, version: long, sha256: long), surfaces: list,
          restSocket: long, a2aSocket: long)),
      .workerExited(
        WorkerExit(
          pid: 1, status: nil, signal: long, outOfMemory: false, asked: false, stack: long,
          inFlight: list, restarts: 0, willRestart: false, delayMilliseconds: nil)),
      .request(
        RequestFacts(
          method: long, path: long, status: 200, durationMicroseconds: 1, bytes: 1,
          requestID: long, surface: long)),
      .slowRequest(
        SlowFacts(
          method: long, path: long, status: nil, grpcStatus: long,
          durationMilliseconds: LineDecoder.longestTime,
          agentMilliseconds: LineDecoder.longestTime, heldMilliseconds: LineDecoder.longestTime,
          requestID: long, traceID: long,
          surface: long, leftOut: Int(LineDecoder.largestCount))),
      .runStarted(
        version: long, schema: 1, machine: long, pid: 1,
        config: .object((0..<100).map { JSONMember("NAME_\($0)", .string(short)) })),
    ]
    for event in events {
      let line = LogLine(
        wallNanoseconds: 0, sequence: LineDecoder.largestCount, runID: long, agentAppID: long,
        deploymentID: long,
        uptimeMilliseconds: LineDecoder.longestTime, event: event)
      #expect(line.encoded.count <= LogLine.maximumLength)
      #expect(try LogLine.decode(line.encoded).event.name == event.name)
      let text = EncodedLine(text: line)
      #expect(text.head.count + text.tail.count + 24 <= LogLine.maximumLength)
    }
  }

  @Test("that is cut keeps the end of a traceback and the beginning of all else")
  func cut() throws {
    let middle = String(repeating: "m", count: 40_000)
    let line = LogLine(
      wallNanoseconds: 0, sequence: 1, runID: "r", agentAppID: nil, deploymentID: nil,
      uptimeMilliseconds: 1,
      event: .bootFailed(
        phase: .loading, Explanation(error: "first\(middle)", detail: "\(middle)last")))
    let decoded = try JSONReader.decode(line.encoded)
    #expect(decoded["error"]?.text?.hasPrefix("first") == true)
    #expect(decoded["error"]?.text?.hasSuffix("…") == true)
    #expect(decoded["detail"]?.text?.hasSuffix("last") == true)
    #expect(decoded["detail"]?.text?.hasPrefix("…") == true)
  }

  @Test("for a person has no control character but line feeds", arguments: 0..<40)
  func text(seed: Int) {
    var samples = LogSamples(random: SplitMix(seed: UInt64(seed)))
    for event in samples.events() {
      let encoded = EncodedLine(text: samples.line(event))
      let text = String(decoding: encoded.head + encoded.tail, as: UTF8.self)
      for scalar in text.unicodeScalars where scalar != "\n" && scalar != "\t" {
        #expect(scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value), "\(event.name)")
      }
    }
  }

  @Test("passes all its own texts through the redactor, in both formats")
  func redacted() {
    var samples = LogSamples(random: SplitMix(seed: 3))
    for event in samples.events() {
      let secret = "hunter2hunter2"
      let line = samples.line(event.carrying(secret))
      let hide: (String) -> String = { $0 == secret ? "***" : $0 }
      for encoded in [EncodedLine(line, redact: hide), EncodedLine(text: line, redact: hide)] {
        #expect(!String(decoding: encoded.tail, as: UTF8.self).contains(secret))
      }
    }
  }

  @Test(
    "that lacks a member, or has one of another kind, is not read",
    arguments: [
      "timestamp", "level", "event", "seq", "run_id", "uptime_ms", "from", "to", "cause", "bytes",
      "fetch_ms",
    ])
  func missing(name: String) throws {
    let line = LogLine(
      wallNanoseconds: 0, sequence: 1, runID: "r", agentAppID: "a", deploymentID: nil,
      uptimeMilliseconds: 1,
      event: .verify(
        Transition(from: .fetching, to: .verifying, cause: "package_fetched"), bytes: 1,
        fetchMilliseconds: 2))
    let members = try #require(JSONReader.decode(line.encoded).members)
    let without = JSONValue.object(members.filter { $0.name != name })
    #expect(throws: LogLine.DecodingError.self) { try LogLine.decode(JSONWriter.encode(without)) }
    let other = JSONValue.object(
      members.map { $0.name == name ? JSONMember(name, .array([])) : $0 })
    #expect(throws: LogLine.DecodingError.self) { try LogLine.decode(JSONWriter.encode(other)) }
  }

  @Test("with an unknown event, or the level of another one, is not read")
  func unknown() {
    let line =
      #"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"info","event":"NAME","seq":1,"run_id":"r","agentAppId":null,"uptime_ms":1,"count":1}"#
    func decode(_ name: String) throws {
      _ = try LogLine.decode(line.replacing("NAME", with: name).utf8)
    }
    #expect(throws: LogLine.DecodingError.unknownEvent("rocket")) { try decode("rocket") }
    #expect(throws: LogLine.DecodingError.malformedEvent("log_dropped", field: "level")) {
      try decode("log_dropped")
    }
  }
}

extension LogEvent {
  /// The same with a text in a place where a text can be.
  fileprivate func carrying(_ text: String) -> LogEvent {
    switch self {
    case .runStarted(let version, let schema, let machine, let pid, _):
      .runStarted(
        version: version, schema: schema, machine: machine, pid: pid,
        config: .members(["A": .string(text), "B": .array([.members(["C": .string(text)])])]))
    case .fetch(let transition, let source, _): .fetch(transition, source: source, url: text)
    case .workerExited(var exit):
      {
        (exit.stack, exit.inFlight) = (text, [text])
        return .workerExited(exit)
      }()
    case .configError(let variable, _): .configError(variable: variable, error: text)
    case .agentOutput(let stream, _): .agentOutput(stream: stream, line: text)
    case .warning(let code, _): .warning(code: code, message: text)
    default: self
    }
  }
}
