import Lifecycle

/// The logs of a supervisor's workers, as `trace` has them when it judges the supervisor's.
struct SupervisedViews {
  private struct Own {
    var history = History()
    var lastSequence: Int64 = 0
    var wasReady = false
  }

  private var workers: [String: Own] = [:]

  init(_ log: SupervisorLog) {
    for line in log.lines where line.runID != SupervisorLog.runID {
      var own = workers[line.runID] ?? Own()
      own.history.take(line)
      own.lastSequence = line.sequence
      if case .runtimeReady = line.event { own.wasReady = true }
      workers[line.runID] = own
    }
  }

  /// Judges the supervisor's lines, and what they say of the workers.
  func verdict(_ own: [LogLine]) -> Replay.Verdict {
    var replay = SupervisorReplay()
    for line in own {
      replay.take(line)
      if let claim = replay.claim, let violation = violation(claim, line) {
        replay.contradict(violation)
      }
    }
    return replay.verdict
  }

  private func violation(_ claim: WorkerClaim, _ line: LogLine) -> Violation? {
    // What is said of a log that is not there is held against nothing.
    guard let own = workers[claim.runID] else { return nil }
    return claim.violation(
      WorkerView(
        first: own.history.first, moment: claim.sequence.flatMap { own.history.move(upTo: $0) },
        ending: own.history.moments, lastSequence: own.lastSequence, isWhole: true,
        wasReady: own.wasReady), of: line)
  }
}
