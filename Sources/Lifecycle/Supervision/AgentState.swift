/// What the supervisor does about one agent, with what that needs and nothing else.
///
/// booting → serving: its version became Ready for the first time. serving → recovering: its worker is
/// gone and started again. Another version is booted beside (a change of serving and recovering), or
/// after the end of the one before (booting again, with what there is to fall back on).
public enum AgentState: Sendable, Equatable {
  case booting(AgentBooting)
  case serving(AgentServing)
  case recovering(AgentRecovering)
  case failed(AgentFailed)
  case leaving(AgentLeaving)
  /// The end, in the supervisor's own drain.
  case stopped

  public var name: AgentStateName {
    switch self {
    case .booting(let booting): booting.isAgain ? .restarting : .booting
    case .serving(let serving): serving.stage == .serving ? .ready : .restarting
    case .recovering: .restarting
    case .failed: .failed
    case .leaving: .draining
    case .stopped: .stopped
    }
  }

  /// The worker that requests go to: it was Ready, and did not end.
  public var route: Int? {
    switch self {
    case .serving(let serving):
      switch serving.stage {
      case .serving, .holding: serving.worker
      case .leaving: nil
      }
    case .leaving(let leaving): leaving.serving
    case .booting, .recovering, .failed, .stopped: nil
    }
  }

  /// The version that is there beside the one that serves or is brought back, or has failed.
  public var change: AgentChange? {
    switch self {
    case .serving(let serving): serving.change
    case .recovering(let recovering): recovering.change
    case .failed(let failed): failed.target.map { .failed($0) }
    case .booting, .leaving, .stopped: nil
    }
  }

  /// Whether the agent was Ready, or failed, or is not wanted any more: a start waits for no more.
  var isSettled: Bool {
    switch self {
    case .serving, .failed, .leaving, .stopped: true
    case .booting, .recovering: false
    }
  }
}

/// The states of agents as the log and the status have them.
public enum AgentStateName: String, Sendable, CaseIterable {
  case booting, ready, restarting, draining, failed, stopped
}

/// How far a version is on its way to Ready.
public enum BootProgress: Sendable, Equatable {
  /// It is started when enough of the workers before it have ended.
  case awaiting
  /// It is started again then, or when there is room after that; `after` is the worker that ended.
  case delayed(until: Instant, after: Int)
  case booting(worker: Int, since: Instant)

  public var worker: Int? { if case .booting(let worker, _) = self { worker } else { nil } }

  /// - Parameter hasRoom: without it a delay has no timer: the end of another worker is waited for.
  func timers(
    _ agent: String, hasRoom: Bool, _ policy: SupervisionPolicy
  ) -> [SupervisorTimer: Instant] {
    switch self {
    case .awaiting: [:]
    case .delayed(let until, let after):
      hasRoom ? [.restart(agent: agent, after: after): until] : [:]
    case .booting(let worker, let since):
      [.boot(agent: agent, worker: worker): since + policy.bootPatience]
    }
  }
}

/// Another version than the one that serves.
public enum AgentChange: Sendable, Equatable {
  /// It boots beside.
  case rolling(AgentVersion, BootProgress)
  /// It came to nothing; what served before serves on.
  case failed(FailedTarget)

  public var deployment: Deployment {
    switch self {
    case .rolling(let version, _): version.deployment
    case .failed(let target): target.deployment
    }
  }
}

/// What happens to one agent.
enum AgentEvent {
  case desired(Deployment)
  case removed
  case worker(Int, WorkerNews)
  case due(AgentTimer)
}

/// A timer of one agent.
enum AgentTimer {
  case restart(after: Int)
  case boot(worker: Int)
  case drain(worker: Int)
}

/// What a state makes of an event: the state that follows, or a no.
enum AgentReaction {
  case to(AgentState, AgentCause, reason: String? = nil)
  case ignore
  case refuse
}
