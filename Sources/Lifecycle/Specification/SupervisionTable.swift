/// The supervisor's machine as tables: one of each agent's state, one of a worker on its way out, one of
/// the supervisor's phase. Together they are the machine: an agent has one state and any number of
/// workers on their way out, a supervisor has one phase and any number of agents.
///
/// They are found by running the machine itself, so they cannot disagree with what runs. Two states are
/// one situation when they differ in times, numbers of workers and revisions alone.
public enum SupervisionTable {
  /// Identifies the tables in a supervisor's first line: FNV-1a, 64 bits, of `spec/supervisor.json`.
  /// A test holds the two together.
  public static let hash = "cbe9dd263c0b9de7"

  /// One cell.
  public struct Row: Sendable, Equatable {
    public let situation: String
    public let event: String
    public let verdict: Step.Verdict
    public let next: String
    /// What moved an agent, in the log's words; empty where no state has another name then.
    public let cause: String
    public let effects: [String]
  }

  /// A situation, under the name that the log has for it.
  public struct Situation: Sendable, Equatable {
    public let name: String
    public let state: String
    public let timers: [String]
  }

  /// One of the three.
  public struct Table: Sendable, Equatable {
    public var situations: [Situation] = []
    public var rows: [Row] = []
    /// The names of its events, in their order.
    public var events: [String] = []
  }

  /// Two restarts: the first is at once, the second waits.
  static let restarts = RestartIntensity(maximum: 2, window: .seconds(60))
  static let policy = SupervisionPolicy(retiringMaximum: 2)
  static let agent = "a"

  /// The table of an agent's state. `(no room)`: while more of its workers are on their way out than
  /// may be, with a surge as many as `retiringMaximum`, without one any.
  public static let agents: Table = AgentExploration().table

  /// The table of a worker on its way out.
  public static let workers: Table = {
    var table = Table()
    let stages: [(name: String, stage: RetiringWorker.Stage)] = [
      ("stopping", .stopping(since: .start)), ("killing", .killing),
    ]
    let events: [(name: String, event: AgentEvent)] = [
      ("ended", .worker(1, .ended(.asked, chance: 0))),
      ("contradicted", .worker(1, .contradicted(reason: ""))),
      ("ready", .worker(1, .ready)), ("restarting", .worker(1, .restarting)),
      ("draining", .worker(1, .draining)), ("started", .worker(1, .started(pid: 1))),
      ("listening", .worker(1, .listening)), ("timer(drain)", .due(.drain(worker: 1))),
    ]
    table.events = events.map(\.name)
    for (name, stage) in stages {
      let retiring = [
        RetiringWorker(worker: 1, stage: stage), RetiringWorker(worker: 2, stage: .killing),
      ]
      let before = SupervisedAgent(state: .leaving(.removed), retiring: retiring)
      let timers = before.timers(policy).keys.map(\.name)
      table.situations.append(Situation(name: name, state: name, timers: timers))
      for (event, value) in events {
        let outcome = before.on(value, at: .start, policy, nextWorker: 3)
        let left = outcome.agent?.retiring.first { $0.worker == 1 }
        let next = left.map { $0.stage == .killing ? "killing" : "stopping" } ?? "gone"
        let moves = next != name && outcome.verdict == .stayed
        table.rows.append(
          Row(
            situation: name, event: event, verdict: moves ? .moved : outcome.verdict, next: next,
            cause: "", effects: outcome.effects.map(\.name)))
      }
    }
    table.situations.append(Situation(name: "gone", state: "gone", timers: []))
    return table
  }()

  /// The table of the supervisor's phase. Its agents count as settled or not, and as many workers as
  /// run.
  public static let phases: Table = PhaseExploration().table
}

extension SupervisorTimer {
  /// Its name in the specification.
  var name: String {
    switch self {
    case .restart: "restart"
    case .boot: "boot"
    case .drain: "drain"
    case .deadline: "deadline"
    }
  }
}
