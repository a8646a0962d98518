extension State {
  /// An event that a transition line tells of, and when it came.
  typealias Move = (event: Event, at: Instant)

  /// The events that a transition line tells of, in their order; nil when none leads to it from here.
  func moves(for line: LogEvent, at now: Instant, _ policy: Policy) -> [Move]? {
    switch line {
    case .fetch: [(.started, now)]
    case .verify: [(.packageFetched, now)]
    case .install(_, let facts):
      [
        (
          .packageVerified(
            Preparation(environment: facts.environmentCache, hasWorker: facts.python != nil)), now
        )
      ]
    case .load(let transition, _): loadMoves(transition, at: now, policy)
    case .runtimeReady(_, let facts):
      attempt.map {
        restartDue(at: now - .milliseconds(facts.loadMilliseconds)) + [
          (.workerReady(attempt: $0), now)
        ]
      }
    case .drain(let transition, _, _): drainMoves(transition.cause, at: now)
    case .stopped(let transition, _): stopMoves(transition.cause, at: now)
    case .runStarted, .budgetExceeded, .hardLimitExceeded, .configError, .bootFailed,
      .bootProgress, .fetchRetry, .workerStarted, .workerExited, .reloadStarted,
      .reloadFinished, .reloadFailed, .requestAborted, .warning, .logDropped, .illegalEvent,
      .agentOutput, .request, .slowRequest, .supervisor:
      nil
    }
  }

  /// A restart that waits starts its worker when its delay is over, which is no transition.
  private func restartDue(at time: Instant) -> [Move] {
    guard case .loading(let loading) = self, loading.stage != .starting else { return [] }
    return [(.timerFired(.restartDelay), time)]
  }

  /// How a worker is lost: the log does not tell the jitter, so the shortest delay is assumed.
  static func loss(of attempt: Int) -> Event { .workerLost(attempt: attempt, jitter: -20) }

  private func loadMoves(
    _ transition: Transition, at now: Instant, _ policy: Policy
  ) -> [Move]? {
    switch transition.cause {
    case "environment_installed": [(.environmentInstalled, now)]
    case "worker_lost":
      attempt.map { restartDue(at: now) + [(Self.loss(of: $0), now)] }
    case "load_timed_out":
      restartDue(at: now - policy.loadTimeout) + [(.timerFired(.loadTimeout), now)]
    default: nil
    }
  }

  private func drainMoves(_ cause: String, at now: Instant) -> [Move]? {
    if let signal = Signal(rawValue: cause) { return [(.terminationRequested(signal), now)] }
    if let failure = Failure(rawValue: cause) { return [(.failed(failure), now)] }
    return cause == "hard_limit" ? [(.timerFired(.hardLimit), now)] : nil
  }

  private func stopMoves(_ cause: String, at now: Instant) -> [Move]? {
    guard case .draining(let draining) = self else { return nil }
    switch cause {
    case "drained":
      var moves: [Move] = []
      if case .lameDuck = draining.stage { moves.append((.timerFired(.drainMinimum), now)) }
      if draining.workerRuns { moves.append((Self.loss(of: 0), now)) }
      return moves + [(.nothingInFlight, now)]
    case "deadline": return [(.timerFired(.drainDeadline), now)]
    case "second_signal":
      // Which signal it was is not told; the first one of a failing run only marks the time.
      let signal: Move = (.terminationRequested(.interrupt), now)
      return draining.signalledAt == nil ? [signal, signal] : [signal]
    default: return nil
    }
  }
}
