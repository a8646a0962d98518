import Lifecycle

/// A run that was asked to stop while it fetched, with some warnings in it: the shortest life that
/// conforms.
struct ShortRun {
  let id: String
  /// Of which `count` minus four are warnings.
  let count: Int

  /// - Parameter id: filled up to the 32 digits of a run's id.
  init(_ id: String, lines count: Int = 8) {
    self.id = String(repeating: "0", count: max(0, 32 - id.count)) + id
    self.count = count
  }

  var lines: [LogLine] { (1...count).map(line) }

  /// One line, with its line feed.
  func text(_ sequence: Int) -> [UInt8] { line(sequence).encoded + [0x0A] }

  /// Some of the lines, with their line feeds.
  func text(_ sequences: some Sequence<Int>) -> [UInt8] { sequences.flatMap { text($0) } }

  var text: [UInt8] { text(1...count) }

  func line(_ sequence: Int) -> LogLine {
    let uptime = Int64(sequence) * 10
    return LogLine(
      wallNanoseconds: 1_767_323_045_678_901_000 + uptime * 1_000_000, sequence: Int64(sequence),
      runID: id, agentAppID: "short", deploymentID: nil, uptimeMilliseconds: uptime,
      event: event(sequence))
  }

  private func event(_ sequence: Int) -> LogEvent {
    switch sequence {
    case 1:
      .runStarted(
        version: "0.1.0", schema: LogLine.schema, machine: MachineTable.hash, pid: 7,
        config: .members(["LOG_LEVEL": "info"]))
    case 2:
      .fetch(
        Transition(from: nil, to: .fetching, cause: "started"), source: "file", url: "/a.apkg")
    case count - 1:
      .drain(
        Transition(from: .fetching, to: .draining, cause: "SIGTERM"), inFlight: 0,
        deadlineMilliseconds: 30_000)
    case count:
      .stopped(
        Transition(from: .draining, to: .stopped, cause: "drained"),
        StoppedFacts(
          exitCode: 0, outcome: .clean, completed: 0, aborted: 0, drainMilliseconds: 10))
    default: .warning(code: "bucket_differs", message: "line \(sequence)")
    }
  }
}
