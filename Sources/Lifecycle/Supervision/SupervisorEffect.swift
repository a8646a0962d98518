/// What a supervisor's driver has to do, in order. Timers are no effects: they follow from the state.
public enum SupervisorEffect: Sendable, Equatable {
  /// Start a worker process of that revision. Its `started` or its end has to be told.
  case start(agent: String, worker: Int, revision: String)
  /// From now on the agent's requests go to that worker; nil: to none, they are held or refused as
  /// the agent's state says. Always before the `stop` of the one that they went to.
  case route(agent: String, to: Int?)
  /// Ask a worker to drain and end.
  case stop(agent: String, worker: Int)
  /// End a worker's processes at once.
  case kill(agent: String, worker: Int)
  /// The agent is gone: nothing of it runs, its id is free.
  case forget(agent: String)
  /// Every agent that was wanted at start was Ready or has failed; once, and health is 200 from here
  /// until the drain.
  case settled
  /// End the process; the log is written first.
  case exit(code: Int32)

  /// The effect's name in the specification.
  public var name: String {
    switch self {
    case .start: "start"
    case .route(_, let worker): worker == nil ? "unroute" : "route"
    case .stop: "stop"
    case .kill: "kill"
    case .forget: "forget"
    case .settled: "settled"
    case .exit(let code): "exit_\(code)"
    }
  }
}
