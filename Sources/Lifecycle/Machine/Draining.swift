/// Why a drain began.
public enum DrainCause: Sendable, Equatable {
  case signal(Signal)
  case configuration
  case hardLimit
  case failure

  init(_ failure: Failure) {
    switch failure {
    case .configuration: self = .configuration
    case .failure: self = .failure
    }
  }

  /// The cause in the log's words.
  public var name: String {
    switch self {
    case .signal(let signal): signal.rawValue
    case .configuration: "configuration"
    case .hardLimit: "hard_limit"
    case .failure: "failure"
    }
  }

  /// Whether the program stops because it was asked to.
  public var isAsked: Bool { if case .signal = self { true } else { false } }
}

/// The way out. Can go to stopped only, and nothing else can.
///
/// From Ready it serves new work for a while (lame duck), then refuses new work (closing), and asks
/// the agent to stop when nothing is in flight, or shortly before the deadline (stopping). From
/// the boot, what runs is stopped at once.
public struct Draining: Sendable, Equatable {
  public enum Stage: Sendable, Equatable {
    case lameDuck(until: Instant)
    case closing
    case stopping
    /// The worker's process group was killed; its end is still to be reported.
    case killing
  }

  public var cause: DrainCause
  public var startedAt: Instant
  /// When the first signal came; nil while none did.
  public var signalledAt: Instant?
  public var stage: Stage
  public var workerRuns: Bool
  /// Whether nothing was in flight after new work was refused.
  public var isIdle: Bool
  /// Whether the time of open streams is still to come.
  public var hasStreams: Bool

  func timers(_ policy: Policy) -> [Timer: Instant] {
    let deadline = startedAt + policy.drainDeadline
    // The end of the process has to fit before the deadline too.
    var timers: [Timer: Instant] = [.drainDeadline: deadline - policy.exitMargin]
    if case .lameDuck(let until) = stage { timers[.drainMinimum] = until }
    if hasStreams { timers[.streamDrain] = startedAt + policy.streamDrain }
    guard workerRuns else { return timers }
    switch stage {
    case .lameDuck, .closing:
      timers[.agentStop] = deadline - policy.agentStopMargin
      timers[.agentKill] = deadline - policy.agentKillMargin
    case .stopping: timers[.agentKill] = deadline - policy.agentKillMargin
    case .killing: break
    }
    return timers
  }

  func on(_ event: Event, at now: Instant, _ policy: Policy) -> Reaction {
    switch event {
    case .timerFired(.drainMinimum):
      guard case .lameDuck = stage else { return .ignore }
      var next = self
      next.stage = .closing
      return .stay(.draining(next), [])
    case .nothingInFlight:
      if case .lameDuck = stage { return .ignore }
      return becameIdle(at: now)
    case .workerLost:
      guard workerRuns else { return .ignore }
      var next = self
      next.workerRuns = false
      if isIdle { return next.stopped(.drained, at: now) }
      return .stay(.draining(next), [.failInFlight])
    case .timerFired(.streamDrain):
      guard hasStreams else { return .ignore }
      var next = self
      next.hasStreams = false
      return .stay(.draining(next), [.cutStreams])
    case .timerFired(.agentStop):
      guard workerRuns, !isEnding else { return .ignore }
      var next = self
      next.stage = .stopping
      return .stay(.draining(next), [.stopWorker])
    case .timerFired(.agentKill):
      guard workerRuns, stage != .killing else { return .ignore }
      var next = self
      next.stage = .killing
      return .stay(.draining(next), [.killWorker])
    case .timerFired(.drainDeadline):
      return stopped(.deadline, at: now)
    case .terminationRequested(let signal):
      return signalled(signal, at: now)
    case .packageFetched, .packageVerified, .environmentInstalled, .workerReady, .failed,
      .timerFired(.fetchTimeout), .timerFired(.installTimeout), .timerFired(.hardLimit),
      .timerFired(.loadTimeout), .timerFired(.restartDelay):
      return .ignore
    case .started:
      return .refuse
    }
  }

  private func becameIdle(at now: Instant) -> Reaction {
    guard workerRuns else { return stopped(.drained, at: now) }
    guard !isIdle else { return .ignore }
    var next = self
    next.isIdle = true
    if isEnding { return .stay(.draining(next), []) }
    next.stage = .stopping
    return .stay(.draining(next), [.stopWorker])
  }

  /// Whether the worker was asked to stop, or more than asked.
  private var isEnding: Bool {
    switch stage {
    case .lameDuck, .closing: false
    case .stopping, .killing: true
    }
  }

  /// A second SIGINT ends the wait at once, a second SIGTERM only some time after the first.
  private func signalled(_ signal: Signal, at now: Instant) -> Reaction {
    guard let first = signalledAt else {
      var next = self
      next.signalledAt = now
      return .stay(.draining(next), [])
    }
    switch signal {
    case .interrupt: return stopped(.secondSignal, at: now)
    case .terminate:
      return now - first < Policy.secondTerminateAfter ? .ignore : stopped(.secondSignal, at: now)
    }
  }

  private func stopped(_ ending: Stopped.Ending, at now: Instant) -> Reaction {
    let stopped = Stopped(cause: cause, ending: ending, drain: now - startedAt)
    let cutting: [Effect] = ending == .drained ? [] : [.cutInFlight]
    let killing: [Effect] = workerRuns ? [.killWorker] : []
    return .move(
      .stopped(stopped), cause: ending.rawValue,
      cutting + killing + [.exit(code: stopped.exitCode)])
  }
}

extension Reaction {
  /// Into the drain of a boot or of a failure: what runs is stopped at once. A worker that runs is
  /// killed by one of `effects`.
  static func drainBoot(
    _ cause: DrainCause, at now: Instant, workerRuns: Bool = false, effects: [Effect]
  ) -> Reaction {
    let draining = Draining(
      cause: cause, startedAt: now, signalledAt: cause.isAsked ? now : nil,
      stage: workerRuns ? .killing : .stopping, workerRuns: workerRuns, isIdle: false,
      hasStreams: false)
    return .move(.draining(draining), cause: cause.name, effects)
  }
}
