/// The package is being checked and unpacked. Can go to installing, draining.
public struct Verifying: Sendable, Equatable {
  public var enteredAt: Instant
  public var phases: BootPhases

  func timers(_ policy: Policy) -> [Timer: Instant] {
    guard let limit = policy.hardLimit else { return [:] }
    return [.hardLimit: enteredAt + limit]
  }

  func on(_ event: Event, at now: Instant, _ policy: Policy) -> Reaction {
    switch event {
    case .packageVerified(let preparation):
      var phases = phases
      phases.verify = now - enteredAt
      phases.counted = phases.verify
      return .move(
        .installing(Installing(enteredAt: now, phases: phases, preparation: preparation)),
        cause: "package_verified", [.install(preparation)])
    case .timerFired(.hardLimit):
      guard policy.hardLimit != nil else { return .refuse }
      return .drainBoot(.hardLimit, at: now, effects: [.cancelStep])
    case .failed(let failure):
      return .drainBoot(DrainCause(failure), at: now, effects: [.cancelStep])
    case .terminationRequested(let signal):
      return .drainBoot(.signal(signal), at: now, effects: [.cancelStep])
    case .nothingInFlight, .timerFired(.fetchTimeout):
      return .ignore
    case .started, .packageFetched, .environmentInstalled, .workerReady, .workerLost,
      .timerFired(.installTimeout), .timerFired(.loadTimeout), .timerFired(.restartDelay),
      .timerFired(.drainMinimum), .timerFired(.streamDrain), .timerFired(.agentStop),
      .timerFired(.agentKill), .timerFired(.drainDeadline):
      return .refuse
    }
  }
}
