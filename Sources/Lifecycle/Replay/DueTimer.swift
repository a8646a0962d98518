/// A timer of the state that a log ends in: what would have come next if nothing else had.
public struct DueTimer: Sendable, Equatable {
  public var timer: Timer
  /// Milliseconds since the process started.
  public var at: Int64

  /// What happens then, as the end of a sentence.
  public var what: String {
    switch timer {
    case .fetchTimeout: "the download's time is over"
    case .installTimeout: "the installation's time is over"
    case .hardLimit: "the boot's hard limit is reached"
    case .loadTimeout: "the agent's time to load is over"
    case .restartDelay: "the agent is started again"
    case .drainMinimum: "new requests are refused"
    case .streamDrain: "open streams are ended"
    case .agentStop: "the agent is asked to stop"
    case .agentKill: "the agent is killed"
    case .drainDeadline: "the drain is cut off"
    }
  }
}

/// The same of a supervisor.
public struct DueSupervisorTimer: Sendable, Equatable {
  public var timer: SupervisorTimer
  /// Milliseconds since the process started.
  public var at: Int64

  /// What happens then, as the end of a sentence.
  public var what: String {
    switch timer {
    case .restart(let agent, _): "\(agent) is started again"
    case .boot(let agent, _): "\(agent)'s time to become Ready is over"
    case .drain(let agent, _): "\(agent)'s worker is killed"
    case .deadline: "the drain is cut off"
    }
  }

  /// The timer's name for programs.
  public var name: String {
    switch timer {
    case .restart(let agent, _): "restart \(agent)"
    case .boot(let agent, let worker): "boot \(agent) \(worker)"
    case .drain(let agent, let worker): "drain \(agent) \(worker)"
    case .deadline: "deadline"
    }
  }
}
