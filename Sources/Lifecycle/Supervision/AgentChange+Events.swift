/// A target beside the version that serves or is brought back.
extension AgentChange {
  /// What a deployment means to an agent that has a version already.
  enum Wish {
    case nothing
    /// The target is not wanted any more, the version is.
    case revert
    case change
  }

  static func wish(
    _ deployment: Deployment, active: AgentVersion, _ change: AgentChange?
  ) -> Wish {
    if deployment.cause.isRestart {
      // While a change runs new processes are on their way already.
      if case .rolling = change { return .nothing }
      return .change
    }
    guard let change else { return deployment.revision == active.revision ? .nothing : .change }
    if deployment.revision == change.deployment.revision { return .nothing }
    return deployment.revision == active.revision ? .revert : .change
  }

  /// What an event made of a target.
  enum Outcome {
    case stays(AgentChange)
    /// It is Ready.
    case takesOver(AgentVersion, worker: Int)
    case ignore
    case refuse
  }

  func on(_ event: AgentEvent, _ turn: inout AgentTurn) -> Outcome {
    guard case .rolling(let version, let progress) = self else { return .ignore }
    switch event {
    case .due(.restart(let after)):
      guard case .delayed(_, after) = progress, turn.hasRoom(for: version) else { return .ignore }
      return .stays(.rolling(version, turn.begin(version)))
    case .due(.boot(let worker)):
      guard progress.worker == worker else { return .ignore }
      turn.kill(worker, .bootTimedOut)
      return Self.failed(version, turn.policy.bootTimedOut, &turn)
    case .worker(let worker, let news): return on(news, of: worker, &turn)
    case .due(.drain), .desired, .removed: return .ignore
    }
  }

  func on(_ news: WorkerNews, of worker: Int, _ turn: inout AgentTurn) -> Outcome {
    guard case .rolling(let version, let progress) = self, progress.worker == worker else {
      return .refuse
    }
    switch news {
    case .ready: return .takesOver(version, worker: worker)
    case .contradicted(let reason):
      turn.kill(worker, .contradicted, reason: reason)
      return Self.failed(version, reason, &turn)
    case .ended(let end, let chance):
      guard end.isCrash else { return Self.failed(version, end.unaskedReason, &turn) }
      guard
        let again = turn.restart(version, after: worker, chance: chance, isProven: false)
      else { return Self.failed(version, version.usedUp(end.unaskedReason), &turn) }
      return .stays(.rolling(again.version, again.progress))
    case .started, .listening, .draining: return .ignore
    case .restarting: return .refuse
    }
  }

  private static func failed(
    _ version: AgentVersion, _ reason: String, _ turn: inout AgentTurn
  ) -> Outcome {
    let target = FailedTarget(deployment: version.deployment, reason: reason)
    turn.note(failed: target)
    return .stays(.failed(target))
  }
}
