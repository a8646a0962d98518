extension LogEvent {
  var kind: EventName {
    switch self {
    case .runStarted: .runStarted
    case .fetch: .fetch
    case .verify: .verify
    case .install: .install
    case .load: .load
    case .runtimeReady: .runtimeReady
    case .drain: .drain
    case .stopped: .stopped
    case .budgetExceeded: .budgetExceeded
    case .hardLimitExceeded: .hardLimitExceeded
    case .configError: .configError
    case .bootFailed: .bootFailed
    case .bootProgress: .bootProgress
    case .fetchRetry: .fetchRetry
    case .workerStarted: .workerStarted
    case .workerExited: .workerExited
    case .reloadStarted: .reloadStarted
    case .reloadFinished: .reloadFinished
    case .reloadFailed: .reloadFailed
    case .requestAborted: .requestAborted
    case .warning: .warning
    case .logDropped: .logDropped
    case .illegalEvent: .illegalEvent
    case .agentOutput: .agentOutput
    case .request: .request
    case .slowRequest: .slowRequest
    case .supervisor(let line): line.kind
    }
  }

  /// The event's name in the log: what an operator greps for.
  public var name: String { kind.spelling.description }

  public var level: LogLevel {
    switch self {
    case .drain(let transition, _, _):
      Signal(rawValue: transition.cause) == nil ? .error : .info
    case .stopped(_, let facts): facts.outcome.level
    case .supervisor(let line): line.level
    case .workerExited(let exit): exit.asked ? .info : .error
    // The name of every other says it.
    default: kind.level ?? .error
    }
  }

  /// The transition, on the lines that moved the machine.
  public var transition: Transition? {
    switch self {
    case .fetch(let transition, _, _), .verify(let transition, _, _), .install(let transition, _),
      .load(let transition, _), .runtimeReady(let transition, _), .drain(let transition, _, _),
      .stopped(let transition, _):
      transition
    case .runStarted, .budgetExceeded, .hardLimitExceeded, .configError, .bootFailed,
      .bootProgress, .fetchRetry, .workerStarted, .workerExited, .reloadStarted,
      .reloadFinished, .reloadFailed, .requestAborted, .warning, .logDropped, .illegalEvent,
      .agentOutput, .request, .slowRequest, .supervisor:
      nil
    }
  }

  /// Whether the line may be dropped when the log's reader is slow.
  public var isDroppable: Bool {
    switch self {
    case .agentOutput, .request: true
    case .runStarted, .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped,
      .budgetExceeded, .hardLimitExceeded, .configError, .bootFailed, .bootProgress, .fetchRetry,
      .workerStarted, .workerExited, .reloadStarted, .reloadFinished, .reloadFailed,
      .requestAborted, .warning, .logDropped, .illegalEvent, .slowRequest, .supervisor:
      false
    }
  }

  /// Whether the line is written whatever `LOG_LEVEL` says: a log is read back by these.
  public var isAlwaysWritten: Bool {
    switch self {
    case .runStarted: true
    case .supervisor(let line): line.isReplayed
    default: transition != nil
    }
  }

  /// The fields after the common ones, in their order.
  public var fields: [JSONMember] {
    (transition?.fields ?? []) + ownFields
  }

  /// What the event says beyond its transition.
  var ownFields: [JSONMember] {
    switch self {
    case .runStarted(let version, let schema, let machine, let pid, let config):
      [
        JSONMember("version", .string(version)), JSONMember("schema", .integer(Int64(schema))),
        JSONMember("machine", .string(machine)), JSONMember("pid", .integer(Int64(pid))),
        JSONMember("config", config),
      ]
    case .fetch(_, let source, let url):
      [JSONMember("source", .string(source)), JSONMember("url", .string(url))]
    case .verify(_, let bytes, let milliseconds):
      [JSONMember("bytes", .integer(bytes)), JSONMember("fetch_ms", .integer(milliseconds))]
    case .install(_, let facts): facts.fields
    case .load(_, let facts): facts.fields
    case .runtimeReady(_, let facts): facts.fields
    case .drain(_, let inFlight, let deadline):
      [
        JSONMember("in_flight", .integer(Int64(inFlight))),
        JSONMember("deadline_ms", .integer(deadline)),
      ]
    case .stopped(_, let facts): facts.fields
    case .budgetExceeded(let boot, let budget):
      [JSONMember("boot_ms", .integer(boot)), JSONMember("budget_ms", .integer(budget))]
    case .hardLimitExceeded(let boot, let counted, let limit, let phases):
      [
        JSONMember("boot_ms", .integer(boot)), JSONMember("counted_ms", .integer(counted)),
        JSONMember("hard_limit_ms", .integer(limit)), JSONMember("phases_ms", phases.json),
      ]
    case .configError(let variable, let error):
      [JSONMember("variable", .string(variable)), JSONMember("error", .string(error))]
    case .bootFailed(let phase, let explanation):
      [JSONMember("phase", .string(phase.phaseName))] + explanation.fields
    case .bootProgress(let phase, let message):
      [
        JSONMember("phase", .string(phase.phaseName)), JSONMember("message", .string(message)),
      ]
    case .fetchRetry(let attempt, let error, let delay):
      [
        JSONMember("attempt", .integer(Int64(attempt))), JSONMember("error", .string(error)),
        JSONMember("delay_ms", .integer(delay)),
      ]
    case .workerStarted(let pid, let attempt):
      [
        JSONMember("pid", .integer(Int64(pid))), JSONMember("attempt", .integer(Int64(attempt))),
      ]
    case .workerExited(let exit): exit.fields
    case .reloadStarted(let pid): [JSONMember("pid", .integer(Int64(pid)))]
    case .reloadFinished(let facts):
      [
        JSONMember("pid", .integer(Int64(facts.pid))),
        JSONMember("replaced", .integer(Int64(facts.replaced))),
        JSONMember("load_ms", .integer(facts.loadMilliseconds)),
      ]
    case .reloadFailed(let explanation): explanation.fields
    case .requestAborted(let facts):
      [
        JSONMember("method", .string(facts.method)), JSONMember("route", .string(facts.route)),
        JSONMember("age_ms", .integer(facts.ageMilliseconds)),
        JSONMember("request_id", .string(facts.requestID)),
      ] + JSONMember.present("trace_id", facts.traceID) + [
        JSONMember("surface", .string(facts.surface))
      ]
    case .warning(let code, let message):
      [JSONMember("code", .string(code)), JSONMember("message", .string(message))]
    case .logDropped(let count): [JSONMember("count", .integer(count))]
    case .illegalEvent(let state, let what):
      [JSONMember("in", .string(state.rawValue)), JSONMember("what", .string(what))]
    case .agentOutput(let stream, let line):
      [JSONMember("stream", .string(stream)), JSONMember("line", .string(line))]
    case .request(let facts): facts.fields
    case .slowRequest(let facts): facts.fields
    case .supervisor(let line): line.fields
    }
  }
}

