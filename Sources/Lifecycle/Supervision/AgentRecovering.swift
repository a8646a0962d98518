/// Nothing serves, and a version that was Ready before is started again. Can go to serving, booting (a
/// version without a surge, or the one that was booted beside), failed, leaving.
public struct AgentRecovering: Sendable, Equatable {
  public internal(set) var version: AgentVersion
  public internal(set) var progress: BootProgress
  public internal(set) var change: AgentChange?

  func on(_ event: AgentEvent, _ turn: inout AgentTurn) -> AgentReaction {
    switch event {
    case .desired(let deployment): return desired(deployment, &turn)
    case .removed:
      turn.stop(progress, .removed)
      turn.stop(change, .removed)
      return .to(.leaving(.removed), .removed)
    case .worker(let worker, let news):
      guard progress.worker == worker else {
        guard let change else { return .refuse }
        return changed(change.on(news, of: worker, &turn), &turn)
      }
      return on(news, of: worker, &turn)
    case .due(.restart(let after)):
      guard case .delayed(_, after) = progress else {
        guard let change else { return .ignore }
        return changed(change.on(event, &turn), &turn)
      }
      guard turn.hasRoom(for: version) else { return .ignore }
      var next = self
      next.progress = turn.begin(version)
      return .to(.recovering(next), .workerEnded)
    case .due(.boot(let worker)):
      guard progress.worker == worker else {
        guard let change else { return .ignore }
        return changed(change.on(event, &turn), &turn)
      }
      turn.kill(worker, .bootTimedOut)
      return lost(
        turn.policy.bootTimedOut, of: worker, chance: 1, .bootTimedOut, &turn)
    case .due(.drain): return .ignore
    }
  }

  private func desired(_ deployment: Deployment, _ turn: inout AgentTurn) -> AgentReaction {
    let next = AgentVersion(deployment)
    switch AgentChange.wish(deployment, active: version, change) {
    case .nothing: return .ignore
    case .revert:
      turn.stop(change, .replaced)
      return to(version, progress, nil)
    case .change: break
    }
    turn.stop(change, .replaced)
    if next.revision == version.revision {
      // Asked for by a person, the restart does not wait, and counts anew.
      turn.stop(progress, .replaced)
      return to(next, turn.begin(next), nil)
    }
    guard deployment.surge else {
      turn.stop(progress, .replaced)
      let booting = AgentBooting(version: next, progress: turn.begin(next), former: version)
      return .to(.booting(booting), .deployed)
    }
    return to(version, progress, .rolling(next, turn.begin(next)))
  }

  private func to(
    _ version: AgentVersion, _ progress: BootProgress, _ change: AgentChange?
  ) -> AgentReaction {
    let next = AgentRecovering(version: version, progress: progress, change: change)
    return .to(.recovering(next), .deployed)
  }

  private func on(
    _ news: WorkerNews, of worker: Int, _ turn: inout AgentTurn
  ) -> AgentReaction {
    switch news {
    case .ready:
      let serving = AgentServing(
        version: version, worker: worker, stage: .serving, change: change)
      return .to(.serving(serving), .workerReady)
    case .contradicted(let reason):
      turn.kill(worker, .contradicted, reason: reason)
      return lost(reason, of: worker, chance: 1, .workerContradicted, &turn)
    case .ended(.gaveUp(let reason), _):
      return .to(.failure(of: version, reason, change), .workerEnded, reason: reason)
    case .ended(let end, let chance):
      return lost(end.unaskedReason, of: worker, chance: chance, .workerEnded, &turn)
    case .started, .listening, .draining: return .ignore
    case .restarting: return .refuse
    }
  }

  private func lost(
    _ reason: String, of worker: Int, chance: Double, _ cause: AgentCause, _ turn: inout AgentTurn
  ) -> AgentReaction {
    guard let again = turn.restart(version, after: worker, chance: chance, isProven: true) else {
      let reason = version.usedUp(reason)
      return .to(.failure(of: version, reason, change), cause, reason: reason)
    }
    let next = AgentRecovering(version: again.version, progress: again.progress, change: change)
    return .to(.recovering(next), cause, reason: reason)
  }

  /// What its target came to.
  private func changed(_ outcome: AgentChange.Outcome, _ turn: inout AgentTurn) -> AgentReaction {
    switch outcome {
    case .stays(let change):
      var next = self
      next.change = change
      return .to(.recovering(next), .workerEnded)
    case .takesOver(let version, let worker):
      turn.stop(progress, .replaced)
      let next = AgentServing(version: version, worker: worker, stage: .serving, change: nil)
      return .to(.serving(next), .workerReady)
    case .ignore: return .ignore
    case .refuse: return .refuse
    }
  }
}
