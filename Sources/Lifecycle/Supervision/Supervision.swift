/// The supervisor's state machine: it decides which worker processes run and which of them requests go
/// to; a driver carries its effects out. Time and chance come with the events.
///
/// A value without a clock, a process or a lock: the same events at the same times lead to the same
/// state, so that a log can be replayed.
public struct Supervision: Sendable, Equatable {
  public let policy: SupervisionPolicy
  public private(set) var state = SupervisionState()

  public init(policy: SupervisionPolicy) { self.policy = policy }

  public var phase: SupervisionPhase { state.phase }
  /// Sorted by id.
  public var agents: [SupervisedAgent] { state.agents }

  public func agent(_ id: String) -> SupervisedAgent? {
    state.place(of: id).found.map { agents[$0] }
  }

  /// How many agents are in each state; those in which none is are absent.
  public var counts: [AgentStateName: Int] {
    Dictionary(agents.map { ($0.name, 1) }, uniquingKeysWith: +)
  }

  /// Whether health is 200.
  public var isHealthy: Bool {
    switch phase {
    case .serving: true
    case .starting, .draining, .stopped: false
    }
  }

  /// The timers that run and when they are due: a driver keeps armed exactly these.
  public var timers: [SupervisorTimer: Instant] {
    if case .stopped = phase { return [:] }
    var timers: [SupervisorTimer: Instant] = [:]
    for agent in agents { timers.merge(agent.timers(policy)) { min($0, $1) } }
    if case .draining(let draining) = phase { timers[.deadline] = draining.deadline(policy) }
    return timers
  }

  /// Takes an event that happened at `now`, and decides. Any order of events leads to a legal state.
  public mutating func handle(_ event: SupervisorEvent, at now: Instant) -> SupervisionStep {
    let (next, step) = state.on(event, at: now, policy)
    state = next
    return step
  }
}

/// What a supervisor knows: its phase and its agents.
public struct SupervisionState: Sendable, Equatable {
  public internal(set) var phase = SupervisionPhase.starting(SupervisorStarting())
  /// Sorted by id.
  public internal(set) var agents: [SupervisedAgent] = []
  /// The number of the next worker; 1 is the first.
  public internal(set) var nextWorker = 1

  /// Where an agent is, or would be.
  func place(of id: String) -> (found: Int?, at: Int) {
    var (low, high) = (0, agents.count)
    while low < high {
      let middle = (low + high) / 2
      if agents[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return (low < agents.count && agents[low].id == id ? low : nil, low)
  }
}