extension Stopped.Outcome {
  var level: LogLevel {
    switch self {
    case .clean: .info
    case .cut: .warning
    case .failed: .error
    }
  }
}

extension StoppedFacts {
  var fields: [JSONMember] {
    [
      JSONMember("exit_code", .integer(Int64(exitCode))),
      JSONMember("outcome", .string(outcome.rawValue)),
      JSONMember("completed", .integer(Int64(completed))),
      JSONMember("aborted", .integer(Int64(aborted))),
      JSONMember("drain_ms", .integer(drainMilliseconds)),
    ]
  }
}

extension JSONMember {
  /// One where there is a text, and nothing else.
  fileprivate static func present(_ name: String, _ text: String?) -> [JSONMember] {
    text.map { [JSONMember(name, .string($0))] } ?? []
  }
}

extension RequestFacts {
  fileprivate var fields: [JSONMember] {
    var fields = [
      JSONMember("method", .string(method)), JSONMember("path", .string(path)),
      JSONMember("status", .integer(Int64(status))),
    ]
    fields += JSONMember.present("grpc_status", grpcStatus)
    fields += [
      JSONMember("duration_us", .integer(durationMicroseconds)),
      JSONMember("bytes", .integer(bytes)), JSONMember("request_id", .string(requestID)),
    ]
    fields += JSONMember.present("trace_id", traceID)
    fields.append(JSONMember("surface", .string(surface)))
    if let sample { fields.append(JSONMember("sample", .number(sample))) }
    return fields
  }
}

