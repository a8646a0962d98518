internal import Lifecycle

/// Runs as Chrome's trace events, which Perfetto and chrome://tracing open: a process for each run, in it
/// a track for the states, one for reloads, and as many for the agent's processes as overlap.
///
/// Complete events (X) on one track follow each other or lie within each other: the format asks for it.
/// Times are microseconds since 1970. Format: "Trace Event Format", Google, 2016.
struct ChromeView: TraceView {
  /// Numbers of tracks; the agent's processes have this one and those above.
  private enum Track: Int64 {
    case states = 1
    case reloads, marks, workers
  }

  private var runs: Int64 = 0
  private var isFirst = true

  func begin() -> String { "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[" }

  mutating func show(_ run: RunReport) -> String {
    runs += 1
    let clock = RunClock(run.history)
    let lives = WorkerLife.all(in: run.history)
    if let supervisor = run.supervisor { return text(self.events(run, supervisor.course, clock)) }
    var events = heads(run, lanes: lives.reduce(0) { max($0, $1.lane + 1) })
    for stretch in run.timeline.stretches { events += states(stretch, run.timeline, clock) }
    for reload in run.timeline.reloads {
      events.append(self.reload(reload, run.timeline, clock))
    }
    for life in lives { events.append(worker(life, run.timeline, clock)) }
    for mark in run.timeline.marks where mark.isDrawn { events.append(self.mark(mark, clock)) }
    if let troubleAt = run.troubleAt, let trouble = run.problem {
      events.append(
        event(
          "i", run.verdict.name, .states, clock.microseconds(at: troubleAt),
          [
            JSONMember("s", "p"), JSONMember("args", .members(["problem": .string(trouble)])),
          ]))
    }
    return text(events)
  }

  private mutating func text(_ events: [JSONValue]) -> String {
    var text = ""
    for event in events {
      text += isFirst ? "\n" : ",\n"
      isFirst = false
      text += String(decoding: JSONWriter.encode(event), as: UTF8.self)
    }
    return text
  }

  func finish(_ totals: Totals) -> String { "\n]}\n" }

  /// A supervisor: a track for its phases, and for each agent one for its states and as many for its
  /// workers as overlap.
  private func events(
    _ run: RunReport, _ course: SupervisionCourse, _ clock: RunClock
  ) -> [JSONValue] {
    var events = [
      head(
        "process_name", .states,
        ["name": .string("supervisor \(run.runID.prefix(8))")]),
      head("process_labels", .states, ["labels": .string(run.verdict.name)]),
      head("process_sort_index", .states, ["sort_index": .integer(runs)]),
      head("thread_name", .states, ["name": "supervisor"]),
      head("thread_sort_index", .states, ["sort_index": 1]),
    ]
    for phase in course.phases {
      events.append(
        slice(
          phase.name.rawValue, 1, phase.start, phase.end ?? course.end,
          [JSONMember("cause", .string(phase.cause))], clock))
    }
    var track: Int64 = 1
    func named(_ name: String) {
      track += 1
      events.append(head("thread_name", track, ["name": .string(name)]))
      events.append(head("thread_sort_index", track, ["sort_index": .integer(track)]))
    }
    for agent in course.agents {
      named(agent.id)
      for stretch in agent.stretches {
        let version = agent.version(stretch.revision)
        var facts = [
          JSONMember("cause", .string(stretch.cause)),
          JSONMember("seq", .integer(stretch.sequence)),
        ]
        if let version { facts.append(JSONMember("revision", .string(version.revision))) }
        if let reason = stretch.reason { facts.append(JSONMember("reason", .string(reason))) }
        events.append(
          slice(
            stretch.state.rawValue + (version.map { " \($0.name)" } ?? ""), track, stretch.start,
            stretch.end ?? course.end, facts, clock))
      }
      for mark in course.marks where mark.agent == agent.id {
        events.append(
          .members([
            "ph": "i", "s": "t", "name": .string(mark.kind), "cat": "lifecycle",
            "pid": .integer(runs), "tid": .integer(track),
            "ts": .integer(clock.microseconds(at: mark.at)),
            "args": .members([
              "what": .string(mark.label), "level": .string(mark.level.rawValue),
              "seq": .integer(mark.sequence),
            ]),
          ]))
      }
      let lanes = agent.lives.reduce(0) { max($0, $1.lane + 1) }
      let first = track + 1
      for lane in 0..<lanes { named("\(agent.id) worker\(lane == 0 ? "" : " \(lane + 1)")") }
      for life in agent.lives {
        let version = agent.version(life.revision)?.name ?? ""
        events.append(
          slice(
            "worker \(life.worker) \(version)", first + Int64(life.lane), life.start,
            life.end ?? course.end,
            [
              JSONMember("revision", .string(life.revision)),
              JSONMember("pid", .integer(Int64(life.pid))),
              JSONMember("run_id", .optional(life.runID)), JSONMember("end", .optional(life.how)),
            ], clock))
      }
    }
    if let troubleAt = run.troubleAt, let trouble = run.problem {
      events.append(
        event(
          "i", run.verdict.name, .states, clock.microseconds(at: troubleAt),
          [JSONMember("s", "p"), JSONMember("args", .members(["problem": .string(trouble)]))]))
    }
    return events
  }

