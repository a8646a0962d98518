/// Nothing serves: a version that never was Ready is on its way. Can go to serving, recovering (of the
/// version before it), failed, leaving.
public struct AgentBooting: Sendable, Equatable {
  public internal(set) var version: AgentVersion
  public internal(set) var progress: BootProgress
  /// What served until this version took its place without a surge, and is brought back if it fails.
  public internal(set) var former: AgentVersion?

  /// Whether the agent served before, or this version crashed before.
  var isAgain: Bool { former != nil || !version.restarts.isEmpty }

  func on(_ event: AgentEvent, _ turn: inout AgentTurn) -> AgentReaction {
    switch event {
    case .desired(let deployment): return desired(deployment, &turn)
    case .removed:
      turn.stop(progress, .removed)
      return .to(.leaving(.removed), .removed)
    case .worker(let worker, let news):
      guard progress.worker == worker else { return .refuse }
      return on(news, of: worker, &turn)
    case .due(.restart(let after)):
      guard case .delayed(_, after) = progress, turn.hasRoom(for: version) else { return .ignore }
      var next = self
      next.progress = turn.begin(version)
      return .to(.booting(next), .workerEnded)
    case .due(.boot(let worker)):
      guard progress.worker == worker else { return .ignore }
      turn.kill(worker, .bootTimedOut)
      return failed(turn.policy.bootTimedOut, .bootTimedOut, &turn)
    case .due(.drain): return .ignore
    }
  }

  private func desired(_ deployment: Deployment, _ turn: inout AgentTurn) -> AgentReaction {
    // A restart is what goes on already.
    guard !deployment.cause.isRestart, deployment.revision != version.revision else {
      return .ignore
    }
    turn.stop(progress, .replaced)
    let next = AgentVersion(deployment)
    if former?.revision == next.revision {
      let recovering = AgentRecovering(version: next, progress: turn.begin(next), change: nil)
      return .to(.recovering(recovering), .deployed)
    }
    let booting = AgentBooting(version: next, progress: turn.begin(next), former: former)
    return .to(.booting(booting), .deployed)
  }

  private func on(
    _ news: WorkerNews, of worker: Int, _ turn: inout AgentTurn
  ) -> AgentReaction {
    switch news {
    case .ready:
      let serving = AgentServing(version: version, worker: worker, stage: .serving, change: nil)
      return .to(.serving(serving), .workerReady)
    case .contradicted(let reason):
      turn.kill(worker, .contradicted, reason: reason)
      return failed(reason, .workerContradicted, &turn)
    case .ended(let end, let chance):
      guard end.isCrash else { return failed(end.unaskedReason, .workerEnded, &turn) }
      guard
        let again = turn.restart(version, after: worker, chance: chance, isProven: false)
      else { return failed(version.usedUp(end.unaskedReason), .workerEnded, &turn) }
      let next = AgentBooting(version: again.version, progress: again.progress, former: former)
      return .to(.booting(next), .workerEnded, reason: end.unaskedReason)
    case .started, .listening, .draining: return .ignore
    case .restarting: return .refuse
    }
  }

  /// A first boot that fails is not tried again; what served before is brought back.
  private func failed(
    _ reason: String, _ cause: AgentCause, _ turn: inout AgentTurn
  ) -> AgentReaction {
    guard let former else {
      let failed = AgentFailed(deployment: version.deployment, reason: reason, target: nil)
      return .to(.failed(failed), cause, reason: reason)
    }
    let target = FailedTarget(deployment: version.deployment, reason: reason)
    turn.note(failed: target)
    let recovering = AgentRecovering(
      version: former, progress: turn.begin(former), change: .failed(target))
    return .to(.recovering(recovering), cause, reason: reason)
  }
}
