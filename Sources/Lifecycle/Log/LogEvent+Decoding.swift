extension LogEvent {
  /// Reads the event of that name back from the object of a log line; nil when a field is missing
  /// or of another kind, or when the name is unknown.
  public init?(name: String, line: JSONValue) {
    let fields = FieldReader(line: line)
    guard let event = Self.transition(name, fields) ?? Self.report(name, fields) else {
      return nil
    }
    self = event
  }

  private static func transition(_ name: String, _ fields: FieldReader) -> LogEvent? {
    guard let transition = fields.transition else { return nil }
    switch name {
    case "fetch":
      guard let source = fields.text("source"), let url = fields.text("url") else { return nil }
      return .fetch(transition, source: source, url: url)
    case "verify":
      guard let bytes = fields.whole("bytes"), let time = fields.whole("fetch_ms") else {
        return nil
      }
      return .verify(transition, bytes: bytes, fetchMilliseconds: time)
    case "install":
      guard let facts = InstallFacts(fields) else { return nil }
      return .install(transition, facts)
    case "load":
      guard let facts = LoadFacts(fields) else { return nil }
      return .load(transition, facts)
    case "runtime_ready":
      guard let facts = ReadyFacts(fields) else { return nil }
      return .runtimeReady(transition, facts)
    case "drain":
      guard let inFlight = fields.int("in_flight"), let deadline = fields.whole("deadline_ms")
      else { return nil }
      return .drain(transition, inFlight: inFlight, deadlineMilliseconds: deadline)
    case "stopped":
      guard let facts = StoppedFacts(fields) else { return nil }
      return .stopped(transition, facts)
    default: return nil
    }
  }

  private static func report(_ name: String, _ fields: FieldReader) -> LogEvent? {
    switch name {
    case "run_started":
      guard let version = fields.text("version"), let schema = fields.int("schema"),
        let machine = fields.text("machine"), let pid = fields.int("pid"),
        let config = fields.line["config"]
      else { return nil }
      return .runStarted(
        version: version, schema: schema, machine: machine, pid: pid, config: config)
    case "Boot time exceeded budget":
      guard let boot = fields.whole("boot_ms"), let budget = fields.whole("budget_ms") else {
        return nil
      }
      return .budgetExceeded(bootMilliseconds: boot, budgetMilliseconds: budget)
    case "Boot time exceeded hard limit":
      guard let boot = fields.whole("boot_ms"), let counted = fields.whole("counted_ms"),
        let limit = fields.whole("hard_limit_ms"), let phases = PhaseTimes(fields.line["phases_ms"])
      else { return nil }
      return .hardLimitExceeded(
        bootMilliseconds: boot, countedMilliseconds: counted, hardLimitMilliseconds: limit,
        phases: phases)
    case "config_error":
      guard let variable = fields.text("variable"), let error = fields.text("error") else {
        return nil
      }
      return .configError(variable: variable, error: error)
    case "boot_failed":
      guard let phase = fields.phase, let error = fields.text("error") else { return nil }
      return .bootFailed(
        phase: phase,
        Explanation(error: error, detail: fields.text("detail"), hint: fields.text("hint")))
    case "boot_progress":
      guard let phase = fields.phase, let message = fields.text("message") else { return nil }
      return .bootProgress(phase: phase, message: message)
    case "fetch_retry":
      guard let attempt = fields.int("attempt"), let error = fields.text("error"),
        let delay = fields.whole("delay_ms")
      else { return nil }
      return .fetchRetry(attempt: attempt, error: error, delayMilliseconds: delay)
    case "worker_started":
      guard let pid = fields.int("pid"), let attempt = fields.int("attempt") else { return nil }
      return .workerStarted(pid: pid, attempt: attempt)
    case "worker_exited": return WorkerExit(fields).map { .workerExited($0) }
    case "reload_started": return fields.int("pid").map { .reloadStarted(pid: $0) }
    case "reload_finished":
      guard let pid = fields.int("pid"), let replaced = fields.int("replaced"),
        let load = fields.whole("load_ms")
      else { return nil }
      return .reloadFinished(ReloadFacts(pid: pid, replaced: replaced, loadMilliseconds: load))
    case "reload_failed":
      return fields.text("error").map {
        .reloadFailed(
          Explanation(error: $0, detail: fields.text("detail"), hint: fields.text("hint")))
      }
    case "request_aborted": return AbortedFacts(fields).map { .requestAborted($0) }
    case "warning":
      guard let code = fields.text("code"), let message = fields.text("message") else {
        return nil
      }
      return .warning(code: code, message: message)
    case "log_dropped": return fields.whole("count").map { .logDropped(count: $0) }
    case "illegal_event":
      guard let state = fields.text("in").flatMap(StateName.init(rawValue:)),
        let what = fields.text("what")
      else { return nil }
      return .illegalEvent(state: state, what: what)
    case "agent_output":
      guard let stream = fields.text("stream"), let line = fields.text("line") else { return nil }
      return .agentOutput(stream: stream, line: line)
    case "request": return RequestFacts(fields).map { .request($0) }
    case "slow_request": return SlowFacts(fields).map { .slowRequest($0) }
    default: return nil
    }
  }
}

/// Reads typed fields from the object of a log line.
struct FieldReader {
  let line: JSONValue

  func text(_ name: String) -> String? { line[name]?.text }
  func whole(_ name: String) -> Int64? { line[name]?.whole }
  func int(_ name: String) -> Int? { line[name]?.whole.flatMap { Int(exactly: $0) } }
  func flag(_ name: String) -> Bool? { line[name]?.flag }

  func texts(_ name: String) -> [String]? {
    guard let list = line[name]?.list else { return nil }
    let texts = list.compactMap(\.text)
    return texts.count == list.count ? texts : nil
  }

