import Testing

@testable import Lifecycle

@Suite("A supervisor's line")
struct SupervisorLineTests {
  private static func line(_ line: SupervisorLine) -> LogLine {
    LogLine(
      wallNanoseconds: 0, sequence: 1, runID: "s", agentAppID: nil, deploymentID: nil,
      uptimeMilliseconds: 1, event: .supervisor(line))
  }

  /// One of each kind, that none is forgotten.
  @Test("there is a sample of each, and each has a name of its own")
  func samples() {
    var samples = LogSamples(random: SplitMix(seed: 1))
    let names = samples.supervisorEvents().map(\.name)
    #expect(Set(names).count == names.count)
    #expect(
      Set(names) == Set(EventName.allCases.filter(\.isSupervisors).map(\.spelling.description)))
  }

  @Test("that lacks a member which is not null, or has one of another kind, is not read")
  func members() throws {
    var samples = LogSamples(random: SplitMix(seed: 7))
    for event in samples.supervisorEvents() {
      let members = try #require(JSONReader.decode(samples.line(event).encoded).members)
      let own = Set(event.fields.filter { !$0.value.isNull && $0.name != "config" }.map(\.name))
      for name in own {
        let changed = JSONValue.object(
          members.map { $0.name == name ? JSONMember(name, .members(["x": 1])) : $0 })
        #expect(throws: LogLine.DecodingError.self, "\(event.name) \(name)") {
          try LogLine.decode(JSONWriter.encode(changed))
        }
      }
    }
  }

  @Test("holds no query, user-info or value that the redactor hides, in both formats")
  func redacted() {
    let secret = "hunter2hunter2"
    let hide: (String) -> String = { $0.replacing(secret, with: "***") }
    let lines: [SupervisorLine] = [
      .desiredRefused(source: .api, errors: ["agents[0]: \(secret)"]),
      .agentTargetFailed(agent: "a", revision: "r", reason: secret),
      .started(
        version: "1", schema: 1, machine: "m", pid: 1, config: .members(["T": .string(secret)])),
    ]
    for line in lines.map(Self.line) {
      for encoded in [EncodedLine(line, redact: hide), EncodedLine(text: line, redact: hide)] {
        #expect(!String(decoding: encoded.tail, as: UTF8.self).contains(secret))
      }
    }
  }

  @Test("for a person tells from where to where an agent went")
  func text() {
    let facts = AgentStateFacts(
      agent: "billing", from: .booting, to: .ready, cause: .workerReady, reason: nil, worker: 3,
      mark: WorkerMark(run: "r", sequence: 6))
    let encoded = EncodedLine(text: Self.line(.agentState(facts)))
    #expect(
      String(decoding: encoded.tail, as: UTF8.self)
        == " info    agent_state  booting → ready  agent=billing  cause=worker_ready  worker=3"
        + "  worker_run=r  worker_seq=6")
  }

  @Test("in a run's own log is a violation")
  func strange() {
    var log = RunLog()
    log.write(.supervisor(.agentRemoved(agent: "a")))
    var replay = Replay()
    for line in log.lines { replay.take(line) }
    #expect(replay.verdict.name == "violates")
  }
}
