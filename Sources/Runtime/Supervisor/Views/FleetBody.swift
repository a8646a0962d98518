internal import Lifecycle

/// What the open routes say of the fleet, as JSON. spec/supervisor.routes.schema.json has the shapes.
///
/// Reasons are whole for those who have the token, else in the program's own words; everything else in a
/// `FleetView` may be shown to anybody.
enum FleetBody {
  /// `GET /supervisor/status`: who serves, and what is to come.
  ///
  /// - Parameter isWhole: for one who has the token.
  static func status(_ view: FleetView, isWhole: Bool) -> JSONValue {
    let routes: [JSONMember] = view.agents.compactMap { agent in
      guard let worker = view.worker(agent.activeWorker) else { return nil }
      return JSONMember("/agents/\(agent.id)", .string(processID(worker, of: agent)))
    }
    return .members([
      "supervisor": supervisor(view),
      "agents": .array(
        view.agents.map { agent in
          .members([
            "agent_app_id": .string(agent.id),
            "deployment_id": text(shownDeployment(agent)),
            "state": .string(agent.state.rawValue),
            "since": time(agent.since),
            "active": version(agent.active, worker: agent.activeWorker),
            "target": target(agent.target, isWhole),
            "reason": reason(agent.reason, isWhole),
          ])
        }),
      "routes": .object(routes),
    ])
  }

  /// `GET /supervisor/processes`: every worker that runs.
  static func processes(_ view: FleetView) -> JSONValue {
    .members([
      "processes": .array(
        view.workers.compactMap { worker in
          guard let agent = view.agent(worker.agent) else { return nil }
          return .members([
            "process_id": .string(processID(worker, of: agent)),
            "agent_app_id": .string(worker.agent),
            "pid": .integer(Int64(worker.pid)),
            "port": worker.port.map { .integer(Int64($0)) } ?? .null,
            "a2a_port": worker.a2aPort.map { .integer(Int64($0)) } ?? .null,
            "state": .string(state(worker, of: agent).rawValue),
            "restarts": .integer(Int64(restarts(worker, of: agent))),
            "rss_bytes": integer(worker.rssBytes),
            "cpu_seconds": worker.cpuSeconds.map { .number($0) } ?? .null,
            "started_at": time(worker.startedAt),
            "boot_ms": integer(worker.bootMilliseconds),
          ])
        })
    ])
  }

  /// `GET /supervisor/fleet`: both of them together and what else the page shows.
  static func fleet(_ view: FleetView, isWhole: Bool) -> JSONValue {
    .members([
      "now": time(view.startedAt + view.uptime.milliseconds),
      "supervisor": .members([
        "state": .string(view.phase.rawValue),
        "version": .string(view.version),
        "run_id": .string(view.runID),
        "started_at": time(view.startedAt),
        "uptime_ms": .integer(view.uptime.milliseconds),
        "isolation": .string(view.isolation),
        "port": .integer(Int64(view.port)),
        "a2a_port": .integer(Int64(view.a2aPort)),
        "in_flight": .integer(Int64(view.inFlight)),
        "admin": .bool(view.desired.hasToken),
        "config": .members([
          "source": text(view.desired.config),
          "revision": text(view.desired.revision),
          "read_at": view.desired.readAt.map(time) ?? .null,
          "problem": text(
            isWhole ? view.desired.problem : view.desired.problem.map { _ in problem }),
        ]),
      ]),
      "agents": .array(view.agents.map { agent($0, in: view, isWhole) }),
    ])
  }

  /// Of the config, for everybody.
  static let problem = "it cannot be read or is refused; the log has the reason"

  private static func agent(
    _ agent: AgentView, in view: FleetView, _ isWhole: Bool
  ) -> JSONValue {
    .members([
      "agent_app_id": .string(agent.id),
      "deployment_id": text(shownDeployment(agent)),
      "state": .string(agent.state.rawValue),
      "since": time(agent.since),
      "reason": reason(agent.reason, isWhole),
      "source": .string(agent.isFromConfig ? "config" : "api"),
      "changing": .bool(agent.isChanging),
      "active": version(agent.active, worker: agent.activeWorker),
      "target": target(agent.target, isWhole),
      "previous": version(agent.previous, worker: nil),
      "restarts": .members([
        "in_window": .integer(Int64(agent.restartsInWindow)),
        "max": .integer(Int64(agent.restartsMaximum)),
        "recent": .array(agent.restarts.map { restart($0, isWhole) }),
      ]),
      "traffic": .members([
        "in_flight": .integer(Int64(agent.traffic.inFlight)),
        "requests": .integer(Int64(agent.traffic.requests)),
        "errors": .integer(Int64(agent.traffic.errors)),
        "p50_us": integer(agent.traffic.medianMicroseconds.map(Int64.init)),
        "p99_us": integer(agent.traffic.p99Microseconds.map(Int64.init)),
      ]),
      "workers": .array(
        view.workers.filter { $0.agent == agent.id }.map { worker($0, of: agent) }),
    ])
  }

