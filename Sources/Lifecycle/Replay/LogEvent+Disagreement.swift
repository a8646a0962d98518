extension LogEvent {
  /// What a transition line says beyond the transition must be what the machine knows; a sentence
  /// when it is not.
  func disagreement(with state: State, _ policy: Policy, at now: Instant) -> String? {
    switch (self, state) {
    case (.verify(_, _, let time), .verifying(let verifying)):
      time == verifying.phases.fetch.milliseconds
        ? nil : "its fetch_ms is not the time until now"
    case (.install(_, let facts), _): facts.contradiction
    case (.runtimeReady(_, let facts), .ready(let ready)):
      if facts.bootMilliseconds != ready.boot.total.milliseconds {
        "its boot_ms is not the time of the first Ready"
      } else if facts.phases != PhaseTimes(ready.boot.phases) {
        "its phases_ms are not those of the first boot"
      } else if facts.loadMilliseconds != ready.load.milliseconds {
        "its load_ms is not the time of this Loading"
      } else {
        nil
      }
    case (.drain(_, _, let deadline), _):
      deadline == policy.drainDeadline.milliseconds
        ? nil : "its deadline_ms is not that of the configuration"
    case (.stopped(_, let facts), .stopped(let stopped)):
      if facts.exitCode != stopped.exitCode
        || facts.outcome != stopped.outcome(aborted: facts.aborted)
      {
        "its outcome is not what the machine came to"
      } else if facts.drainMilliseconds != stopped.drain.milliseconds {
        "its drain_ms is not the time since the drain began"
      } else {
        nil
      }
    default: nil
    }
  }
}

extension InstallFacts {
  fileprivate var contradiction: String? {
    if (environmentKey == nil) != (environmentCache == .none) {
      return "an environment has a key, and only then"
    }
    if installer != nil, environmentCache != .miss {
      return "an installer is named, but nothing is to be installed"
    }
    return nil
  }
}