  private func heads(_ run: RunReport, lanes: Int) -> [JSONValue] {
    let name = "\(run.agentAppID ?? "run") \(run.runID.prefix(8))"
    var heads = [
      head("process_name", .states, ["name": .string(name)]),
      head(
        "process_labels", .states,
        [
          "labels": .string(
            [run.verdict.name, run.outcome].compactMap { $0 }.joined(separator: ","))
        ]
      ),
      head("process_sort_index", .states, ["sort_index": .integer(runs)]),
    ]
    var tracks: [(Int64, String)] = [(1, "lifecycle"), (2, "reloads"), (3, "marks")]
    for lane in 0..<lanes {
      tracks.append(
        (Track.workers.rawValue + Int64(lane), lane == 0 ? "worker" : "worker \(lane + 1)"))
    }
    for (track, name) in tracks {
      heads.append(head("thread_name", track, ["name": .string(name)]))
      heads.append(head("thread_sort_index", track, ["sort_index": .integer(track)]))
    }
    return heads
  }

  /// A stretch, and what it waited for within it.
  private func states(
    _ stretch: Timeline.Stretch, _ timeline: Timeline, _ clock: RunClock
  ) -> [JSONValue] {
    var facts = [
      JSONMember("cause", .string(stretch.cause)), JSONMember("seq", .integer(stretch.sequence)),
    ]
    if let attempt = stretch.attempt {
      facts.append(JSONMember("attempt", .integer(Int64(attempt))))
    }
    if let own = stretch.own, stretch.state != .stopped {
      facts.append(JSONMember("own_ms", .integer(own)))
      facts.append(JSONMember("waited_ms", .integer(stretch.waited)))
    }
    if stretch.end == nil { facts.append(JSONMember("unfinished", true)) }
    let whole = slice(
      stretch.state.rawValue, Track.states.rawValue, stretch.start, stretch.end ?? timeline.end,
      facts, clock)
    return [whole]
      + stretch.waits.map {
        slice($0.what.rawValue, Track.states.rawValue, $0.start, $0.end, [], clock)
      }
  }

  private func reload(
    _ reload: Timeline.Reload, _ timeline: Timeline, _ clock: RunClock
  ) -> JSONValue {
    let facts: [JSONMember] =
      switch reload.outcome {
      case .finished(let milliseconds): [JSONMember("load_ms", .integer(milliseconds))]
      case .failed(let why): [JSONMember("error", .string(why))]
      case nil: [JSONMember("unfinished", true)]
      }
    return slice(
      "reload", Track.reloads.rawValue, reload.start, reload.end ?? timeline.end, facts, clock)
  }

  private func worker(_ life: WorkerLife, _ timeline: Timeline, _ clock: RunClock) -> JSONValue {
    var facts = [JSONMember("attempt", .integer(Int64(life.attempt)))]
    if let how = life.how { facts.append(JSONMember("end", .string(how))) }
    if life.end != nil { facts.append(JSONMember("asked", .bool(life.wasAsked))) }
    return slice(
      "process \(life.pid)", Track.workers.rawValue + Int64(life.lane), life.start,
      life.end ?? timeline.end, facts, clock)
  }

  private func mark(_ mark: Timeline.Mark, _ clock: RunClock) -> JSONValue {
    event(
      "i", mark.kind.rawValue, .marks, clock.microseconds(at: mark.at),
      [
        JSONMember("s", "t"),
        JSONMember(
          "args",
          .members([
            "what": .string(mark.label), "level": .string(mark.level.rawValue),
            "seq": .integer(mark.sequence),
          ])),
      ])
  }

  private func slice(
    _ name: String, _ track: Int64, _ start: Int64, _ end: Int64, _ facts: [JSONMember],
    _ clock: RunClock
  ) -> JSONValue {
    let from = clock.microseconds(at: start)
    return .members([
      "ph": "X", "name": .string(name), "cat": "lifecycle", "pid": .integer(runs),
      "tid": .integer(track), "ts": .integer(from),
      "dur": .integer(max(0, clock.microseconds(at: end) - from)), "args": .object(facts),
    ])
  }

  private func event(
    _ phase: String, _ name: String, _ track: Track, _ time: Int64, _ more: [JSONMember]
  ) -> JSONValue {
    .object(
      [
        JSONMember("ph", .string(phase)), JSONMember("name", .string(name)),
        JSONMember("cat", "lifecycle"), JSONMember("pid", .integer(runs)),
        JSONMember("tid", .integer(track.rawValue)), JSONMember("ts", .integer(time)),
      ] + more)
  }

  private func head(
    _ name: String, _ track: Track, _ facts: KeyValuePairs<String, JSONValue>
  ) -> JSONValue {
    head(name, track.rawValue, facts)
  }

  private func head(
    _ name: String, _ track: Int64, _ facts: KeyValuePairs<String, JSONValue>
  ) -> JSONValue {
    .members([
      "ph": "M", "name": .string(name), "pid": .integer(runs), "tid": .integer(track),
      "args": .members(facts),
    ])
  }
}
