/// Every situation of an agent's state, found breadth first.
struct AgentExploration {
  private(set) var table = SupervisionTable.Table()
  private var states: [AgentState] = []
  private var seen: Set<String> = []

  /// An event of the table: what it is in a state, nil where there is nothing that it could mean.
  private struct Input: Sendable {
    let name: String
    let event: @Sendable (AgentState) -> AgentEvent?
  }

  init() {
    add(.booting(AgentBooting(version: Self.version("1"), progress: .first, former: nil)))
    table.events = Self.inputs.map(\.name)
    table.events += ["supervisor_draining", "last_worker_gone", "room"]
    var index = 0
    while index < states.count {
      explore(states[index])
      index += 1
    }
  }

  private mutating func add(_ state: AgentState) {
    let name = state.situation
    guard seen.insert(name).inserted else { return }
    let state = state.withOwnRevisions
    states.append(state)
    let timers = SupervisedAgent(state: state, retiring: []).timers(SupervisionTable.policy)
    table.situations.append(
      SupervisionTable.Situation(
        name: name, state: state.name.rawValue, timers: timers.keys.map(\.name).sorted()))
  }

  private mutating func explore(_ state: AgentState) {
    let waiting = [
      RetiringWorker(worker: 900, stage: .killing), RetiringWorker(worker: 901, stage: .killing),
    ]
    // One that leaves has workers, or is gone.
    let isLeaving = if case .leaving = state { true } else { false }
    for input in Self.inputs {
      guard let event = input.event(state) else { continue }
      func row(_ name: String, _ retiring: [RetiringWorker]) -> SupervisionTable.Row {
        let agent = SupervisedAgent(state: state, retiring: retiring)
        let outcome = agent.on(
          event, at: .start, SupervisionTable.policy, nextWorker: 100)
        return take(outcome, of: state, name)
      }
      let free = row(input.name, isLeaving ? [waiting[0]] : [])
      table.rows.append(free)
      let full = row(input.name + " (no room)", waiting)
      if full.next != free.next || full.effects != free.effects { table.rows.append(full) }
    }
    let agent = SupervisedAgent(state: state, retiring: isLeaving ? [waiting[0]] : [])
    let drained = agent.draining(at: .start, SupervisionTable.policy, nextWorker: 100)
    table.rows.append(take(drained, of: state, "supervisor_draining"))
    let one = SupervisedAgent(state: state, retiring: [waiting[0]])
    let last = one.on(
      .worker(900, .ended(.asked, chance: 0)), at: .start, SupervisionTable.policy,
      nextWorker: 100)
    if isLeaving || last.agent?.state != state {
      table.rows.append(take(last, of: state, isLeaving ? "last_worker_gone" : "room"))
    }
  }

  private mutating func take(
    _ outcome: SupervisedAgent.Outcome, of state: AgentState, _ event: String
  ) -> SupervisionTable.Row {
    if let agent = outcome.agent { add(agent.state) }
    return SupervisionTable.Row(
      situation: state.situation, event: event, verdict: outcome.verdict,
      next: outcome.agent?.state.situation ?? "gone",
      cause: outcome.transition?.cause.rawValue ?? "",
      effects: outcome.effects.map(\.name))
  }

  // MARK: Events

  static func version(_ revision: String, _ cause: Deployment.Cause = .config, surge: Bool = true)
    -> AgentVersion
  {
    AgentVersion(
      Deployment(
        agent: SupervisionTable.agent, revision: revision, restarts: SupervisionTable.restarts,
        cause: cause, surge: surge))
  }

  private static let inputs: [Input] = {
    var inputs: [Input] = []
    func deployed(
      _ name: String, _ cause: Deployment.Cause,
      _ revision: @escaping @Sendable (AgentState) -> String?
    ) {
      for surge in [true, false] {
        inputs.append(
          Input(name: "deployed(\(name), \(surge ? "surge" : "in place"))") { state in
            revision(state).map {
              .desired(version($0, cause, surge: surge).deployment)
            }
          })
      }
    }
    deployed("another", .config) { _ in "new" }
    deployed("the wanted one", .config) { $0.wantedRevision }
    deployed("the one before", .config) { $0.formerRevision }
    deployed("restart", .restart) { $0.wantedRevision }
    inputs.append(Input(name: "removed") { _ in .removed })
    let news: [(String, WorkerNews)] = [
      ("ready", .ready), ("restarting", .restarting), ("draining", .draining),
      ("contradicted", .contradicted(reason: "")),
      ("ended(asked)", .ended(.asked, chance: 1)),
      ("ended(gave_up)", .ended(.gaveUp(reason: ""), chance: 1)),
      ("ended(crashed)", .ended(.crashed(reason: ""), chance: 1)),
      ("ended(could_not_start)", .ended(.couldNotStart(reason: ""), chance: 1)),
      ("started", .started(pid: 1)), ("listening", .listening),
    ]
    for (name, one) in news {
      inputs.append(Input(name: "worker \(name)") { $0.ownWorker.map { .worker($0, one) } })
    }
    for (name, one) in news {
      inputs.append(Input(name: "target \(name)") { $0.targetWorker.map { .worker($0, one) } })
    }
    inputs.append(
      Input(name: "timer(restart)") { $0.delays.own.map { .due(.restart(after: $0)) } })
    inputs.append(
      Input(name: "timer(target's restart)") { $0.delays.target.map { .due(.restart(after: $0)) } })
    inputs.append(Input(name: "timer(boot)") { $0.ownWorker.map { .due(.boot(worker: $0)) } })
    inputs.append(
      Input(name: "timer(target's boot)") { $0.targetWorker.map { .due(.boot(worker: $0)) } })
    inputs.append(Input(name: "timer(drain)") { $0.ownWorker.map { .due(.drain(worker: $0)) } })
    return inputs
  }()
}

