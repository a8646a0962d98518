internal import Lifecycle

/// Runs as OpenTelemetry spans in OTLP's JSON, as a collector takes them at /v1/traces: a trace for each
/// run, in it a span for its whole life, one for each stretch in a state, for each wait, reload and
/// process of the agent; marks are events of the first.
///
/// Encoding: OTLP 1.x, "JSON Protobuf Encoding": ids as hex, 64-bit numbers as text, enums as numbers.
struct SpanView: TraceView {
  private enum Status: Int64 { case unset, ok, error }

  private var isFirst = true

  func begin() -> String { "{\"resourceSpans\":[" }

  mutating func show(_ run: RunReport) -> String {
    defer { isFirst = false }
    let clock = RunClock(run.history)
    let identity = SpanIdentity(runID: run.runID)
    var spans = [whole(run, clock, identity)]
    if let supervisor = run.supervisor {
      spans += self.spans(of: supervisor.course, clock, identity)
    }
    for (index, stretch) in run.timeline.stretches.enumerated() where stretch.state != .stopped {
      spans += self.spans(of: stretch, Int64(index), run.timeline, clock, identity)
    }
    for (index, reload) in run.timeline.reloads.enumerated() {
      spans.append(span(of: reload, Int64(index), run.timeline, clock, identity))
    }
    for (index, life) in WorkerLife.all(in: run.history).enumerated() {
      spans.append(span(of: life, Int64(index), run.timeline, clock, identity))
    }
    let resource = JSONValue.members([
      "resource": .members(["attributes": attributes(resource(run))]),
      "scopeSpans": [
        .members([
          "scope": .members([
            "name": "par-lifecycle", "version": .string(run.version ?? ""),
          ]),
          "spans": .array(spans),
        ])
      ],
    ])
    let text = String(decoding: JSONWriter.encode(resource), as: UTF8.self)
    return (isFirst ? "\n" : ",\n") + text
  }

  func finish(_ totals: Totals) -> String { "\n]}\n" }

  private func resource(_ run: RunReport) -> [(String, JSONValue)] {
    var facts: [(String, JSONValue)] = [
      (
        "service.name",
        .string(run.agentAppID ?? (run.supervisor == nil ? "par-lifecycle" : "par-supervisor"))
      ),
      ("service.instance.id", .string(run.runID)),
    ]
    if let package = run.package {
      facts += [
        ("service.version", .string(package.version)),
        ("par.package.name", .string(package.name)),
      ]
    }
    if let deploymentID = run.deploymentID {
      facts.append(("par.deployment.id", .string(deploymentID)))
    }
    return facts
  }

  // MARK: Spans

  /// A supervisor's agents: a span for each stay in a state, and for each worker, which names the trace
  /// of its own log.
  private func spans(
    of course: SupervisionCourse, _ clock: RunClock, _ identity: SpanIdentity
  ) -> [JSONValue] {
    let parent = identity.span("run")
    return course.agents.flatMap { agent in
      let states = agent.stretches.map { stretch in
        var facts: [(String, JSONValue)] = [
          ("par.agent", .string(agent.id)), ("par.cause", .string(stretch.cause)),
          ("par.seq", .integer(stretch.sequence)),
        ]
        if let revision = stretch.revision { facts.append(("par.revision", .string(revision))) }
        if let reason = stretch.reason { facts.append(("par.reason", .string(reason))) }
        return span(
          "\(agent.id) \(stretch.state.rawValue)", identity.trace,
          identity.span("agent", stretch.sequence), parent: parent,
          nanoseconds(clock, stretch.start), nanoseconds(clock, stretch.end ?? course.end), facts)
      }
      let workers = agent.lives.map { life in
        var facts: [(String, JSONValue)] = [
          ("par.agent", .string(agent.id)), ("par.worker", .integer(Int64(life.worker))),
          ("par.revision", .string(life.revision)), ("process.pid", .integer(Int64(life.pid))),
        ]
        if let run = life.runID { facts.append(("par.run_id", .string(run))) }
        var more: [JSONMember] = []
        if life.wasLost {
          more.append(
            JSONMember(
              "status",
              .members([
                "code": .integer(Status.error.rawValue), "message": .string(life.how ?? "lost"),
              ])))
        }
        return span(
          "\(agent.id) worker \(life.worker)", identity.trace,
          identity.span("supervised worker", Int64(life.worker)), parent: parent,
          nanoseconds(clock, life.start), nanoseconds(clock, life.end ?? course.end), facts, more)
      }
      return states + workers
    }
  }

  private func whole(_ run: RunReport, _ clock: RunClock, _ identity: SpanIdentity) -> JSONValue {
    var facts: [(String, JSONValue)] = [
      ("par.run_id", .string(run.runID)), ("par.verdict", .string(run.verdict.name)),
      ("par.lines", .integer(Int64(run.lines))),
      ("par.requests", .integer(Int64(run.history.requests))),
    ]
    if let boot = run.timeline.boot { facts.append(("par.boot_ms", .integer(boot))) }
    var status = Status.unset
    var message = ""
    if let stopped = run.stoppedFacts {
      facts += [
        ("par.outcome", .string(stopped.outcome.rawValue)),
        ("par.exit_code", .integer(Int64(stopped.exitCode))),
        ("par.aborted", .integer(Int64(stopped.aborted))),
      ]
      status = stopped.outcome == .failed ? .error : .ok
      if status == .error { message = failure(run) }
    }
    if let trouble = run.problem { (status, message) = (.error, "\(run.verdict.name): \(trouble)") }
    let events = run.timeline.marks.map { mark in
      JSONValue.members([
        "timeUnixNano": nanoseconds(clock, mark.at), "name": .string(mark.kind.rawValue),
        "attributes": attributes([
          ("message", .string(mark.label)), ("level", .string(mark.level.rawValue)),
          ("par.seq", .integer(mark.sequence)),
        ]),
      ])
    }
    return span(
      "run", identity.trace, identity.span("run"), parent: nil, nanoseconds(clock, 0),
      nanoseconds(clock, run.timeline.end), facts,
      [
        JSONMember("events", .array(events)),
        JSONMember(
          "status",
          .members(["code": .integer(status.rawValue), "message": .string(message)])),
      ])
  }

