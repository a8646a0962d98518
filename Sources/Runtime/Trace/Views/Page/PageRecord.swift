internal import Lifecycle

/// What the page's script knows of a run: lists where there are many of a kind, so that a thousand runs
/// stay small.
///
/// `stretches`: state's number, cause, attempt, start, end or null, seq, waits (for what, start, end) ·
/// `workers`: pid, attempt, start, end or null, asked, how, lane · `reloads`: start, end or null, error or
/// null · `marks`: seq, at, kind, level, label · `moments`: seq, uptime, event, level, fields. All times
/// are milliseconds of uptime; `base` is the wall clock's at uptime 0.
enum PageRecord {
  /// Characters of a mark's label, which stands beside the pointer; the event has all of it.
  static let labelLimit = 240

  /// Without its moments, whose list is `moments`.
  static func make(_ run: RunReport, moments: [JSONValue]) -> JSONValue {
    let course = run.supervisor?.course
    let isCut = moments.isEmpty ? 0 : run.history.leftOut
    return .members([
      "id": .string(run.runID), "agent": .optional(run.agentAppID),
      "deployment": .optional(run.deploymentID),
      "package": .optional(run.package.map { "\($0.name) \($0.version)" }),
      "verdict": .string(run.verdict.name), "why": .optional(run.problem),
      "state": .string(run.stateName), "outcome": .optional(run.outcome),
      "lines": .integer(Int64(run.lines)), "requests": .integer(Int64(run.history.requests)),
      "output": .integer(Int64(run.history.outputLines)), "place": .string(run.place),
      "troublePlace": .optional(run.troublePlace), "trouble": .optional(run.troubleAt),
      "base": RunClock(run.history).start.map { .number(Double($0 / 1000) / 1000) } ?? .null,
      "end": .integer(run.timeline.end), "boot": .optional(run.timeline.boot),
      "violation": violation(run),
      "due": .array(
        run.supervisor?.due.map { .array([.string($0.what), .integer($0.at)]) }
          ?? run.due.map { .array([.string($0.what), .integer($0.at)]) }),
      "repairs": .array(run.repairs.map { .string($0) }),
      "excuse": .optional(run.excuse),
      "agents": course.map(SupervisorRecord.agents) ?? .null, "settle": .optional(course?.settle),
      "stretches": course.map(SupervisorRecord.phases)
        ?? .array(run.timeline.stretches.map(stretch)),
      "workers": .array(WorkerLife.all(in: run.history).map(worker)),
      "reloads": .array(run.timeline.reloads.map(reload)),
      "marks": course.map(SupervisorRecord.marks)
        ?? .array(run.timeline.marks.filter(\.isDrawn).map(mark)),
      "leftOut": .integer(Int64(isCut)),
      "gapAt": isCut > 0
        ? .integer(run.history.moments[History.limit / 2].sequence) : .null,
      "moments": .array(moments),
    ])
  }

  static func moment(_ moment: History.Moment) -> JSONValue {
    .array([
      .integer(moment.sequence), .integer(moment.uptimeMilliseconds), .string(moment.event.name),
      .string(moment.event.level.rawValue), .object(moment.event.fields),
    ])
  }

  private static func violation(_ run: RunReport) -> JSONValue {
    guard let violation = run.violation else { return .null }
    return .members([
      "promise": .string(violation.promise.rawValue), "text": .string(violation.promise.text),
      "sequence": .integer(violation.sequence), "state": .string(violation.stateName),
      "event": .string(violation.event), "problem": .string(violation.problem),
      "missed": .optional(violation.missedByMilliseconds),
      "witness": violation.witness.map {
        .members([
          "run": .string($0.runID), "sequence": .integer($0.sequence), "text": .string($0.text),
          "place": .optional($0.place),
        ])
      } ?? .null,
      "allowed": .array(violation.allowed.map { .string($0) }),
    ])
  }

  private static func stretch(_ stretch: Timeline.Stretch) -> JSONValue {
    let state = StateName.allCases.firstIndex(of: stretch.state) ?? 0
    return .array([
      .integer(Int64(state)), .string(stretch.cause), .optional(stretch.attempt.map(Int64.init)),
      .integer(stretch.start), .optional(stretch.end), .integer(stretch.sequence),
      .array(
        stretch.waits.map {
          .array([.string($0.what.rawValue), .integer($0.start), .integer($0.end)])
        }),
    ])
  }

  private static func worker(_ life: WorkerLife) -> JSONValue {
    .array([
      .integer(Int64(life.pid)), .integer(Int64(life.attempt)), .integer(life.start),
      .optional(life.end), .bool(life.wasAsked), .optional(life.how), .integer(Int64(life.lane)),
    ])
  }

  private static func reload(_ reload: Timeline.Reload) -> JSONValue {
    var error: String?
    if case .failed(let why) = reload.outcome { error = why }
    return .array([.integer(reload.start), .optional(reload.end), .optional(error)])
  }

  private static func mark(_ mark: Timeline.Mark) -> JSONValue {
    .array([
      .integer(mark.sequence), .integer(mark.at), .string(mark.kind.rawValue),
      .string(mark.level.rawValue), .string(String(mark.label.prefix(labelLimit))),
    ])
  }
}
