/// The machine as a table: every situation that can be reached, and what each event does there.
///
/// It is found by running the machine itself from its beginning with every event, so it cannot
/// disagree with what runs. Two states are one situation when they differ in times alone.
public enum MachineTable {
  /// Identifies the table in each run's first line: FNV-1a, 64 bits, of `spec/lifecycle.json`.
  /// A test holds the two together.
  public static let hash = "f8f8582093636904"

  /// One cell.
  public struct Row: Sendable, Equatable {
    public let situation: String
    public let event: String
    public let verdict: Step.Verdict
    public let next: String
    /// What moved the machine, in the log's words; empty unless moved.
    public let cause: String
    public let effects: [String]
  }

  /// A situation: a state without its times.
  public struct Situation: Sendable, Equatable {
    public let name: String
    public let state: StateName
    /// The timers that are armed in it.
    public let timers: [String]
  }

  /// The policy that the table is made with: two restarts, the second of which waits; the rest as by
  /// default.
  public static let policy = Policy(restartsMaximum: 2)

  /// Every event of the table, in its order.
  static let events: [(name: String, event: Event, at: Instant)] = {
    let early = Instant.start
    let late = Instant.start + Policy.secondTerminateAfter
    var events: [(String, Event, Instant)] = [
      ("started", .started, early), ("package_fetched", .packageFetched, early),
    ]
    for preparation in Preparation.all {
      events.append(
        ("package_verified(\(preparation.name))", .packageVerified(preparation), early))
    }
    events += [
      ("environment_installed", .environmentInstalled, early),
      ("worker_ready", .workerReady(attempt: 1), early),
      ("worker_lost", .workerLost(attempt: 1, jitter: 0), early),
      ("worker_lost(earlier attempt)", .workerLost(attempt: 0, jitter: 0), early),
      ("failed(configuration)", .failed(.configuration), early),
      ("failed(failure)", .failed(.failure), early),
      ("SIGTERM", .terminationRequested(.terminate), early),
      ("SIGTERM(2 s after the first)", .terminationRequested(.terminate), late),
      ("SIGINT", .terminationRequested(.interrupt), early),
      ("nothing_in_flight", .nothingInFlight, early),
    ]
    return events + Timer.allCases.map { ("timer(\($0.rawValue))", .timerFired($0), early) }
  }()

  /// All situations in the order in which they are found, and all their cells.
  public static func explore() -> (situations: [Situation], rows: [Row]) {
    explore(events.map { entry in Input(name: entry.name, event: entry.event) { _ in entry.at } })
  }

  /// An event that a machine is explored with, and when it comes to a state.
  struct Input {
    let name: String
    let event: Event
    let time: (State) -> Instant
  }

  /// The same by other events, or by events at other times.
  static func explore(_ inputs: [Input]) -> (situations: [Situation], rows: [Row]) {
    let start = Machine(policy: policy)
    var machines = [start]
    var names: Set<String> = [start.state.situation(policy)]
    var situations: [Situation] = []
    var rows: [Row] = []
    var index = 0
    while index < machines.count {
      let machine = machines[index]
      index += 1
      let name = machine.state.situation(policy)
      situations.append(
        Situation(
          name: name, state: machine.state.name,
          timers: machine.state.timers(policy).keys.map(\.rawValue).sorted()))
      for input in inputs {
        var next = machine
        let event = input.event.addressed(to: machine.state)
        let step = next.handle(event, at: input.time(machine.state))
        let nextName = next.state.situation(policy)
        rows.append(
          Row(
            situation: name, event: input.name, verdict: step.verdict, next: nextName,
            cause: step.cause, effects: step.effects.map(\.name)))
        if names.insert(nextName).inserted { machines.append(next) }
      }
    }
    return (situations, rows)
  }
}

extension Preparation {
  static var all: [Preparation] {
    Environment.allCases.map { Preparation(environment: $0, hasWorker: true) }
      + [Preparation(environment: .none, hasWorker: false)]
  }

  var name: String { hasWorker ? environment.rawValue : "no worker" }
}

extension Event {
  /// The table's events speak of attempt 1; here they mean the worker of this state, or, where
  /// they spoke of an earlier one, the one before.
  func addressed(to state: State) -> Event {
    guard let current = state.attempt else { return self }
    return switch self {
    case .workerReady: .workerReady(attempt: current)
    case .workerLost(let attempt, let jitter):
      .workerLost(attempt: attempt == 0 ? current - 1 : current, jitter: jitter)
    case .started, .packageFetched, .packageVerified, .environmentInstalled, .failed,
      .terminationRequested, .nothingInFlight, .timerFired:
      self
    }
  }
}

extension State {
  /// The state without its times: what its answers depend on.
  func situation(_ policy: Policy) -> String {
    func joined(_ parts: String?...) -> String {
      let details = parts.compactMap(\.self)
      return details.isEmpty
        ? name.rawValue : "\(name.rawValue): \(details.joined(separator: ", "))"
    }
    func restarts(_ history: RestartHistory) -> String? {
      switch history.restarts.count {
      case 0: nil
      case policy.restartsMaximum: "restarts used up"
      case let count: "\(count) of \(policy.restartsMaximum) restarts used"
      }
    }
    switch self {
    case .fetching(let fetching): return joined(fetching.begunAt == nil ? "not begun" : nil)
    case .verifying: return joined()
    case .installing(let installing): return joined(installing.preparation.name)
    case .loading(let loading):
      let isAgain = if case .again = loading.course { true } else { false }
      let isWaiting = loading.stage != .starting
      return joined(
        isAgain ? "again" : "first", isWaiting ? "waiting" : nil,
        loading.hasWorker ? nil : "no worker", restarts(loading.restarts))
    case .ready(let ready):
      return joined(ready.hasWorker ? nil : "no worker", restarts(ready.restarts))
    case .draining(let draining):
      let stage =
        switch draining.stage {
        case .lameDuck: "lame duck"
        case .closing: "closing"
        case .stopping: "stopping"
        case .killing: "killing"
        }
      return joined(
        draining.cause.isAsked ? "asked" : draining.cause.name, stage,
        draining.workerRuns ? "worker runs" : nil, draining.isIdle ? "idle" : nil,
        draining.hasStreams ? "streams" : nil,
        draining.cause.isAsked || draining.signalledAt == nil ? nil : "signalled")
    case .stopped(let stopped):
      return joined(stopped.cause.isAsked ? "asked" : stopped.cause.name, stopped.ending.rawValue)
    }
  }
}
