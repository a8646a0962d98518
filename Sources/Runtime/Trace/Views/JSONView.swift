internal import Lifecycle

/// All runs as one JSON document, a line for each run: `spec/trace.schema.json`.
struct JSONView: TraceView {
  /// The version of the document; a change that a reader would notice raises it.
  static let schema = 1

  private var isFirst = true

  func begin() -> String { "{\"schema\":\(Self.schema),\"runs\":[" }

  mutating func show(_ run: RunReport) -> String {
    defer { isFirst = false }
    return (isFirst ? "\n" : ",\n") + text(run.json)
  }

  func finish(_ totals: Totals) -> String { "\n],\"totals\":\(text(totals.json))}\n" }

  private func text(_ value: JSONValue) -> String {
    String(decoding: JSONWriter.encode(value), as: UTF8.self)
  }
}

extension RunReport {
  /// What `spec/trace.schema.json` calls a run.
  var json: JSONValue {
    let stopped = stoppedFacts
    return .members([
      "run_id": .string(runID), "agentAppId": .optional(agentAppID),
      "deploymentId": .optional(deploymentID), "package": package?.json ?? .null,
      "verdict": .string(verdict.name), "place": .string(place),
      "started_at": history.startedAt.map {
        .string(Timestamp.format(nanosecondsSince1970: $0))
      } ?? .null,
      "lines": .integer(Int64(lines)), "state": .string(stateName),
      "outcome": .optional(outcome),
      "exit_code": .optional(stopped.map { Int64($0.exitCode) }), "end_ms": .integer(timeline.end),
      "boot_ms": .optional(timeline.boot),
      "served_ms": .integer(timeline.served), "unserved_ms": .integer(timeline.unserved),
      "completed": .optional(stopped?.completed), "aborted": .optional(stopped?.aborted),
      "requests": .integer(Int64(history.requests)),
      "output_lines": .integer(Int64(history.outputLines)),
      "left_out": .integer(Int64(history.leftOut)), "trouble": troubleJSON, "failure": failureJSON,
      "excuse": .optional(excuse), "due": .array(verdict == .incomplete ? dueJSON : []),
      "timeline": .array(timeline.stretches.map(\.json)),
      "losses": .array(timeline.losses.map(\.json)),
      "reloads": .array(timeline.reloads.map(\.json)),
      "marks": .array(timeline.marks.map(\.json)), "supervisor": supervisor?.json ?? .null,
    ])
  }

  private var dueJSON: [JSONValue] {
    let timers: [(name: String, at: Int64)] =
      supervisor?.due.map { ($0.name, $0.at) } ?? due.map { ($0.timer.rawValue, $0.at) }
    return timers.map { .members(["timer": .string($0.name), "at_ms": .integer($0.at)]) }
  }

  /// What is wrong with the log; null: nothing.
  private var troubleJSON: JSONValue {
    guard let problem else { return .null }
    return .members([
      "place": .string(troublePlace ?? place), "problem": .string(problem),
      "promise": .optional(violation?.promise.rawValue),
      "promise_text": .optional(violation?.promise.text),
      "seq": .optional(violation?.sequence), "event": .optional(violation?.event),
      "state": .string(violation?.stateName ?? stateName),
      "allowed": .array((violation?.allowed ?? []).map { .string($0) }),
      "missed_by_ms": .optional(violation?.missedByMilliseconds),
      "witness": violation?.witness.map {
        .members([
          "run_id": .string($0.runID), "seq": .integer($0.sequence), "text": .string($0.text),
          "place": .optional($0.place),
        ])
      } ?? .null,
      "before": .array(before.map(\.json)), "repairs": .array(repairs.map { .string($0) }),
    ])
  }

  /// Why the program gave up, in its own words; null: it did not.
  private var failureJSON: JSONValue {
    for moment in history.moments.reversed() {
      guard case .bootFailed(let phase, let explanation) = moment.event else { continue }
      return .members([
        "phase": .string(phase.rawValue), "error": .string(explanation.error),
        "detail": .optional(explanation.detail), "hint": .optional(explanation.hint),
      ])
    }
    return .null
  }
}

extension Totals {
  var json: JSONValue {
    .members([
      "runs": .object(
        runs.sorted { $0.key < $1.key }.map { JSONMember($0.key, .integer(Int64($0.value))) }),
      "excused": .integer(Int64(excused)),
      "lines": .integer(Int64(lines)), "foreign": .integer(Int64(foreign)),
      "too_long": .integer(Int64(tooLong)), "cut_off": .integer(Int64(cutOff)),
      "duplicates": .integer(Int64(duplicates)), "unreadable": .integer(Int64(unreadable)),
      "corrupt": .integer(Int64(corrupt)), "first_corrupt": .optional(firstCorrupt),
    ])
  }
}

extension JSONValue {
  static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
  static func optional(_ number: Int64?) -> JSONValue { number.map { .integer($0) } ?? .null }
  static func optional(_ number: Int?) -> JSONValue { optional(number.map { Int64($0) }) }
}

extension PackageIdentity {
  fileprivate var json: JSONValue {
    .members([
      "name": .string(name), "version": .string(version), "sha256": .optional(sha256),
    ])
  }
}

extension History.Moment {
  fileprivate var json: JSONValue {
    .members([
      "seq": .integer(sequence), "uptime_ms": .integer(uptimeMilliseconds),
      "event": .string(event.name), "text": .string(label),
    ])
  }
}

extension Timeline.Stretch {
  fileprivate var json: JSONValue {
    .members([
      "state": .string(state.rawValue), "cause": .string(cause), "attempt": .optional(attempt),
      "seq": .integer(sequence), "start_ms": .integer(start), "end_ms": .optional(end),
      "own_ms": .optional(own), "waited_ms": .integer(waited),
      "waits": .array(
        waits.map {
          .members([
            "for": .string($0.what.rawValue), "start_ms": .integer($0.start),
            "end_ms": .integer($0.end),
          ])
        }), "label": .string(label), "has_gap": .bool(hasGap),
    ])
  }
}

extension Timeline.Loss {
  fileprivate var json: JSONValue {
    .members([
      "at_ms": .integer(at), "why": .string(why), "pid": .optional(pid),
      "in_flight": .integer(Int64(inFlight)), "restarts": .integer(Int64(restarts)),
      "will_restart": .bool(willRestart), "ready_ms": .optional(readyAt),
      "outage_ms": .optional(outage),
    ])
  }
}

extension Timeline.Reload {
  fileprivate var json: JSONValue {
    var (result, load, error): (JSONValue, JSONValue, JSONValue) = (.null, .null, .null)
    switch outcome {
    case .finished(let milliseconds): (result, load) = ("finished", .integer(milliseconds))
    case .failed(let why): (result, error) = ("failed", .string(why))
    case nil: break
    }
    return .members([
      "start_ms": .integer(start), "end_ms": .optional(end), "result": result, "load_ms": load,
      "error": error,
    ])
  }
}

extension Timeline.Mark {
  fileprivate var json: JSONValue {
    .members([
      "at_ms": .integer(at), "kind": .string(kind.rawValue), "level": .string(level.rawValue),
      "seq": .integer(sequence), "text": .string(label),
    ])
  }
}
