/// The first boot, once it is over.
public struct Boot: Sendable, Equatable {
  /// From the kernel's start of the process to the first Ready.
  public var total: Interval
  public var phases: BootPhases
}

/// Every configured surface answers; the only state in which health is 200. Can go to loading,
/// draining.
public struct Ready: Sendable, Equatable {
  public var enteredAt: Instant
  public var attempt: Int
  public var hasWorker: Bool
  public var boot: Boot
  /// What the Loading before took.
  public var load: Interval
  public var restarts: RestartHistory

  func on(_ event: Event, at now: Instant, _ policy: Policy) -> Reaction {
    switch event {
    case .workerLost(let attempt, let jitter):
      guard attempt == self.attempt else { return attempt < self.attempt ? .ignore : .refuse }
      guard hasWorker else { return .refuse }
      guard
        let next = Loading.next(
          after: attempt, at: now, jitter: jitter, boot: boot, restarts: restarts, policy)
      else { return .drainBoot(.failure, at: now, effects: [.failInFlight]) }
      return .move(.loading(next.loading), cause: "worker_lost", [.failInFlight] + next.effects)
    case .terminationRequested(let signal):
      let minimum = signal == .terminate ? policy.terminateMinimum : policy.interruptMinimum
      let draining = Draining(
        cause: .signal(signal), startedAt: now, signalledAt: now,
        stage: minimum > .zero ? .lameDuck(until: now + minimum) : .closing,
        workerRuns: hasWorker, isIdle: false, hasStreams: true)
      return .move(.draining(draining), cause: signal.rawValue, [.announceDrain])
    case .failed(let failure):
      return .drainBoot(
        DrainCause(failure), at: now, workerRuns: hasWorker,
        effects: hasWorker ? [.killWorker] : [])
    case .workerReady(let attempt):
      return attempt < self.attempt ? .ignore : .refuse
    case .nothingInFlight, .timerFired(.fetchTimeout), .timerFired(.installTimeout),
      .timerFired(.hardLimit), .timerFired(.loadTimeout), .timerFired(.restartDelay):
      return .ignore
    case .started, .packageFetched, .packageVerified, .environmentInstalled,
      .timerFired(.drainMinimum), .timerFired(.streamDrain), .timerFired(.agentStop),
      .timerFired(.agentKill), .timerFired(.drainDeadline):
      return .refuse
    }
  }
}