extension SupervisedAgent {
  /// An agent of the tables.
  init(state: AgentState, retiring: [RetiringWorker]) {
    self.init(
      id: SupervisionTable.agent, state: state, since: .start, retiring: retiring, previous: nil)
  }
}

extension BootProgress {
  fileprivate static let first = BootProgress.booting(worker: 1, since: .start)

  fileprivate var after: Int? { if case .delayed(_, let after) = self { after } else { nil } }
}

extension AgentState {
  /// The version's worker that serves, or boots.
  fileprivate var ownWorker: Int? {
    switch self {
    case .booting(let state): state.progress.worker
    case .serving(let state): state.worker
    case .recovering(let state): state.progress.worker
    case .failed, .leaving, .stopped: nil
    }
  }

  fileprivate var targetWorker: Int? {
    if case .rolling(_, let progress) = change { progress.worker } else { nil }
  }

  fileprivate var delays: (own: Int?, target: Int?) {
    let own: Int? =
      switch self {
      case .booting(let state): state.progress.after
      case .recovering(let state): state.progress.after
      case .serving, .failed, .leaving, .stopped: nil
      }
    guard case .rolling(_, let progress) = change else { return (own, nil) }
    return (own, progress.after)
  }

  /// What was wanted last.
  fileprivate var wantedRevision: String? {
    if let change { return change.deployment.revision }
    switch self {
    case .booting(let state): return state.version.revision
    case .serving(let state): return state.version.revision
    case .recovering(let state): return state.version.revision
    case .failed(let state): return state.deployment.revision
    case .leaving, .stopped: return nil
    }
  }

  /// What was there before that.
  fileprivate var formerRevision: String? {
    switch self {
    case .booting(let state): state.former?.revision
    case .serving(let state): state.change == nil ? nil : state.version.revision
    case .recovering(let state): state.change == nil ? nil : state.version.revision
    case .failed(let state): state.target == nil ? nil : state.deployment.revision
    case .leaving, .stopped: nil
    }
  }

  /// The same with revisions that tell its versions apart: that a target can be of the version's own
  /// revision makes no other difference than that there is no revision before it.
  fileprivate var withOwnRevisions: AgentState {
    switch self {
    case .booting(var state):
      state.version = state.version.renamed("2")
      state.former = state.former?.renamed("1")
      return .booting(state)
    case .serving(var state):
      state.version = state.version.renamed("1")
      state.change = state.change?.renamed("2")
      return .serving(state)
    case .recovering(var state):
      state.version = state.version.renamed("1")
      state.change = state.change?.renamed("2")
      return .recovering(state)
    case .failed(let state):
      return .failed(
        AgentFailed(
          deployment: state.deployment.renamed("1"), reason: "",
          target: state.target?.renamed("2")))
    case .leaving, .stopped: return self
    }
  }

  // MARK: Names

  /// The state without its times, numbers and revisions: what its answers depend on.
  var situation: String {
    func joined(_ parts: String?...) -> String {
      let details = parts.compactMap(\.self)
      return details.count < 2
        ? details.joined() : "\(details[0]): \(details.dropFirst().joined(separator: ", "))"
    }
    switch self {
    case .booting(let state):
      return joined(
        "booting", state.progress.words, state.version.words,
        state.former.map { "instead of a version\($0.words.map { " (\($0))" } ?? "")" })
    case .serving(let state):
      let stage =
        switch state.stage {
        case .serving: "serving"
        case .holding: "holding"
        case .leaving: "losing its worker"
        }
      return joined(stage, state.version.words, state.change?.words)
    case .recovering(let state):
      return joined(
        "recovering", state.progress.words, state.version.words, state.change?.words)
    case .failed(let state): return joined("failed", state.target == nil ? nil : "target failed")
    case .leaving(let leaving):
      switch leaving {
      case .removed: return "leaving: removed"
      case .supervisorDraining(let serving):
        return joined("leaving", "supervisor draining", serving == nil ? nil : "routed")
      }
    case .stopped: return "stopped"
    }
  }
}

extension BootProgress {
  fileprivate var words: String? {
    switch self {
    case .awaiting: "waits for room"
    case .delayed: "delayed"
    case .booting: nil
    }
  }
}

extension AgentVersion {
  fileprivate var words: String? {
    switch restarts.count {
    case 0: nil
    case deployment.restarts.maximum: "restarts used up"
    case let count: "\(count) of \(deployment.restarts.maximum) restarts used"
    }
  }

  fileprivate func renamed(_ revision: String) -> AgentVersion {
    var version = self
    version.rename(revision)
    return version
  }
}

extension AgentChange {
  fileprivate var words: String {
    switch self {
    case .rolling(let version, let progress):
      ["target boots", progress.words, version.words].compactMap(\.self)
        .joined(separator: " and ")
    case .failed: "target failed"
    }
  }

  fileprivate func renamed(_ revision: String) -> AgentChange {
    switch self {
    case .rolling(let version, let progress): .rolling(version.renamed(revision), progress)
    case .failed(let target): .failed(target.renamed(revision))
    }
  }
}

extension FailedTarget {
  fileprivate func renamed(_ revision: String) -> FailedTarget {
    FailedTarget(deployment: deployment.renamed(revision), reason: "")
  }
}

extension Deployment {
  fileprivate func renamed(_ revision: String) -> Deployment {
    var deployment = self
    deployment.revision = revision
    return deployment
  }
}
