/// A line that a supervisor has to write next, because of what its machine has just done. What the
/// machine does not know of it, such as the worker's run, is not compared.
enum DueLine: Sendable, Equatable {
  case state(AgentTransition)
  case targetFailed(agent: String, revision: String, reason: String)
  case traffic(agent: String, from: Int?, to: Int?)
  case stop(WorkerStop)
  case removed(agent: String)
  case ready(ready: Int, failed: Int)
  case stopped(code: Int32)

  /// What a step leads to, in the order in which a driver writes it.
  /// - Parameters:
  ///   - before: the routes of the agents, by their ids, before the step.
  ///   - agents: the agents after it.
  static func all(
    of step: SupervisionStep, routes before: [String: Int], agents: [SupervisedAgent]
  ) -> [DueLine] {
    var lines = step.stops.filter(\.isForced).map { DueLine.stop($0) }
    lines += step.transitions.map { .state($0) }
    lines += step.failedTargets.map {
      .targetFailed(
        agent: $0.deployment.agent, revision: $0.deployment.revision, reason: $0.reason)
    }
    for effect in step.effects {
      switch effect {
      // The line of a start follows when the process is there, that of a kill is the first.
      case .start, .kill: break
      case .route(let agent, let worker):
        lines.append(.traffic(agent: agent, from: before[agent], to: worker))
      case .stop(_, let worker):
        lines += step.stops.filter { $0.worker == worker && !$0.isForced }.map { .stop($0) }
      case .forget(let agent): lines.append(.removed(agent: agent))
      case .settled:
        lines.append(
          .ready(
            ready: agents.count { $0.name == .ready }, failed: agents.count { $0.name == .failed }))
      case .exit(let code): lines.append(.stopped(code: code))
      }
    }
    return lines
  }

  /// Whether it is written when its effect is carried out, and so after the starts of workers.
  var comesLate: Bool {
    switch self {
    case .ready, .stopped: true
    case .state, .targetFailed, .traffic, .stop, .removed: false
    }
  }

  /// As an operator would write it.
  var text: String {
    switch self {
    case .state(let transition):
      "agent_state \(transition.agent) → \(transition.to.rawValue) (\(transition.cause.rawValue))"
    case .targetFailed(let agent, let revision, _): "agent_target_failed \(agent) \(revision)"
    case .traffic(let agent, let from, let to):
      "agent_traffic \(agent) \(Self.worker(from)) → \(Self.worker(to))"
    case .stop(let stop):
      "agent_worker_stop \(stop.agent) worker \(stop.worker) (\(stop.cause.rawValue)"
        + "\(stop.isForced ? ", killed" : ""))"
    case .removed(let agent): "agent_removed \(agent)"
    case .ready: "supervisor_ready"
    case .stopped(let code): "supervisor_stopped (exit_code \(code))"
    }
  }

  private static func worker(_ number: Int?) -> String { number.map { "worker \($0)" } ?? "none" }

  /// Whether a line is meant to be this one: the same event about the same agent or worker.
  func isMeant(by line: SupervisorLine) -> Bool {
    switch (self, line) {
    case (.state(let due), .agentState(let told)): due.agent == told.agent
    case (.targetFailed(let agent, _, _), .agentTargetFailed(let told, _, _)): agent == told
    case (.traffic(let agent, _, _), .agentTraffic(let told, _, _)): agent == told
    case (.stop(let due), .agentWorkerStop(let told)):
      due.agent == told.agent && due.worker == told.worker
    case (.removed(let agent), .agentRemoved(let told)): agent == told
    case (.ready, .ready), (.stopped, .stopped): true
    default: false
    }
  }

  /// Judges the line that is meant to be this one.
  func check(_ line: SupervisorLine) throws(Breach) {
    guard isMeant(by: line) else {
      throw Breach(
        .stepIsTold, "it does not tell of what has just happened", allowed: [text])
    }
    switch (self, line) {
    case (.state(let due), .agentState(let told)): try Self.check(due, told)
    case (.targetFailed(_, let revision, let reason), .agentTargetFailed(_, let other, let why)):
      guard revision == other else {
        throw Breach(
          .stateOfAgent, "its revision is not the target's", allowed: ["revision \(revision)"])
      }
      try Self.check(reason: reason, why)
    case (.traffic(_, let from, let to), .agentTraffic(_, let otherFrom, let otherTo)):
      guard from == otherFrom, to == otherTo else {
        throw Breach(
          .trafficGoesToReady, "requests go from \(Self.worker(from)) to \(Self.worker(to))",
          allowed: [text])
      }
    case (.stop(let due), .agentWorkerStop(let told)):
      guard due.cause == told.cause, due.isForced == told.isForced else {
        throw Breach(
          .stopsFollow, "its cause or its force is not the machine's", allowed: [text])
      }
    case (.ready(let ready, let failed), .ready(let otherReady, let otherFailed, _)):
      guard ready == otherReady, failed == otherFailed else {
        throw Breach(
          .settledOnce, "it counts other agents", allowed: ["ready \(ready), failed \(failed)"])
      }
    case (.stopped(let code), .stopped(let facts)):
      guard code == facts.exitCode else {
        throw Breach(
          .exitCodeAndOutcome, "its exit code is not the machine's", allowed: ["exit_code \(code)"])
      }
    default: break
    }
  }

  private static func check(_ due: AgentTransition, _ told: AgentStateFacts) throws(Breach) {
    guard due.from == told.from else {
      let from = due.from?.rawValue ?? "null"
      throw Breach(
        .stateOfAgent, "it comes from \(told.from?.rawValue ?? "null"), but the agent was \(from)",
        allowed: ["from \(from)"])
    }
    guard due.to == told.to, due.cause == told.cause else {
      throw Breach(
        .stateOfAgent,
        "the agent goes to \(due.to.rawValue), by \(due.cause.rawValue)",
        allowed: [DueLine.state(due).text])
    }
    guard due.worker == told.worker else {
      throw Breach(
        .stateOfAgent, "it names another worker than the one that moved the agent",
        allowed: [worker(due.worker)])
    }
    try check(reason: due.reason, told.reason)
  }

  private static func check(reason due: String?, _ told: String?) throws(Breach) {
    // A line that would be too long is cut.
    guard due == told || (told ?? "").utf8.count > longReason else {
      throw Breach(
        .reasonsAreTold, "its reason is another one", allowed: ["reason \(due ?? "null")"])
    }
  }

  /// Bytes of a reason that may have been cut.
  private static let longReason = 1000
}
