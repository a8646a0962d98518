/// A worker that was Ready is there. Can go to recovering, booting (a version without a surge, or the
/// one that was booted beside), failed, leaving.
public struct AgentServing: Sendable, Equatable {
  public enum Stage: Sendable, Equatable {
    case serving
    /// Its agent restarts, and it holds requests.
    case holding
    /// It drains, and nobody here asked it to: it is not routed to any more.
    case leaving(since: Instant)
  }

  public internal(set) var version: AgentVersion
  public internal(set) var worker: Int
  public internal(set) var stage: Stage
  public internal(set) var change: AgentChange?

  func on(_ event: AgentEvent, _ turn: inout AgentTurn) -> AgentReaction {
    switch event {
    case .desired(let deployment): return desired(deployment, &turn)
    case .removed:
      turn.stop(worker, .removed)
      turn.stop(change, .removed)
      return .to(.leaving(.removed), .removed)
    case .worker(worker, let news): return on(news, &turn)
    case .worker(let target, let news):
      guard let change else { return .refuse }
      return changed(change.on(news, of: target, &turn), &turn)
    case .due(.restart), .due(.boot):
      guard let change else { return .ignore }
      return changed(change.on(event, &turn), &turn)
    case .due(.drain(let worker)):
      guard case .leaving = stage, worker == self.worker else { return .ignore }
      turn.kill(worker, .drainTimedOut)
      return lost(turn.policy.drainTimedOut, chance: 1, .drainTimedOut, &turn)
    }
  }

  private func desired(_ deployment: Deployment, _ turn: inout AgentTurn) -> AgentReaction {
    switch AgentChange.wish(deployment, active: version, change) {
    case .nothing: return .ignore
    case .revert:
      turn.stop(change, .replaced)
      return with(nil)
    case .change: break
    }
    let next = AgentVersion(deployment)
    turn.stop(change, .replaced)
    guard deployment.surge else {
      turn.stop(worker, .replaced)
      let booting = AgentBooting(version: next, progress: turn.begin(next), former: version)
      return .to(.booting(booting), .deployed)
    }
    return with(.rolling(next, turn.begin(next)))
  }

  private func with(_ change: AgentChange?) -> AgentReaction {
    var next = self
    next.change = change
    return .to(.serving(next), .deployed)
  }

  private func on(_ news: WorkerNews, _ turn: inout AgentTurn) -> AgentReaction {
    switch (news, stage) {
    case (.ready, .holding): return to(.serving, .workerReady)
    case (.restarting, .serving): return to(.holding, .workerRestarting)
    case (.draining, .serving), (.draining, .holding):
      return to(.leaving(since: turn.now), .workerDraining)
    case (.contradicted(let reason), _):
      turn.kill(worker, .contradicted, reason: reason)
      return lost(reason, chance: 1, .workerContradicted, &turn)
    case (.ended(.gaveUp(let reason), _), _): return failed(reason, .workerEnded, &turn)
    case (.ended(.asked, let chance), _), (.ended(.crashed, let chance), _):
      let reason = news.endReason ?? ""
      return lost(reason, chance: chance, .workerEnded, &turn)
    // Its agent may need several attempts.
    case (.restarting, .holding), (.listening, _): return .ignore
    case (.started, _), (.ended(.couldNotStart, _), _), (.ready, .serving), (.ready, .leaving),
      (.restarting, .leaving), (.draining, .leaving):
      return .refuse
    }
  }

  private func to(_ stage: Stage, _ cause: AgentCause) -> AgentReaction {
    var next = self
    next.stage = stage
    return .to(.serving(next), cause)
  }

  /// The worker is gone; the same version is started again, if it may be.
  private func lost(
    _ reason: String, chance: Double, _ cause: AgentCause, _ turn: inout AgentTurn
  ) -> AgentReaction {
    guard let again = turn.restart(version, after: worker, chance: chance, isProven: true) else {
      return failed(version.usedUp(reason), cause, &turn)
    }
    let recovering = AgentRecovering(
      version: again.version, progress: again.progress, change: change)
    return .to(.recovering(recovering), cause, reason: reason)
  }

  private func failed(
    _ reason: String, _ cause: AgentCause, _ turn: inout AgentTurn
  ) -> AgentReaction {
    .to(.failure(of: version, reason, change), cause, reason: reason)
  }

  /// What its target came to.
  private func changed(_ outcome: AgentChange.Outcome, _ turn: inout AgentTurn) -> AgentReaction {
    switch outcome {
    case .stays(let change):
      var next = self
      next.change = change
      return .to(.serving(next), .workerEnded)
    case .takesOver(let version, let worker):
      turn.stop(self.worker, .replaced)
      let next = AgentServing(version: version, worker: worker, stage: .serving, change: nil)
      return .to(.serving(next), .workerReady)
    case .ignore: return .ignore
    case .refuse: return .refuse
    }
  }
}

extension WorkerNews {
  fileprivate var endReason: String? {
    if case .ended(let end, _) = self { end.unaskedReason } else { nil }
  }
}

extension AgentState {
  /// A version is given up: what boots beside it is what is left, if anything does.
  static func failure(
    of version: AgentVersion, _ reason: String, _ change: AgentChange?
  ) -> AgentState {
    switch change {
    case .rolling(let target, let progress):
      .booting(AgentBooting(version: target, progress: progress, former: nil))
    case .failed(let target):
      .failed(AgentFailed(deployment: version.deployment, reason: reason, target: target))
    case nil: .failed(AgentFailed(deployment: version.deployment, reason: reason, target: nil))
    }
  }
}