  private static func worker(_ worker: WorkerView, of agent: AgentView) -> JSONValue {
    .members([
      "process_id": .string(processID(worker, of: agent)),
      "number": .integer(Int64(worker.number)),
      "role": .string(worker.role.rawValue),
      "revision": .string(worker.revision),
      "run_id": text(worker.runID),
      "pid": .integer(Int64(worker.pid)),
      "port": worker.port.map { .integer(Int64($0)) } ?? .null,
      "phase": text(worker.state?.rawValue),
      "started_at": time(worker.startedAt),
      "boot_ms": integer(worker.bootMilliseconds),
      "phases_ms": .members([
        "fetch": .integer(worker.phases.fetch), "verify": .integer(worker.phases.verify),
        "install": .integer(worker.phases.install), "load": .integer(worker.phases.load),
      ]),
      "restarts": .integer(Int64(worker.attempts)),
      "rss_bytes": integer(worker.rssBytes),
      "memory_limit_bytes": integer(worker.memoryLimit),
      "cpu_seconds": worker.cpuSeconds.map { .number($0) } ?? .null,
    ])
  }

  private static func restart(_ restart: AgentView.Restart, _ isWhole: Bool) -> JSONValue {
    .members([
      "at": time(restart.at), "worker": .integer(Int64(restart.worker)),
      "reason": reason(restart.reason, isWhole), "will_restart": .bool(restart.willRestart),
      "delay_ms": .integer(restart.delay.milliseconds),
    ])
  }

  private static func supervisor(_ view: FleetView) -> JSONValue {
    .members([
      "state": .string(view.phase.rawValue), "version": .string(view.version),
      "uptime_ms": .integer(view.uptime.milliseconds), "isolation": .string(view.isolation),
    ])
  }

  private static func version(_ version: AgentView.Version?, worker: Int?) -> JSONValue {
    guard let version else { return .null }
    return .object(versionMembers(version, worker: worker))
  }

  private static func target(_ target: AgentView.Target?, _ isWhole: Bool) -> JSONValue {
    guard let target else { return .null }
    return .object(
      versionMembers(target.version, worker: target.worker) + [
        JSONMember("state", .string(target.state.rawValue)),
        JSONMember("reason", reason(target.reason, isWhole)),
      ])
  }

  private static func versionMembers(_ version: AgentView.Version, worker: Int?) -> [JSONMember] {
    [
      JSONMember("revision", .string(version.revision)),
      JSONMember("deployment_id", text(version.deploymentID)),
      JSONMember("package", .string(version.package)),
      JSONMember("package_sha256", text(version.packageSHA256)),
      JSONMember("name", text(version.name)),
      JSONMember("version", text(version.version)),
      JSONMember("worker", integer(worker.map(Int64.init))),
    ]
  }

  /// What serves, or without it what is to.
  private static func shownDeployment(_ agent: AgentView) -> String? {
    agent.active == nil ? agent.target?.version.deploymentID : agent.active?.deploymentID
  }

  /// `par-ID` is the worker that an agent has; what boots or retires beside it has its number behind
  /// a colon, which no id has.
  static func processID(_ worker: WorkerView, of agent: AgentView) -> String {
    let isTheOne =
      worker.role == .active || agent.activeWorker == nil && worker.role == .target
    return isTheOne ? "par-\(agent.id)" : "par-\(agent.id):\(worker.number)"
  }

  /// The worker's state in the words that agents have.
  static func state(_ worker: WorkerView, of agent: AgentView) -> AgentStateName {
    switch worker.state {
    case nil, .fetching, .verifying, .installing: .booting
    case .loading: worker.bootMilliseconds == nil ? .booting : .restarting
    case .ready: .ready
    case .draining: .draining
    case .stopped: .stopped
    }
  }

  /// Of the agent's process within this worker; of the one that serves also those of worker before it.
  private static func restarts(_ worker: WorkerView, of agent: AgentView) -> Int {
    worker.attempts
      + (worker.role == .active ? agent.restarts.count { $0.willRestart } : 0)
  }

  private static func reason(_ reason: AgentReason?, _ isWhole: Bool) -> JSONValue {
    text(isWhole ? reason?.sentence : reason?.summary)
  }
  private static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
  private static func integer(_ value: Int64?) -> JSONValue {
    value.map { .integer($0) } ?? .null
  }
  /// RFC 3339, of milliseconds since 1970.
  private static func time(_ milliseconds: Int64) -> JSONValue {
    .string(Timestamp.format(nanosecondsSince1970: milliseconds * 1_000_000))
  }
}
