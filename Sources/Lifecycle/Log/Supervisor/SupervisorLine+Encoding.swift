extension SupervisorLine {
  var kind: EventName {
    switch self {
    case .started: .supervisorStarted
    case .desiredState: .desiredState
    case .desiredRefused: .desiredRefused
    case .loaded: .supervisorLoaded
    case .agentDeploy: .agentDeploy
    case .agentWorker: .agentWorker
    case .agentState: .agentState
    case .agentTraffic: .agentTraffic
    case .agentWorkerStop: .agentWorkerStop
    case .agentWorkerExited: .agentWorkerExited
    case .agentTargetFailed: .agentTargetFailed
    case .agentRemoved: .agentRemoved
    case .adminRequest: .adminRequest
    case .ready: .supervisorReady
    case .draining: .supervisorDraining
    case .stopped: .supervisorStopped
    case .illegalEvent: .supervisorIllegalEvent
    }
  }

  var level: LogLevel {
    switch self {
    case .agentState(let facts):
      switch facts.to {
      case .failed: .error
      case .restarting: .warning
      case .booting, .ready, .draining, .stopped: .info
      }
    case .agentWorkerStop(let facts): facts.isForced ? .warning : .info
    case .agentWorkerExited(let facts): facts.end == .asked ? .info : .error
    case .draining(let cause, _, _): Signal(rawValue: cause) == nil ? .error : .info
    case .stopped(let facts): facts.outcome.level
    // The name of every other says it.
    default: kind.level ?? .error
    }
  }

  /// Whether a log is read back by it.
  var isReplayed: Bool {
    switch self {
    case .desiredRefused, .adminRequest, .illegalEvent: false
    case .started, .desiredState, .loaded, .agentDeploy, .agentWorker, .agentState, .agentTraffic,
      .agentWorkerStop, .agentWorkerExited, .agentTargetFailed, .agentRemoved, .ready, .draining,
      .stopped:
      true
    }
  }

  /// The fields after the common ones, in their order.
  var fields: [JSONMember] {
    switch self {
    case .started(let version, let schema, let machine, let pid, let config):
      [
        JSONMember("version", .string(version)), JSONMember("schema", .integer(Int64(schema))),
        JSONMember("machine", .string(machine)), JSONMember("pid", .integer(Int64(pid))),
        JSONMember("config", config),
      ]
    case .desiredState(let facts):
      [
        JSONMember("source", .string(facts.source.rawValue)),
        JSONMember("revision", facts.revision.json), JSONMember("added", .texts(facts.added)),
        JSONMember("changed", .texts(facts.changed)),
        JSONMember("removed", .texts(facts.removed)),
      ]
    case .desiredRefused(let source, let errors):
      [JSONMember("source", .string(source.rawValue)), JSONMember("errors", .texts(errors))]
    case .loaded(let agents): [JSONMember("agents", .integer(Int64(agents)))]
    case .agentDeploy(let deployment, let deploymentID):
      [
        JSONMember("agent", .string(deployment.agent)),
        JSONMember("revision", .string(deployment.revision)),
        JSONMember("deployment", deploymentID.json),
        JSONMember("cause", .string(deployment.cause.rawValue)),
        JSONMember("surge", .bool(deployment.surge)),
        JSONMember(
          "restart",
          .members([
            "max": .integer(Int64(deployment.restarts.maximum)),
            "window_ms": .integer(deployment.restarts.window.milliseconds),
          ])),
      ]
    case .agentWorker(let facts):
      [
        JSONMember("agent", .string(facts.agent)), JSONMember("worker", facts.worker.json),
        JSONMember("revision", .string(facts.revision)), JSONMember("pid", facts.pid.json),
        JSONMember("port", facts.port.json), JSONMember("worker_run", facts.workerRun.json),
      ]
    case .agentState(let facts):
      [
        JSONMember("agent", .string(facts.agent)), JSONMember("from", (facts.from?.rawValue).json),
        JSONMember("to", .string(facts.to.rawValue)),
        JSONMember("cause", .string(facts.cause.rawValue)),
        JSONMember("reason", facts.reason.json), JSONMember("worker", facts.worker.json),
      ] + facts.mark.fields
    case .agentTraffic(let agent, let from, let to):
      [
        JSONMember("agent", .string(agent)), JSONMember("from_worker", from.json),
        JSONMember("to_worker", to.json),
      ]
    case .agentWorkerStop(let facts):
      [
        JSONMember("agent", .string(facts.agent)), JSONMember("worker", facts.worker.json),
        JSONMember("worker_run", facts.workerRun.json), JSONMember("forced", .bool(facts.isForced)),
        JSONMember("cause", .string(facts.cause.rawValue)),
        JSONMember("reason", facts.reason.json),
      ]
    case .agentWorkerExited(let facts):
      [JSONMember("agent", .string(facts.agent)), JSONMember("worker", facts.worker.json)]
        + facts.mark.fields + [
          JSONMember("end", .string(facts.end.kind.rawValue)),
          JSONMember("status", facts.status.json), JSONMember("signal", facts.signal.json),
          JSONMember("oom", .bool(facts.outOfMemory)),
          JSONMember("reason", facts.end.reason.json),
          JSONMember("restarts", facts.restarts.json),
          JSONMember("will_restart", .bool(facts.delayMilliseconds != nil)),
          JSONMember("delay_ms", facts.delayMilliseconds.map { .integer($0) } ?? .null),
        ]
    case .agentTargetFailed(let agent, let revision, let reason):
      [
        JSONMember("agent", .string(agent)), JSONMember("revision", .string(revision)),
        JSONMember("reason", .string(reason)),
      ]
    case .agentRemoved(let agent): [JSONMember("agent", .string(agent))]
    case .adminRequest(let facts):
      [
        JSONMember("method", .string(facts.method)), JSONMember("path", .string(facts.path)),
        JSONMember("status", facts.status.json), JSONMember("agent", facts.agent.json),
        JSONMember("peer", .string(facts.peer)),
      ]
    case .ready(let ready, let failed, let milliseconds):
      [
        JSONMember("ready", ready.json), JSONMember("failed", failed.json),
        JSONMember("settle_ms", .integer(milliseconds)),
      ]
    case .draining(let cause, let inFlight, let deadline):
      [
        JSONMember("cause", .string(cause)), JSONMember("in_flight", inFlight.json),
        JSONMember("deadline_ms", .integer(deadline)),
      ]
    case .stopped(let facts): facts.fields
    case .illegalEvent(let phase, let what):
      [JSONMember("in", .string(phase.rawValue)), JSONMember("what", .string(what))]
    }
  }
}

extension WorkerMark {
  fileprivate var fields: [JSONMember] {
    [
      JSONMember("worker_run", run.json),
      JSONMember("worker_seq", sequence.map { .integer($0) } ?? .null),
    ]
  }
}

extension JSONValue {
  fileprivate static func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
}
