extension SupervisionStep {
  /// The lines that a driver writes of a step, in their order: workers that are killed, agents' states,
  /// targets that failed, then in the order of the effects traffic, workers that are asked to stop,
  /// and agents that are gone. The line that tells of the event itself comes before them, where the
  /// event has one of its own (see `SupervisorLine`); `agent_worker`, `supervisor_ready` and
  /// `supervisor_stopped` follow when their effects are carried out.
  ///
  /// `mark` names the latest line of a worker's own log that the driver has read.
  public func lines(_ mark: (_ worker: Int) -> WorkerMark) -> [SupervisorLine] {
    var lines: [SupervisorLine] = stops.filter(\.isForced).map { $0.line(mark) }
    lines += transitions.map { .agentState(AgentStateFacts($0, mark)) }
    lines += failedTargets.map {
      .agentTargetFailed(
        agent: $0.deployment.agent, revision: $0.deployment.revision, reason: $0.reason)
    }
    for effect in effects {
      switch effect {
      case .route(let agent, _):
        lines += traffic.filter { $0.agent == agent }.map {
          .agentTraffic(agent: agent, from: $0.from, to: $0.to)
        }
      case .stop(_, let worker):
        lines += stops.filter { $0.worker == worker && !$0.isForced }.map { $0.line(mark) }
      case .forget(let agent): lines.append(.agentRemoved(agent: agent))
      case .start, .kill, .settled, .exit: break
      }
    }
    return lines
  }
}

extension WorkerStop {
  fileprivate func line(_ mark: (_ worker: Int) -> WorkerMark) -> SupervisorLine {
    .agentWorkerStop(
      AgentWorkerStopFacts(
        agent: agent, worker: worker, workerRun: mark(worker).run, isForced: isForced,
        cause: cause, reason: reason))
  }
}

extension AgentStateFacts {
  fileprivate init(_ transition: AgentTransition, _ mark: (_ worker: Int) -> WorkerMark) {
    self.init(
      agent: transition.agent, from: transition.from, to: transition.to,
      cause: transition.cause, reason: transition.reason, worker: transition.worker,
      mark: transition.worker.map(mark) ?? WorkerMark(run: nil, sequence: nil))
  }
}
