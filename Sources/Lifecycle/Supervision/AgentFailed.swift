/// Given up: nothing serves and nothing is tried until another version is wanted, or a restart. Can go
/// to booting, leaving.
public struct AgentFailed: Sendable, Equatable {
  /// What was tried last.
  public let deployment: Deployment
  /// A sentence.
  public let reason: String
  /// The version that was to take its place, and failed before.
  public let target: FailedTarget?

  func on(_ event: AgentEvent, _ turn: inout AgentTurn) -> AgentReaction {
    switch event {
    case .desired(let wanted):
      let current = target?.deployment.revision ?? deployment.revision
      guard wanted.cause.isRestart || wanted.revision != current else { return .ignore }
      let next = AgentVersion(wanted)
      let booting = AgentBooting(version: next, progress: turn.begin(next), former: nil)
      return .to(.booting(booting), .deployed)
    case .removed: return .to(.leaving(.removed), .removed)
    case .worker: return .refuse
    case .due: return .ignore
    }
  }
}