  var phase: StateName? { text("phase").flatMap(StateName.init(phaseName:)) }

  /// The transition of the line, whether or not its `state` agrees with its `to`.
  var transition: Transition? {
    guard let to = text("to").flatMap(StateName.init(rawValue:)), let cause = text("cause"),
      let state = text("state").flatMap(StateName.init(rawValue:)), let from = line["from"]
    else { return nil }
    let fromName = from.text.flatMap(StateName.init(rawValue:))
    guard from.isNull || fromName != nil else { return nil }
    var transition = Transition(from: fromName, to: to, cause: cause, attempt: int("attempt"))
    transition.state = state
    return transition
  }

  var package: PackageIdentity? {
    guard let package = line["package"], let name = package["name"]?.text,
      let version = package["version"]?.text
    else { return nil }
    return PackageIdentity(name: name, version: version, sha256: package["sha256"]?.text)
  }
}

extension PhaseTimes {
  init?(_ json: JSONValue?) {
    guard let fetch = json?["fetch"]?.whole, let verify = json?["verify"]?.whole,
      let install = json?["install"]?.whole, let load = json?["load"]?.whole
    else { return nil }
    self.init(fetch: fetch, verify: verify, install: install, load: load)
  }
}

extension InstallFacts {
  init?(_ fields: FieldReader) {
    guard let package = fields.package, let environment = fields.line["environment"],
      let cache = environment["cache"]?.text.flatMap(Preparation.Environment.init(rawValue:))
    else { return nil }
    self.init(
      package: package, python: fields.text("python"), environmentKey: environment["key"]?.text,
      environmentCache: cache, installer: fields.text("installer"))
  }
}

extension LoadFacts {
  init?(_ fields: FieldReader) {
    guard let package = fields.package, let surfaces = fields.texts("surfaces"),
      let sockets = fields.line["sockets"]
    else { return nil }
    self.init(
      package: package, surfaces: surfaces, restSocket: sockets["rest"]?.text,
      a2aSocket: sockets["a2a"]?.text)
  }
}

extension ReadyFacts {
  init?(_ fields: FieldReader) {
    guard let boot = fields.whole("boot_ms"), let phases = PhaseTimes(fields.line["phases_ms"]),
      let load = fields.whole("load_ms"), let surfaces = fields.texts("surfaces"),
      let restPort = fields.int("rest_port")
    else { return nil }
    self.init(
      bootMilliseconds: boot, phases: phases, loadMilliseconds: load, surfaces: surfaces,
      restPort: restPort, a2aPort: fields.int("a2a_port"), uiPort: fields.int("ui_port"))
  }
}

extension StoppedFacts {
  init?(_ fields: FieldReader) {
    guard let code = fields.whole("exit_code").flatMap({ Int32(exactly: $0) }),
      let outcome = fields.text("outcome").flatMap(Stopped.Outcome.init(rawValue:)),
      let completed = fields.int("completed"), let aborted = fields.int("aborted"),
      let drain = fields.whole("drain_ms")
    else { return nil }
    self.init(
      exitCode: code, outcome: outcome, completed: completed, aborted: aborted,
      drainMilliseconds: drain)
  }
}

extension WorkerExit {
  init?(_ fields: FieldReader) {
    guard let pid = fields.int("pid"), let outOfMemory = fields.flag("oom"),
      let asked = fields.flag("asked"), let inFlight = fields.texts("in_flight"),
      let restarts = fields.int("restarts"),
      let willRestart = fields.flag("will_restart")
    else { return nil }
    self.init(
      pid: pid, status: fields.int("status"), signal: fields.text("signal"),
      outOfMemory: outOfMemory, asked: asked, stack: fields.text("stack"), inFlight: inFlight,
      restarts: restarts, willRestart: willRestart, delayMilliseconds: fields.whole("delay_ms"))
  }
}

extension AbortedFacts {
  init?(_ fields: FieldReader) {
    guard let method = fields.text("method"), let route = fields.text("route"),
      let age = fields.whole("age_ms"), let requestID = fields.text("request_id"),
      let surface = fields.text("surface")
    else { return nil }
    self.init(
      method: method, route: route, ageMilliseconds: age, requestID: requestID,
      traceID: fields.text("trace_id"), surface: surface)
  }
}

extension RequestFacts {
  init?(_ fields: FieldReader) {
    guard let method = fields.text("method"), let path = fields.text("path"),
      let status = fields.int("status"), let duration = fields.whole("duration_us"),
      let bytes = fields.whole("bytes"), let requestID = fields.text("request_id"),
      let surface = fields.text("surface")
    else { return nil }
    self.init(
      method: method, path: path, status: status, grpcStatus: fields.text("grpc_status"),
      durationMicroseconds: duration, bytes: bytes, requestID: requestID,
      traceID: fields.text("trace_id"), surface: surface, sample: fields.line["sample"]?.decimal)
  }
}

extension SlowFacts {
  init?(_ fields: FieldReader) {
    guard let method = fields.text("method"), let path = fields.text("path"),
      let duration = fields.whole("duration_ms"), let agent = fields.whole("agent_ms"),
      let held = fields.whole("held_ms"), let requestID = fields.text("request_id"),
      let surface = fields.text("surface"), let leftOut = fields.int("left_out")
    else { return nil }
    self.init(
      method: method, path: path, status: fields.int("status"),
      grpcStatus: fields.text("grpc_status"), durationMilliseconds: duration,
      agentMilliseconds: agent, heldMilliseconds: held, requestID: requestID,
      traceID: fields.text("trace_id"), surface: surface, leftOut: leftOut)
  }
}
