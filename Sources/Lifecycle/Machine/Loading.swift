/// The worker is started and loads the agent's code. Can go to ready, loading (the next attempt,
/// but for the first boot), draining.
public struct Loading: Sendable, Equatable {
  /// The first boot, with what its phases took so far, or a restart of an agent that was Ready.
  public enum Course: Sendable, Equatable {
    case first(BootPhases)
    case again(Boot)
  }

  /// A restart may wait before the worker is started.
  public enum Stage: Sendable, Equatable {
    case waiting(until: Instant)
    case starting
  }

  /// When the attempt began: Loading was entered, or its delay was over.
  public var enteredAt: Instant
  /// 1 is the first boot.
  public var attempt: Int
  public var hasWorker: Bool
  public var stage: Stage
  public var course: Course
  public var restarts: RestartHistory

  func timers(_ policy: Policy) -> [Timer: Instant] {
    switch (stage, course) {
    case (.waiting(let until), _): return [.restartDelay: until]
    case (.starting, .again): return [.loadTimeout: enteredAt + policy.loadTimeout]
    case (.starting, .first(let phases)):
      guard let limit = policy.hardLimit else {
        return [.loadTimeout: enteredAt + policy.loadTimeout]
      }
      return [.hardLimit: enteredAt + (limit - phases.counted)]
    }
  }

  func on(_ event: Event, at now: Instant, _ policy: Policy) -> Reaction {
    switch event {
    case .workerReady(let attempt):
      guard attempt == self.attempt else { return attempt < self.attempt ? .ignore : .refuse }
      guard stage == .starting else { return .refuse }
      return .move(.ready(ready(at: now)), cause: "worker_ready", [])
    case .workerLost(let attempt, let jitter):
      guard attempt == self.attempt else { return attempt < self.attempt ? .ignore : .refuse }
      guard stage == .starting, hasWorker else { return .refuse }
      return lost(at: now, jitter: jitter, cause: "worker_lost", policy)
    case .timerFired(.loadTimeout):
      guard stage == .starting, timers(policy)[.loadTimeout] != nil else { return .ignore }
      return lost(at: now, jitter: 0, cause: "load_timed_out", policy)
    case .timerFired(.restartDelay):
      guard case .waiting = stage else { return .ignore }
      var next = self
      next.stage = .starting
      next.enteredAt = now
      return .stay(.loading(next), [.startWorker(attempt: attempt)])
    case .timerFired(.hardLimit):
      guard case .first = course else { return .ignore }
      guard policy.hardLimit != nil else { return .refuse }
      return .drainBoot(.hardLimit, at: now, workerRuns: workerRuns, effects: killing)
    case .failed(let failure):
      return .drainBoot(DrainCause(failure), at: now, workerRuns: workerRuns, effects: killing)
    case .terminationRequested(let signal):
      return .drainBoot(.signal(signal), at: now, workerRuns: workerRuns, effects: killing)
    case .nothingInFlight, .timerFired(.fetchTimeout), .timerFired(.installTimeout):
      return .ignore
    case .started, .packageFetched, .packageVerified, .environmentInstalled,
      .timerFired(.drainMinimum), .timerFired(.streamDrain), .timerFired(.agentStop),
      .timerFired(.agentKill), .timerFired(.drainDeadline):
      return .refuse
    }
  }

  private var workerRuns: Bool { hasWorker && stage == .starting }
  private var killing: [Effect] { workerRuns ? [.killWorker] : [] }

  func phasesUntil(_ now: Instant) -> BootPhases {
    switch course {
    case .again(let boot): return boot.phases
    case .first(var phases):
      phases.load = now - enteredAt
      phases.counted = phases.counted + phases.load
      return phases
    }
  }

  private func ready(at now: Instant) -> Ready {
    let boot: Boot
    switch course {
    case .again(let first): boot = first
    case .first: boot = Boot(total: now - .start, phases: phasesUntil(now))
    }
    return Ready(
      enteredAt: now, attempt: attempt, hasWorker: hasWorker, boot: boot,
      load: now - enteredAt, restarts: restarts)
  }

  /// A first boot is not retried; a restart is, while the intensity allows it.
  private func lost(at now: Instant, jitter: Int, cause: String, _ policy: Policy) -> Reaction {
    let killing: [Effect] = cause == "load_timed_out" && hasWorker ? [.killWorker] : []
    guard case .again(let boot) = course,
      let next = Loading.next(
        after: attempt, at: now, jitter: jitter, boot: boot, restarts: restarts, policy)
    else {
      // A worker that timed out is being killed, and its end will be reported.
      return .drainBoot(.failure, at: now, workerRuns: !killing.isEmpty, effects: killing)
    }
    return .move(.loading(next.loading), cause: cause, killing + next.effects)
  }

  /// The next attempt of an agent that was Ready before, or nil when its restarts are used up.
  static func next(
    after attempt: Int, at now: Instant, jitter: Int, boot: Boot, restarts: RestartHistory,
    _ policy: Policy
  ) -> (loading: Loading, effects: [Effect])? {
    let delay = Policy.restartDelay(after: restarts.count(at: now, policy), jitter: jitter)
    guard let restarts = restarts.adding(now, policy) else { return nil }
    let waits = delay > .zero
    let loading = Loading(
      enteredAt: now, attempt: attempt + 1, hasWorker: true,
      stage: waits ? .waiting(until: now + delay) : .starting, course: .again(boot),
      restarts: restarts)
    return (loading, waits ? [] : [.startWorker(attempt: attempt + 1)])
  }
}
