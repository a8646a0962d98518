import Lifecycle

@testable import LogTrace

/// A run made of its lines, as the table of runs hands it on.
struct Story {
  private var history = History()
  private var sequence: Int64 = 0
  private let runID: String
  private let agent: String

  init(_ runID: String = "00000000000000000000000000000001", agent: String = "my-agent") {
    (self.runID, self.agent) = (runID, agent)
  }

  /// Adds a line; `wall` in nanoseconds since 1970.
  mutating func write(_ event: LogEvent, at uptime: Int64, wall: Int64? = nil) {
    sequence += 1
    let line = LogLine(
      wallNanoseconds: wall ?? (1_767_323_045_000_000_000 &+ uptime &* 1_000_000),
      sequence: sequence, runID: runID, agentAppID: agent, deploymentID: nil,
      uptimeMilliseconds: uptime, event: event)
    history.take(line)
  }

  mutating func move(
    _ from: StateName?, _ to: StateName, at uptime: Int64, cause: String = "because"
  ) {
    let transition = Transition(from: from, to: to, cause: cause)
    switch to {
    case .draining:
      write(.drain(transition, inFlight: 0, deadlineMilliseconds: 30_000), at: uptime)
    case .stopped:
      let facts = StoppedFacts(
        exitCode: 0, outcome: .clean, completed: 0, aborted: 0, drainMilliseconds: 1)
      write(.stopped(transition, facts), at: uptime)
    case .fetching, .verifying, .installing, .loading, .ready:
      write(.verify(transition, bytes: 1, fetchMilliseconds: 1), at: uptime)
    }
  }

  func report(_ verdict: Replay.Verdict = .conforms) -> RunReport {
    RunReport(
      runID: runID, agentAppID: agent, deploymentID: nil, verdict: verdict, state: .stopped,
      lines: Int(sequence), history: history, place: "a.log:1", troublePlace: nil, before: [])
  }

  static func worker(_ pid: Int, ended asked: Bool) -> LogEvent {
    .workerExited(
      WorkerExit(
        pid: pid, status: 0, signal: nil, outOfMemory: false, asked: asked, stack: nil,
        inFlight: [], restarts: 0, willRestart: false, delayMilliseconds: nil))
  }
}
