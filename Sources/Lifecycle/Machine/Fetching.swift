/// The package is being fetched, or the boot has not begun. Can go to verifying, draining.
public struct Fetching: Sendable, Equatable {
  /// When the boot began; nil before.
  public var begunAt: Instant?

  func timers(_ policy: Policy) -> [Timer: Instant] {
    guard let begunAt else { return [:] }
    return [.fetchTimeout: begunAt + policy.fetchTimeout]
  }

  func on(_ event: Event, at now: Instant, _ policy: Policy) -> Reaction {
    switch event {
    case .started:
      guard begunAt == nil else { return .refuse }
      return .move(.fetching(Fetching(begunAt: now)), cause: "started", [.fetch])
    case .packageFetched:
      guard begunAt != nil else { return .refuse }
      var phases = BootPhases()
      phases.fetch = now - .start
      return .move(
        .verifying(Verifying(enteredAt: now, phases: phases)), cause: "package_fetched", [.verify])
    case .timerFired(.fetchTimeout):
      guard begunAt != nil else { return .refuse }
      return .drainBoot(.failure, at: now, effects: [.cancelStep])
    case .failed(let failure):
      return .drainBoot(DrainCause(failure), at: now, effects: [.cancelStep])
    case .terminationRequested(let signal):
      return .drainBoot(.signal(signal), at: now, effects: [.cancelStep])
    case .nothingInFlight:
      return .ignore
    case .packageVerified, .environmentInstalled, .workerReady, .workerLost,
      .timerFired(.hardLimit), .timerFired(.installTimeout), .timerFired(.loadTimeout),
      .timerFired(.restartDelay), .timerFired(.drainMinimum), .timerFired(.streamDrain),
      .timerFired(.agentStop), .timerFired(.agentKill), .timerFired(.drainDeadline):
      return .refuse
    }
  }
}
