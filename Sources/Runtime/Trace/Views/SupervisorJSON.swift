internal import Lifecycle

extension SupervisorReport {
  /// What `spec/trace.schema.json` calls a supervisor.
  var json: JSONValue {
    .members([
      "phase": .string(phase.rawValue), "settle_ms": .optional(course.settle),
      "unseen_workers": .integer(Int64(unseenWorkers)),
      "phases": .array(
        course.phases.map {
          .members([
            "phase": .string($0.name.rawValue), "cause": .string($0.cause),
            "seq": .integer($0.sequence), "start_ms": .integer($0.start),
            "end_ms": .optional($0.end),
          ])
        }),
      "agents": .array(course.agents.map { $0.json(until: course.end) }),
      "marks": .array(
        course.marks.map {
          .members([
            "at_ms": .integer($0.at), "event": .string($0.kind), "agent": .optional($0.agent),
            "level": .string($0.level.rawValue), "seq": .integer($0.sequence),
            "text": .string($0.label),
          ])
        }),
    ])
  }
}

extension SupervisionCourse.Agent {
  fileprivate func json(until end: Int64) -> JSONValue {
    .members([
      "agent": .string(id), "state": .optional(stretches.last?.state.rawValue),
      "served_ms": .integer(served(until: end)), "down_ms": .integer(down(until: end)),
      "changes": .integer(Int64(changes)), "failed_changes": .integer(Int64(failedChanges)),
      "losses": .integer(Int64(losses)), "restarts": .integer(Int64(restarts)),
      "versions": .array(
        versions.map {
          .members([
            "name": .string($0.name), "revision": .string($0.revision),
            "deployment": .optional($0.deployment),
          ])
        }),
      "timeline": .array(
        stretches.map {
          .members([
            "state": .string($0.state.rawValue), "cause": .string($0.cause),
            "reason": .optional($0.reason), "revision": .optional($0.revision),
            "worker": .optional($0.worker), "seq": .integer($0.sequence),
            "start_ms": .integer($0.start), "end_ms": .optional($0.end),
            "has_gap": .bool($0.hasGap),
          ])
        }),
      "workers": .array(
        lives.map {
          .members([
            "worker": .integer(Int64($0.worker)), "revision": .string($0.revision),
            "pid": .integer(Int64($0.pid)), "run_id": .optional($0.runID),
            "start_ms": .integer($0.start), "serves_ms": .optional($0.serves),
            "end_ms": .optional($0.end), "lost": .bool($0.wasLost), "end": .optional($0.how),
            "seq": .integer($0.sequence),
          ])
        }),
    ])
  }
}