  /// The sentence of the last boot_failed.
  private func failure(_ run: RunReport) -> String {
    for moment in run.history.moments.reversed() {
      if case .bootFailed(_, let explanation) = moment.event { return explanation.error }
    }
    return "failed"
  }

  private func spans(
    of stretch: Timeline.Stretch, _ index: Int64, _ timeline: Timeline, _ clock: RunClock,
    _ identity: SpanIdentity
  ) -> [JSONValue] {
    let id = identity.span("stretch", index)
    var facts: [(String, JSONValue)] = [
      ("par.cause", .string(stretch.cause)), ("par.seq", .integer(stretch.sequence)),
      ("par.waited_ms", .integer(stretch.waited)),
    ]
    if let attempt = stretch.attempt { facts.append(("par.attempt", .integer(Int64(attempt)))) }
    if stretch.end == nil { facts.append(("par.unfinished", true)) }
    let own = span(
      stretch.state.rawValue, identity.trace, id, parent: identity.span("run"),
      nanoseconds(clock, stretch.start), nanoseconds(clock, stretch.end ?? timeline.end), facts)
    let waits = stretch.waits.enumerated().map { number, wait in
      span(
        wait.what.rawValue, identity.trace, identity.span("wait \(index)", Int64(number)),
        parent: id, nanoseconds(clock, wait.start), nanoseconds(clock, wait.end),
        [("par.wait", true)])
    }
    return [own] + waits
  }

  private func span(
    of reload: Timeline.Reload, _ index: Int64, _ timeline: Timeline, _ clock: RunClock,
    _ identity: SpanIdentity
  ) -> JSONValue {
    var facts: [(String, JSONValue)] = []
    var more: [JSONMember] = []
    switch reload.outcome {
    case .finished(let milliseconds): facts.append(("par.load_ms", .integer(milliseconds)))
    case .failed(let why):
      more.append(
        JSONMember(
          "status",
          .members(["code": .integer(Status.error.rawValue), "message": .string(why)])))
    case nil: facts.append(("par.unfinished", true))
    }
    // The stretch that it happened in; the whole run where it outlasted that.
    let within = timeline.stretches.lastIndex {
      $0.state == .ready && $0.start <= reload.start
        && ($0.end ?? .max) >= reload.end ?? timeline.end
    }
    return span(
      "reload", identity.trace, identity.span("reload", index),
      parent: within.map { identity.span("stretch", Int64($0)) } ?? identity.span("run"),
      nanoseconds(clock, reload.start), nanoseconds(clock, reload.end ?? timeline.end), facts, more)
  }

  private func span(
    of life: WorkerLife, _ index: Int64, _ timeline: Timeline, _ clock: RunClock,
    _ identity: SpanIdentity
  ) -> JSONValue {
    let facts: [(String, JSONValue)] = [
      ("process.pid", .integer(Int64(life.pid))), ("par.attempt", .integer(Int64(life.attempt))),
      ("par.asked", .bool(life.wasAsked)),
    ]
    var more: [JSONMember] = []
    if life.end != nil, !life.wasAsked {
      more.append(
        JSONMember(
          "status",
          .members([
            "code": .integer(Status.error.rawValue), "message": .string(life.how ?? "it was lost"),
          ])))
    }
    return span(
      "worker", identity.trace, identity.span("worker", index), parent: identity.span("run"),
      nanoseconds(clock, life.start), nanoseconds(clock, life.end ?? timeline.end), facts, more)
  }

  // MARK: Encoding

  private func span(
    _ name: String, _ trace: String, _ id: String, parent: String?, _ start: JSONValue,
    _ end: JSONValue, _ facts: [(String, JSONValue)], _ more: [JSONMember] = []
  ) -> JSONValue {
    var members = [JSONMember("traceId", .string(trace)), JSONMember("spanId", .string(id))]
    if let parent { members.append(JSONMember("parentSpanId", .string(parent))) }
    members += [
      JSONMember("name", .string(name)),
      // SPAN_KIND_INTERNAL
      JSONMember("kind", 1), JSONMember("startTimeUnixNano", start),
      JSONMember("endTimeUnixNano", end), JSONMember("attributes", attributes(facts)),
    ]
    return .object(members + more)
  }

  private func nanoseconds(_ clock: RunClock, _ uptime: Int64) -> JSONValue {
    .string(String(clock.nanoseconds(at: uptime)))
  }

  private func attributes(_ facts: [(String, JSONValue)]) -> JSONValue {
    .array(
      facts.map { name, value in
        let kind: JSONValue =
          switch value {
          case .integer(let number): .members(["intValue": .string(String(number))])
          case .bool: .members(["boolValue": value])
          case .null, .number, .string, .array, .object: .members(["stringValue": value])
          }
        return .members(["key": .string(name), "value": kind])
      })
  }
}
