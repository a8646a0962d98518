/// The agent's environment is made ready. Can go to loading, draining.
public struct Installing: Sendable, Equatable {
  public var enteredAt: Instant
  public var phases: BootPhases
  public var preparation: Preparation

  /// A cold installation has a bound of its own and does not count towards the hard limit.
  private var isCold: Bool { preparation.environment == .miss }

  func timers(_ policy: Policy) -> [Timer: Instant] {
    if isCold { return [.installTimeout: enteredAt + policy.installTimeout] }
    guard let limit = policy.hardLimit else { return [:] }
    return [.hardLimit: enteredAt + (limit - phases.counted)]
  }

  func phasesUntil(_ now: Instant) -> BootPhases {
    var phases = phases
    phases.install = now - enteredAt
    if !isCold { phases.counted = phases.counted + phases.install }
    return phases
  }

  func on(_ event: Event, at now: Instant, _ policy: Policy) -> Reaction {
    switch event {
    case .environmentInstalled:
      let phases = phasesUntil(now)
      let loading = Loading(
        enteredAt: now, attempt: 1, hasWorker: preparation.hasWorker, stage: .starting,
        course: .first(phases), restarts: RestartHistory())
      return .move(.loading(loading), cause: "environment_installed", [.startWorker(attempt: 1)])
    case .timerFired(.installTimeout):
      guard isCold else { return .refuse }
      return .drainBoot(.failure, at: now, effects: [.cancelStep])
    case .timerFired(.hardLimit):
      // A cold installation may begin just as the timer of Verifying fires.
      guard !isCold else { return .ignore }
      guard policy.hardLimit != nil else { return .refuse }
      return .drainBoot(.hardLimit, at: now, effects: [.cancelStep])
    case .failed(let failure):
      return .drainBoot(DrainCause(failure), at: now, effects: [.cancelStep])
    case .terminationRequested(let signal):
      return .drainBoot(.signal(signal), at: now, effects: [.cancelStep])
    case .nothingInFlight, .timerFired(.fetchTimeout):
      return .ignore
    case .started, .packageFetched, .packageVerified, .workerReady, .workerLost,
      .timerFired(.loadTimeout), .timerFired(.restartDelay), .timerFired(.drainMinimum),
      .timerFired(.streamDrain), .timerFired(.agentStop), .timerFired(.agentKill),
      .timerFired(.drainDeadline):
      return .refuse
    }
  }
}
