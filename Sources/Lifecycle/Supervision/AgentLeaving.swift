/// Every worker was asked to stop. Goes to stopped, or is forgotten, when the last one ended; can go to
/// booting when it is wanted again.
public enum AgentLeaving: Sendable, Equatable {
  case removed
  /// The supervisor drains. Requests go on to the worker that served, which itself says how long it
  /// takes new ones; nil: none did, or it ended.
  case supervisorDraining(serving: Int?)

  var serving: Int? {
    switch self {
    case .removed: nil
    case .supervisorDraining(let worker): worker
    }
  }

  func on(_ event: AgentEvent, _ turn: inout AgentTurn) -> AgentReaction {
    switch (event, self) {
    case (.desired(let deployment), .removed):
      let next = AgentVersion(deployment)
      let booting = AgentBooting(version: next, progress: turn.begin(next), former: nil)
      return .to(.booting(booting), .deployed)
    case (.worker, _): return .refuse
    case (.desired, .supervisorDraining), (.removed, _), (.due, _): return .ignore
    }
  }
}
