/// One of the seven states, with what it needs and nothing else.
///
/// fetching → verifying → installing → loading → ready → draining → stopped; a worker that is lost
/// leads from ready back to loading; every state but stopped can go to draining; stopped is final.
public enum State: Sendable, Equatable {
  case fetching(Fetching)
  case verifying(Verifying)
  case installing(Installing)
  case loading(Loading)
  case ready(Ready)
  case draining(Draining)
  case stopped(Stopped)

  public var name: StateName {
    switch self {
    case .fetching: .fetching
    case .verifying: .verifying
    case .installing: .installing
    case .loading: .loading
    case .ready: .ready
    case .draining: .draining
    case .stopped: .stopped
    }
  }

  /// The number of the worker that loads or serves; 1 is the first boot.
  public var attempt: Int? {
    switch self {
    case .loading(let loading): loading.attempt
    case .ready(let ready): ready.attempt
    case .fetching, .verifying, .installing, .draining, .stopped: nil
    }
  }

  /// Whether the agent was Ready before, or is.
  public var wasReady: Bool {
    switch self {
    case .ready: true
    case .loading(let loading): if case .again = loading.course { true } else { false }
    case .fetching, .verifying, .installing, .draining, .stopped: false
    }
  }

  /// Restarts in the history of a worker that loads or serves; 0 in every other state.
  public var restartCount: Int {
    switch self {
    case .loading(let loading): loading.restarts.restarts.count
    case .ready(let ready): ready.restarts.restarts.count
    case .fetching, .verifying, .installing, .draining, .stopped: 0
    }
  }

  /// What the phases of a running first boot took so far, the current one included.
  public func phases(at now: Instant) -> BootPhases {
    switch self {
    case .fetching:
      var phases = BootPhases()
      phases.fetch = now - .start
      return phases
    case .verifying(let verifying):
      var phases = verifying.phases
      phases.verify = now - verifying.enteredAt
      phases.counted = phases.verify
      return phases
    case .installing(let installing): return installing.phasesUntil(now)
    case .loading(let loading): return loading.phasesUntil(now)
    case .ready(let ready): return ready.boot.phases
    case .draining, .stopped: return BootPhases()
    }
  }

  /// The timers that run in this state and when they are due: a driver keeps armed exactly these.
  public func timers(_ policy: Policy) -> [Timer: Instant] {
    switch self {
    case .fetching(let fetching): fetching.timers(policy)
    case .verifying(let verifying): verifying.timers(policy)
    case .installing(let installing): installing.timers(policy)
    case .loading(let loading): loading.timers(policy)
    case .ready, .stopped: [:]
    case .draining(let draining): draining.timers(policy)
    }
  }
}

/// The names of the states as the log and the health body have them.
public enum StateName: String, Sendable, CaseIterable {
  case fetching, verifying, installing, loading, ready, draining, stopped
}

/// What a timer is for. Its due time is part of the state that runs it.
public enum Timer: String, Sendable, CaseIterable {
  case fetchTimeout = "fetch_timeout"
  case installTimeout = "install_timeout"
  case hardLimit = "hard_limit"
  case loadTimeout = "load_timeout"
  case restartDelay = "restart_delay"
  case drainMinimum = "drain_minimum"
  case streamDrain = "stream_drain"
  case agentStop = "agent_stop"
  case agentKill = "agent_kill"
  case drainDeadline = "drain_deadline"
}

/// How long each phase of the first boot took so far, and what of it counts towards the limit.
public struct BootPhases: Sendable, Equatable {
  public var fetch = Interval.zero
  public var verify = Interval.zero
  public var install = Interval.zero
  public var load = Interval.zero
  /// Verifying, a cached Installing and Loading: what the hard limit limits.
  public var counted = Interval.zero

  public init() {}
}
