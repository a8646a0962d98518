/// Which cells of the machine's table many runs have been in, and which never.
///
/// The table is made with two restarts; a run that may restart its agent more often is in the situation
/// that answers alike: some restarts are left, or none is.
public struct Coverage: Sendable {
  /// One cell that changes something, and how often runs were in it.
  public struct Cell: Sendable, Equatable {
    public let situation: String
    public let state: StateName
    public let event: String
    public let verdict: Step.Verdict
    public let next: String
    public var count = 0
  }

  /// A state that is entered for a cause.
  public struct Entry: Sendable, Hashable {
    public let from: StateName?
    public let to: StateName
    public let cause: String
  }

  private struct Key: Hashable {
    let situation: String
    let event: String
  }

  private var indices: [Key: Int] = [:]
  /// Those where an event does something; what is ignored or illegal leaves the machine as it is.
  public private(set) var cells: [Cell] = []
  /// How often each state was entered, from where and why; 0 for what the table allows and no run did.
  public private(set) var entries: [Entry: Int] = [:]
  /// Lines that tell of an event that cannot happen, by state.
  public private(set) var illegal: [StateName: Int] = [:]
  /// Runs that were walked, those of them of which only the beginning was, and those that were not: their
  /// table is another one.
  public private(set) var runs = 0
  public private(set) var partial = 0
  public private(set) var others = 0
  /// Steps into situations that the table does not have.
  public private(set) var strangers = 0

  /// Runs of supervisors, and what happened to their agents; the table of that other machine is no part
  /// of the cells.
  public private(set) var supervisors = 0
  public private(set) var agentMoves: [AgentMove: Int] = [:]

  /// An agent came into another state.
  public struct AgentMove: Hashable, Sendable {
    public let from: AgentStateName?
    public let to: AgentStateName
    public let cause: AgentCause
  }

  public init() {
    let (situations, rows) = MachineTable.explore()
    let states = Dictionary(situations.map { ($0.name, $0.state) }) { first, _ in first }
    let byKey = Dictionary(
      rows.map { (Key(situation: $0.situation, event: $0.event), $0) }
    ) { first, _ in first }
    for row in rows where row.verdict == .moved || row.verdict == .stayed {
      guard let state = states[row.situation], let next = states[row.next] else { continue }
      // Some events differ from another in a few situations alone.
      let plain = String(row.event.prefix { $0 != "(" })
      if row.event != plain, let other = byKey[Key(situation: row.situation, event: plain)],
        (other.verdict, other.next, other.effects) == (row.verdict, row.next, row.effects)
      {
        continue
      }
      if row.verdict == .moved {
        entries[Entry(from: row.cause == "started" ? nil : state, to: next, cause: row.cause)] = 0
      }
      indices[Key(situation: row.situation, event: row.event)] = cells.count
      cells.append(
        Cell(
          situation: row.situation, state: state, event: row.event, verdict: row.verdict,
          next: row.next))
    }
  }

  /// Walks a run. Of one that violates, the lines before its trouble.
  public mutating func take(_ run: RunReport) {
    guard !run.isCorrection else { return }
    var last = Int64.max
    switch run.verdict {
    case .unknownVersion:
      others += 1
      return
    case .violates(let violation): last = violation.sequence &- 1
    case .conforms, .incomplete, .corrupt: break
    }
    if run.supervisor != nil {
      supervisors += 1
      for moment in run.history.moments where moment.sequence <= last {
        guard case .supervisor(.agentState(let facts)) = moment.event else { continue }
        agentMoves[
          AgentMove(from: facts.from, to: facts.to, cause: facts.cause), default: 0] += 1
      }
      return
    }
    runs += 1
    if run.history.leftOut > 0 { partial += 1 }
    var walk = CoverageWalk(self)
    walk.take(run.history, through: last)
    self = walk.coverage
  }

  mutating func count(
    _ event: Event, in state: State, at now: Instant, _ step: Step, _ policy: Policy
  ) {
    guard step.verdict == .moved || step.verdict == .stayed else { return }
    let situation = state.tableSituation(policy, at: now)
    let name = event.tableName(in: state, at: now)
    guard let index = indices[Key(situation: situation, event: name)] else {
      strangers += 1
      return
    }
    cells[index].count += 1
  }

  mutating func countEntry(_ transition: Transition) {
    entries[
      Entry(from: transition.from, to: transition.to, cause: transition.cause), default: 0] += 1
  }

  mutating func countIllegal(in state: StateName) { illegal[state, default: 0] += 1 }
}

extension State {
  /// The situation of the table that answers as this one does. The table's policy allows two restarts:
  /// of more, all but the last are its first.
  func tableSituation(_ policy: Policy, at now: Instant) -> String {
    let table = MachineTable.policy
    func mapped(_ history: RestartHistory, atLeast least: Int) -> RestartHistory {
      let used = history.count(at: now, policy)
      let count = used >= policy.restartsMaximum ? table.restartsMaximum : min(max(used, least), 1)
      return (0..<count).reduce(RestartHistory()) { history, _ in
        history.adding(now, table) ?? history
      }
    }
    switch self {
    case .loading(var loading):
      guard case .again = loading.course else { break }
      // A restart that waits answers alike, however many are left: the table has one such situation.
      loading.restarts = mapped(loading.restarts, atLeast: 1)
      if loading.stage != .starting {
        loading.restarts = loading.restarts.adding(now, table) ?? loading.restarts
      }
      return State.loading(loading).situation(table)
    case .ready(var ready):
      guard ready.hasWorker else { break }
      ready.restarts = mapped(ready.restarts, atLeast: 0)
      return State.ready(ready).situation(table)
    case .fetching, .verifying, .installing, .draining, .stopped: break
    }
    return situation(table)
  }
}

extension Event {
  /// What the table calls the event.
  func tableName(in state: State, at now: Instant) -> String {
    switch self {
    case .started: return "started"
    case .packageFetched: return "package_fetched"
    case .packageVerified(let preparation): return "package_verified(\(preparation.name))"
    case .environmentInstalled: return "environment_installed"
    case .workerReady: return "worker_ready"
    case .workerLost: return "worker_lost"
    case .failed(let failure): return "failed(\(failure.rawValue))"
    case .nothingInFlight: return "nothing_in_flight"
    case .timerFired(let timer): return "timer(\(timer.rawValue))"
    case .terminationRequested(.interrupt): return "SIGINT"
    case .terminationRequested(.terminate):
      if case .draining(let draining) = state, let first = draining.signalledAt,
        now - first >= Policy.secondTerminateAfter
      {
        return "SIGTERM(2 s after the first)"
      }
      return "SIGTERM"
    }
  }
}
