internal import Lifecycle

/// What the page's script knows of a supervisor beyond a run.
///
/// `stretches` as those of a run, then revision, worker, reason · `lives`: worker, revision, pid, run,
/// start, serves or null, end or null, lost, how, lane, seq · `versions`: letter, revision, deployment.
enum SupervisorRecord {
  /// The names of the states as the script numbers them: those of runs, then these.
  private static let states =
    StateName.allCases.map(\.rawValue) + ["booting", "restarting", "failed", "starting", "serving"]

  private static func number(_ state: String) -> JSONValue {
    .integer(Int64(states.firstIndex(of: state) ?? 0))
  }

  static func phases(_ course: SupervisionCourse) -> JSONValue {
    .array(
      course.phases.map {
        .array([
          number($0.name.rawValue), .string($0.cause), .null, .integer($0.start),
          .optional($0.end), .integer($0.sequence), [], .null, .null, .null,
        ])
      })
  }

  static func marks(_ course: SupervisionCourse) -> JSONValue {
    .array(
      course.marks.map {
        .array([
          .integer($0.sequence), .integer($0.at), .string($0.kind), .string($0.level.rawValue),
          .string(
            String((($0.agent.map { "\($0): " } ?? "") + $0.label).prefix(PageRecord.labelLimit))),
          .optional($0.agent),
        ])
      })
  }

  static func agents(_ course: SupervisionCourse) -> JSONValue {
    .array(course.agents.map { agent($0, until: course.end) })
  }

  private static func agent(_ agent: SupervisionCourse.Agent, until end: Int64) -> JSONValue {
    .members([
      "id": .string(agent.id), "changes": .integer(Int64(agent.changes)),
      "failedChanges": .integer(Int64(agent.failedChanges)),
      "losses": .integer(Int64(agent.losses)), "restarts": .integer(Int64(agent.restarts)),
      "served": .integer(agent.served(until: end)), "down": .integer(agent.down(until: end)),
      "versions": .array(
        agent.versions.map {
          .array([.string($0.name), .string($0.revision), .optional($0.deployment)])
        }),
      "stretches": .array(
        agent.stretches.map {
          .array([
            number($0.state.rawValue), .string($0.cause), .null, .integer($0.start),
            .optional($0.end), .integer($0.sequence), [], .optional($0.revision),
            .optional($0.worker), .optional($0.reason),
          ])
        }),
      "lives": .array(
        agent.lives.map {
          .array([
            .integer(Int64($0.worker)), .string($0.revision), .integer(Int64($0.pid)),
            .optional($0.runID), .integer($0.start), .optional($0.serves), .optional($0.end),
            .bool($0.wasLost), .optional($0.how), .integer(Int64($0.lane)), .integer($0.sequence),
          ])
        }),
    ])
  }
}
