extension Machine {
  /// What this machine would have logged when it moved as `event` tells; nil when it does not move so.
  /// What the machine does not know (paths, packages, ports) stays as it is.
  func says(_ event: LogEvent, at uptime: Int64) -> LogEvent? {
    guard LogLine.plausibleUptimes.contains(uptime) else { return nil }
    let now = Instant(milliseconds: uptime)
    guard let moves = state.moves(for: event, at: now, policy) else { return nil }
    var next = self
    var moved: Step?
    for move in moves {
      let step = next.handle(move.event, at: move.at)
      if step.verdict == .moved { moved = step }
    }
    guard let moved else { return nil }
    let transition = Transition(
      from: moved.cause == "started" ? nil : moved.from, to: moved.to, cause: moved.cause,
      attempt: next.state.attempt)
    return event.told(of: transition, next)
  }

  /// The state after the worker of this one was lost; nil when there is none to lose.
  func afterLoss(at uptime: Int64) -> State? {
    guard LogLine.plausibleUptimes.contains(uptime) else { return nil }
    let lost = LogEvent.load(
      Transition(from: nil, to: .loading, cause: "worker_lost"), LoadFacts.unknown)
    let moves = state.moves(for: lost, at: Instant(milliseconds: uptime), policy)
    var next = self
    for move in moves ?? [] {
      if next.handle(move.event, at: move.at).verdict == .moved { return next.state }
    }
    return nil
  }
}

extension LogEvent {
  /// The event with the transition and the numbers of a machine that has made it; nil when it is
  /// another one's line.
  fileprivate func told(of transition: Transition, _ machine: Machine) -> LogEvent? {
    switch (self, machine.state) {
    case (.fetch(_, let source, let url), .fetching):
      return .fetch(transition, source: source, url: url)
    case (.verify(_, let bytes, _), .verifying(let verifying)):
      return .verify(
        transition, bytes: bytes, fetchMilliseconds: verifying.phases.fetch.milliseconds)
    case (.install(_, let facts), .installing): return .install(transition, facts)
    case (.load(_, let facts), .loading): return .load(transition, facts)
    case (.runtimeReady(_, var facts), .ready(let ready)):
      facts.bootMilliseconds = ready.boot.total.milliseconds
      facts.phases = PhaseTimes(ready.boot.phases)
      facts.loadMilliseconds = ready.load.milliseconds
      return .runtimeReady(transition, facts)
    case (.drain(_, let inFlight, _), .draining):
      return .drain(
        transition, inFlight: inFlight,
        deadlineMilliseconds: machine.policy.drainDeadline.milliseconds)
    case (.stopped(_, var facts), .stopped(let stopped)):
      facts.exitCode = stopped.exitCode
      facts.outcome = stopped.outcome(aborted: facts.aborted)
      facts.drainMilliseconds = stopped.drain.milliseconds
      return .stopped(transition, facts)
    default: return nil
    }
  }
}

extension LogLine {
  /// Uptimes that the machine's clock can hold, in milliseconds.
  static let plausibleUptimes: ClosedRange<Int64> = 0...longestTime
}

extension LoadFacts {
  static let unknown = LoadFacts(
    package: PackageIdentity(name: "", version: "", sha256: nil), surfaces: [], restSocket: nil,
    a2aSocket: nil)
}
