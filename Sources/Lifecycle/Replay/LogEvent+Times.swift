extension LogEvent {
  /// The times and the outcome that a transition line tells are those of the machine that made it.
  func checkTimes(in state: State, _ policy: Policy, at now: Instant) throws(Breach) {
    switch (self, state) {
    case (.verify(_, _, let time), .verifying(let verifying)):
      try expect(.phaseTimes, "fetch_ms", time, verifying.phases.fetch.milliseconds)
    case (.runtimeReady(_, let facts), .ready(let ready)):
      try expect(.phaseTimes, "boot_ms", facts.bootMilliseconds, ready.boot.total.milliseconds)
      let phases = PhaseTimes(ready.boot.phases)
      guard facts.phases == phases else {
        throw Breach(
          .phaseTimes, "its phases_ms are not those of the first boot",
          missedBy: facts.phases.distance(to: phases), allowed: ["phases_ms \(phases.text)"])
      }
      try expect(.loadTime, "load_ms", facts.loadMilliseconds, ready.load.milliseconds)
    case (.drain(_, _, let deadline), _):
      try expect(.deadlineIsTold, "deadline_ms", deadline, policy.drainDeadline.milliseconds)
    case (.stopped(_, let facts), .stopped(let stopped)):
      let outcome = stopped.outcome(aborted: facts.aborted)
      guard facts.exitCode == stopped.exitCode, facts.outcome == outcome else {
        throw Breach(
          .exitCodeAndOutcome, "its outcome is not what the machine came to",
          allowed: ["exit_code \(stopped.exitCode)", "outcome \(outcome.rawValue)"])
      }
      try expect(.drainTime, "drain_ms", facts.drainMilliseconds, stopped.drain.milliseconds)
    default: break
    }
  }

  private func expect(
    _ promise: Promise, _ field: StaticString, _ found: Int64, _ expected: Int64
  ) throws(Breach) {
    guard found == expected else {
      throw Breach(promise, "\(field)", is: found, insteadOf: expected)
    }
  }
}

extension PhaseTimes {
  /// The largest difference of a phase, in milliseconds.
  fileprivate func distance(to other: PhaseTimes) -> Int64 {
    max(
      abs(fetch - other.fetch), abs(verify - other.verify), abs(install - other.install),
      abs(load - other.load))
  }
}
