/// What came of a supervisor's event. A driver writes the event's own line and `lines`, then it carries
/// the effects out.
public struct SupervisionStep: Sendable, Equatable {
  /// `moved`: an agent's state has another name now, or the supervisor is in another phase.
  public let verdict: Step.Verdict
  /// Nil unless the supervisor came into another phase.
  public let phase: SupervisionPhase.Name?
  /// In the order of the agents' ids; one for each agent that has another state now.
  public let transitions: [AgentTransition]
  /// Targets that came to nothing while another version serves, or is brought back.
  public let failedTargets: [FailedTarget]
  /// Requests that go elsewhere now, one for each agent of a `route` among the effects.
  public let traffic: [TrafficChange]
  /// Workers that were asked to stop or killed, in the order of the effects.
  public let stops: [WorkerStop]
  /// Set when a worker ended and its version is started again.
  public let restart: PlannedRestart?
  public let effects: [SupervisorEffect]

  init(
    _ verdict: Step.Verdict, phase: SupervisionPhase.Name? = nil,
    transitions: [AgentTransition] = [], failedTargets: [FailedTarget] = [],
    traffic: [TrafficChange] = [], stops: [WorkerStop] = [], restart: PlannedRestart? = nil,
    effects: [SupervisorEffect] = []
  ) {
    self.verdict = verdict
    self.phase = phase
    self.transitions = transitions
    self.failedTargets = failedTargets
    self.traffic = traffic
    self.stops = stops
    self.restart = restart
    self.effects = effects
  }
}

/// An agent came into another state.
public struct AgentTransition: Sendable, Equatable {
  public let agent: String
  /// Nil for an agent that was not there.
  public let from: AgentStateName?
  public let to: AgentStateName
  public let cause: AgentCause
  /// A sentence; nil where there is nothing to explain.
  public let reason: String?
  /// The worker whose news or whose timer moved it; nil when it was no worker.
  public let worker: Int?
}

/// What moved an agent, in the log's words.
public enum AgentCause: String, Sendable, CaseIterable {
  case deployed, removed
  case workerReady = "worker_ready"
  case workerRestarting = "worker_restarting"
  case workerDraining = "worker_draining"
  case workerContradicted = "worker_contradicted"
  case workerEnded = "worker_ended"
  case bootTimedOut = "boot_timed_out"
  case drainTimedOut = "drain_timed_out"
  /// The supervisor drains.
  case supervisorDraining = "supervisor_draining"
}

/// Requests of an agent go to another worker.
public struct TrafficChange: Sendable, Equatable {
  public let agent: String
  /// Nil: they went to none.
  public let from: Int?
  /// Nil: they go to none.
  public let to: Int?
}

/// A version that was wanted and came to nothing.
public struct FailedTarget: Sendable, Equatable {
  public let deployment: Deployment
  /// A sentence.
  public let reason: String
}

/// A worker was asked to stop, or killed.
public struct WorkerStop: Sendable, Equatable {
  /// Why, in the log's words.
  public enum Cause: String, Sendable, CaseIterable {
    /// Another version, or another process, takes its place.
    case replaced
    case removed
    case bootTimedOut = "boot_timed_out"
    case drainTimedOut = "drain_timed_out"
    case contradicted
    /// The supervisor drains: its signal came, its deadline passed, a second signal came.
    case supervisorDraining = "supervisor_draining"
    case deadline
    case secondSignal = "second_signal"
  }

  public let agent: String
  public let worker: Int
  /// Killed, not asked.
  public let isForced: Bool
  public let cause: Cause
  /// A sentence, of a worker that is not believed.
  public let reason: String?
}

/// A worker will be started again.
public struct PlannedRestart: Sendable, Equatable {
  public let agent: String
  /// Restarts within the window, this one included.
  public let restarts: Int
  public let delay: Interval
}
