import Lifecycle
import Testing

@testable import Supervisor

/// The log of a run that becomes ready and is stopped, as lines without their ends.
private struct Testimony {
  var testimony = WorkerTestimony(agent: "alpha", pid: 7)
  var decoder = LineDecoder(texts: .shown)
  var sequence: Int64 = 0
  var uptime: Int64 = 0

  mutating func line(
    _ event: LogEvent, run: String = "run-1", agent: String? = "alpha", at uptime: Int64? = nil
  ) -> [UInt8] {
    sequence += 1
    self.uptime = uptime ?? self.uptime + 1
    return LogLine(
      wallNanoseconds: 1_700_000_000_000_000_000 + self.uptime * 1_000_000, sequence: sequence,
      runID: run, agentAppID: agent, deploymentID: nil, uptimeMilliseconds: self.uptime,
      event: event
    ).encoded
  }

  mutating func take(_ bytes: [UInt8], isCut: Bool = false) -> WorkerTestimony.Finding {
    testimony.take(bytes, isCut: isCut, &decoder)
  }

  mutating func tell(_ event: LogEvent) -> WorkerTestimony.Finding { take(line(event)) }

  static func started(pid: Int = 7) -> LogEvent {
    .runStarted(
      version: "1", schema: LogLine.schema, machine: MachineTable.hash, pid: pid,
      config: .members(["AGENT_APP_ID": .string("alpha")]))
  }

  static let fetch = LogEvent.fetch(
    Transition(from: nil, to: .fetching, cause: "started"), source: "file", url: "/p")

  static let verify = LogEvent.verify(
    Transition(from: .fetching, to: .verifying, cause: "package_fetched"), bytes: 1,
    fetchMilliseconds: 1)
}

@Suite("What a worker's log says of it")
struct WorkerTestimonyTests {
  @Test("is believed for as long as the machine allows it")
  func believed() {
    var log = Testimony()
    #expect(log.tell(Testimony.started()) == .told(.listening, isDroppable: false))
    #expect(log.testimony.runID == "run-1" && log.testimony.mark == 1)
    #expect(log.tell(Testimony.fetch) == .told(nil, isDroppable: false))
    #expect(log.testimony.state == .fetching)
    #expect(
      log.tell(.agentOutput(stream: "stdout", line: "x")) == .told(nil, isDroppable: true))
    #expect(log.testimony.lie == nil)
  }

  @Test("is not believed from the first line on that the machine does not allow")
  func lie() {
    var log = Testimony()
    _ = log.tell(Testimony.started())
    _ = log.tell(Testimony.fetch)
    let ready = LogEvent.runtimeReady(
      Transition(from: .loading, to: .ready, cause: "worker_ready", attempt: 1),
      ReadyFacts(
        bootMilliseconds: 3, phases: PhaseTimes(fetch: 0, verify: 0, install: 0, load: 3),
        loadMilliseconds: 3, surfaces: ["rest"], restPort: 1, a2aPort: nil, uiPort: nil))
    let finding = log.tell(ready)
    guard case .lie(let why) = finding else {
      Issue.record("\(finding)")
      return
    }
    #expect(why.contains("runtime_ready"))
    #expect(log.testimony.lie == why)
    // Nothing that follows is news, and what was believed stays.
    #expect(log.tell(Testimony.verify) == .told(nil, isDroppable: false))
    #expect(log.testimony.state == .fetching && log.testimony.mark == 2)
  }

  @Test("is a lie where a number is left out")
  func gap() {
    var log = Testimony()
    _ = log.tell(Testimony.started())
    log.sequence += 1
    guard case .lie(let why) = log.tell(Testimony.fetch) else {
      Issue.record("it is believed")
      return
    }
    #expect(why.contains("seq"))
  }

  @Test("is a lie where it is another program's")
  func otherProgram() {
    var log = Testimony()
    let started = LogEvent.runStarted(
      version: "1", schema: LogLine.schema, machine: "0000000000000000", pid: 7, config: .null)
    guard case .lie(let why) = log.tell(started) else {
      Issue.record("it is believed")
      return
    }
    #expect(why.contains("another program"))
  }

  @Test("is not what others write into it, and goes on being believed")
  func foreign() {
    var log = Testimony()
    #expect(log.take(Array("Traceback".utf8)).isForeign)
    #expect(log.take(log.line(Testimony.fetch)).isForeign, "before run_started")
    log.sequence = 0
    #expect(log.take(log.line(Testimony.started(pid: 8))).isForeign, "another process")
    log.sequence = 0
    #expect(log.tell(Testimony.started()) == .told(.listening, isDroppable: false))
    let forged: [[UInt8]] = [
      Array("{\"event\":\"stopped\"}".utf8), Array("{}".utf8), [0xFF, 0xFE], [],
      log.line(Testimony.fetch, run: "run-2"), log.line(Testimony.fetch, agent: "beta"),
    ]
    log.sequence = 1
    for line in forged { #expect(log.take(line).isForeign) }
    let long = [UInt8](repeating: 0x78, count: LogLine.maximumLength)
    #expect(
      log.take(long, isCut: true) == .foreign("is longer than 16384 bytes"))
    #expect(log.tell(Testimony.fetch) == .told(nil, isDroppable: false))
    #expect(log.testimony.lie == nil)
  }
}

extension WorkerTestimony.Finding {
  fileprivate var isForeign: Bool { if case .foreign = self { true } else { false } }
}

@Suite("Lines of a worker")
struct LineFramerTests {
  @Test("are put together from pieces, without their ends")
  func pieces() {
    var framer = LineFramer(longest: 10)
    #expect(framer.take(Array("ab".utf8)) == [])
    #expect(
      framer.take(Array("c\nd\n\ne".utf8))
        == ["abc", "d", ""].map {
          LineFramer.Line(bytes: Array($0.utf8))
        })
    #expect(framer.end() == LineFramer.Line(bytes: Array("e".utf8)))
    #expect(framer.end() == nil)
  }

  @Test("are cut where they are too long, and the next one is whole")
  func cut() {
    var framer = LineFramer(longest: 4)
    let lines = framer.take(Array("abcd\nabcde\nab".utf8)) + framer.take(Array("cdefgh\nx\n".utf8))
    #expect(
      lines == [
        LineFramer.Line(bytes: Array("abcd".utf8)),
        LineFramer.Line(bytes: Array("abcd".utf8), isCut: true),
        LineFramer.Line(bytes: Array("abcd".utf8), isCut: true),
        LineFramer.Line(bytes: Array("x".utf8)),
      ])
  }
}
