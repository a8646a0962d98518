/// The members of a log line that are read, those of the objects inside it too.
enum LineMember: UInt8, CaseIterable {
  case timestamp, level, event, sequence, runID, agentAppID, deploymentID, uptime
  case from, to, state, cause, attempt
  case version, schema, machine, pid, config
  case source, url, bytes, fetchTime
  case package, packageName, packageVersion, packageSHA256
  case python, environment, environmentKey, environmentCache, installer
  case surfaces, sockets, restSocket, a2aSocket
  case bootTime, phases, fetchPhase, verifyPhase, installPhase, loadPhase, loadTime
  case restPort, a2aPort, uiPort
  case inFlight, deadline, exitCode, outcome, completed, aborted, drainTime
  case budget, countedTime, hardLimit, variable, error, phase, detail, hint, message, delay
  case status, signal, outOfMemory, asked, stack, restarts, willRestart, replaced
  case method, route, age, requestID, traceID, surface, code, count, illegalIn, what
  case stream, line, path, grpcStatus, duration, sample, slowDuration, agentTime, heldTime, leftOut

  /// Its name in the log; behind the name of the object that it stands in and a point, if it does.
  var path: StaticString {
    switch self {
    case .timestamp: "timestamp"
    case .level: "level"
    case .event: "event"
    case .sequence: "seq"
    case .runID: "run_id"
    case .agentAppID: "agentAppId"
    case .deploymentID: "deploymentId"
    case .uptime: "uptime_ms"
    case .from: "from"
    case .to: "to"
    case .state: "state"
    case .cause: "cause"
    case .attempt: "attempt"
    case .version: "version"
    case .schema: "schema"
    case .machine: "machine"
    case .pid: "pid"
    case .config: "config"
    case .source: "source"
    case .url: "url"
    case .bytes: "bytes"
    case .fetchTime: "fetch_ms"
    case .package: "package"
    case .packageName: "package.name"
    case .packageVersion: "package.version"
    case .packageSHA256: "package.sha256"
    case .python: "python"
    case .environment: "environment"
    case .environmentKey: "environment.key"
    case .environmentCache: "environment.cache"
    case .installer: "installer"
    case .surfaces: "surfaces"
    case .sockets: "sockets"
    case .restSocket: "sockets.rest"
    case .a2aSocket: "sockets.a2a"
    case .bootTime: "boot_ms"
    case .phases: "phases_ms"
    case .fetchPhase: "phases_ms.fetch"
    case .verifyPhase: "phases_ms.verify"
    case .installPhase: "phases_ms.install"
    case .loadPhase: "phases_ms.load"
    case .loadTime: "load_ms"
    case .restPort: "rest_port"
    case .a2aPort: "a2a_port"
    case .uiPort: "ui_port"
    case .inFlight: "in_flight"
    case .deadline: "deadline_ms"
    case .exitCode: "exit_code"
    case .outcome: "outcome"
    case .completed: "completed"
    case .aborted: "aborted"
    case .drainTime: "drain_ms"
    case .budget: "budget_ms"
    case .countedTime: "counted_ms"
    case .hardLimit: "hard_limit_ms"
    case .variable: "variable"
    case .error: "error"
    case .phase: "phase"
    case .detail: "detail"
    case .hint: "hint"
    case .message: "message"
    case .delay: "delay_ms"
    case .status: "status"
    case .signal: "signal"
    case .outOfMemory: "oom"
    case .asked: "asked"
    case .stack: "stack"
    case .restarts: "restarts"
    case .willRestart: "will_restart"
    case .replaced: "replaced"
    case .method: "method"
    case .route: "route"
    case .age: "age_ms"
    case .requestID: "request_id"
    case .traceID: "trace_id"
    case .surface: "surface"
    case .code: "code"
    case .count: "count"
    case .illegalIn: "in"
    case .what: "what"
    case .stream: "stream"
    case .line: "line"
    case .path: "path"
    case .grpcStatus: "grpc_status"
    case .duration: "duration_us"
    case .sample: "sample"
    case .slowDuration: "duration_ms"
    case .agentTime: "agent_ms"
    case .heldTime: "held_ms"
    case .leftOut: "left_out"
    }
  }

  /// The scope of the members of the object that this one is; nil for other kinds of value.
  var inside: NameScope? {
    switch self {
    case .package: .package
    case .environment: .environment
    case .sockets: .sockets
    case .phases: .phases
    case .config: .config
    default: nil
    }
  }
}