extension SlowFacts {
  fileprivate var fields: [JSONMember] {
    [
      JSONMember("method", .string(method)), JSONMember("path", .string(path)),
      JSONMember("status", status.json),
    ] + JSONMember.present("grpc_status", grpcStatus) + [
      JSONMember("duration_ms", .integer(durationMilliseconds)),
      JSONMember("agent_ms", .integer(agentMilliseconds)),
      JSONMember("held_ms", .integer(heldMilliseconds)),
      JSONMember("request_id", .string(requestID)),
    ] + JSONMember.present("trace_id", traceID) + [
      JSONMember("surface", .string(surface)), JSONMember("left_out", .integer(Int64(leftOut))),
    ]
  }
}

extension StateName {
  /// A boot's phases carry the names of `phases_ms`: fetch, verify, install, load.
  public var phaseName: String {
    switch self {
    case .fetching: "fetch"
    case .verifying: "verify"
    case .installing: "install"
    case .loading: "load"
    case .ready, .draining, .stopped: rawValue
    }
  }

  init?(phaseName: String) {
    guard let name = Self.allCases.first(where: { $0.phaseName == phaseName }) else { return nil }
    self = name
  }
}

extension Optional<String> {
  var json: JSONValue { map { .string($0) } ?? .null }
}

extension Int {
  var json: JSONValue { .integer(Int64(self)) }
}

extension Optional<Int> {
  var json: JSONValue { map { .integer(Int64($0)) } ?? .null }
}

extension Transition {
  var fields: [JSONMember] {
    var fields = [
      JSONMember("from", .string(from?.rawValue ?? "")), JSONMember("to", .string(to.rawValue)),
      JSONMember("state", .string(state.rawValue)), JSONMember("cause", .string(cause)),
    ]
    if from == nil { fields[0].value = .null }
    if let attempt { fields.append(JSONMember("attempt", .integer(Int64(attempt)))) }
    return fields
  }
}

extension PackageIdentity {
  fileprivate var json: JSONValue {
    .members([
      "name": .string(name), "version": .string(version), "sha256": sha256.json,
    ])
  }
}

extension PhaseTimes {
  public var json: JSONValue {
    .members([
      "fetch": .integer(fetch), "verify": .integer(verify), "install": .integer(install),
      "load": .integer(load),
    ])
  }
}

extension InstallFacts {
  fileprivate var fields: [JSONMember] {
    [
      JSONMember("package", package.json), JSONMember("python", python.json),
      JSONMember(
        "environment",
        .members([
          "key": environmentKey.json, "cache": .string(environmentCache.rawValue),
        ])),
      JSONMember("installer", installer.json),
    ]
  }
}

extension LoadFacts {
  fileprivate var fields: [JSONMember] {
    [
      JSONMember("package", package.json),
      JSONMember("surfaces", .array(surfaces.map { .string($0) })),
      JSONMember("sockets", .members(["rest": restSocket.json, "a2a": a2aSocket.json])),
    ]
  }
}

extension ReadyFacts {
  fileprivate var fields: [JSONMember] {
    [
      JSONMember("boot_ms", .integer(bootMilliseconds)), JSONMember("phases_ms", phases.json),
      JSONMember("load_ms", .integer(loadMilliseconds)),
      JSONMember("surfaces", .array(surfaces.map { .string($0) })),
      JSONMember("rest_port", .integer(Int64(restPort))), JSONMember("a2a_port", a2aPort.json),
      JSONMember("ui_port", uiPort.json),
    ]
  }
}

extension Explanation {
  fileprivate var fields: [JSONMember] {
    [
      JSONMember("error", .string(error)), JSONMember("detail", detail.json),
      JSONMember("hint", hint.json),
    ]
  }
}

extension WorkerExit {
  fileprivate var fields: [JSONMember] {
    [
      JSONMember("pid", .integer(Int64(pid))), JSONMember("status", status.json),
      JSONMember("signal", signal.json), JSONMember("oom", .bool(outOfMemory)),
      JSONMember("asked", .bool(asked)), JSONMember("stack", stack.json),
      JSONMember("in_flight", .array(inFlight.map { .string($0) })),
      JSONMember("restarts", .integer(Int64(restarts))),
      JSONMember("will_restart", .bool(willRestart)),
      JSONMember("delay_ms", delayMilliseconds.map { .integer($0) } ?? .null),
    ]
  }
}
