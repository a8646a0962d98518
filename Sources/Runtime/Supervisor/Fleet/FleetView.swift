package import Lifecycle

/// The supervisor and its agents as they are at one moment: a copy, free to be kept and passed on.
///
/// It holds no environment, no query string and no text of an agent's output: what is in it may be
/// shown to anybody who reaches the port, but for the sentences of reasons and of the config's problem.
/// Times of day are milliseconds since 1970.
package struct FleetView: Sendable, Equatable {
  package enum Phase: String, Sendable { case starting, serving, draining, stopped }

  package var version: String
  package var runID: String
  package var phase: Phase
  package var startedAt: Int64
  package var uptime: Interval
  /// How agents are kept apart: `none`, or what Isolation/ says.
  package var isolation: String
  /// Requests in flight, of all agents.
  package var inFlight: Int
  /// The `SUPERVISOR_PORT` and `A2A_PORT` that are served.
  package var port: UInt16
  package var a2aPort: UInt16
  package var desired: DesiredView
  /// By id.
  package var agents: [AgentView]
  /// Worker processes that run now, by their numbers.
  package var workers: [WorkerView]

  package init(
    version: String, runID: String, phase: Phase, startedAt: Int64, uptime: Interval,
    isolation: String, inFlight: Int, port: UInt16, a2aPort: UInt16, desired: DesiredView,
    agents: [AgentView], workers: [WorkerView]
  ) {
    self.version = version
    self.runID = runID
    self.phase = phase
    self.startedAt = startedAt
    self.uptime = uptime
    self.isolation = isolation
    self.inFlight = inFlight
    self.port = port
    self.a2aPort = a2aPort
    self.desired = desired
    self.agents = agents
    self.workers = workers
  }

  /// How many agents are in a state.
  package func count(_ state: AgentStateName) -> Int { agents.count { $0.state == state } }

  package func agent(_ id: String) -> AgentView? { agents.first { $0.id == id } }

  package func worker(_ number: Int?) -> WorkerView? { workers.first { $0.number == number } }
}

/// Where the desired state comes from.
package struct DesiredView: Sendable, Equatable {
  /// `SUPERVISOR_CONFIG`, redacted; nil: the admin API alone.
  package var config: String?
  /// Of the document in force: its ETag or hash.
  package var revision: String?
  /// When it was read last.
  package var readAt: Int64?
  /// Why what was found last is not in force; one sentence, which may quote it.
  package var problem: String?
  /// Whether `SUPERVISOR_TOKEN` is set, without which the admin API answers 403.
  package var hasToken: Bool

  package init(
    config: String? = nil, revision: String? = nil, readAt: Int64? = nil, problem: String? = nil,
    hasToken: Bool = false
  ) {
    self.config = config
    self.revision = revision
    self.readAt = readAt
    self.problem = problem
    self.hasToken = hasToken
  }
}
