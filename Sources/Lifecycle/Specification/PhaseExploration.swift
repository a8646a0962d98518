/// Every situation of the supervisor's phase with one agent, found breadth first.
struct PhaseExploration {
  private(set) var table = SupervisionTable.Table()
  private var machines: [Supervision] = []
  private var seen: Set<String> = []

  private static let now = Instant.start

  init() {
    table.events = Self.inputs(Supervision(policy: SupervisionTable.policy)).map(\.name)
    add(Supervision(policy: SupervisionTable.policy))
    var index = 0
    while index < machines.count {
      let machine = machines[index]
      index += 1
      for (name, time, events) in Self.inputs(machine) where !events.isEmpty {
        var next = machine
        var verdict = Step.Verdict.ignored
        var effects: [String] = []
        for event in events {
          let step = next.handle(event, at: time)
          let isPhases: (SupervisorEffect) -> Bool = {
            switch $0 {
            case .settled, .exit, .stop, .kill: true
            case .start, .route, .forget: false
            }
          }
          effects += step.effects.filter(isPhases).map(\.name)
          if step.phase != nil { verdict = .moved }
          if step.verdict == .illegal, verdict == .ignored { verdict = .illegal }
        }
        let changed = Self.situation(next) != Self.situation(machine)
        if changed, verdict == .ignored { verdict = .stayed }
        add(next)
        table.rows.append(
          SupervisionTable.Row(
            situation: Self.situation(machine), event: name, verdict: verdict,
            next: Self.situation(next), cause: "", effects: effects))
      }
    }
  }

  private mutating func add(_ machine: Supervision) {
    let name = Self.situation(machine)
    guard seen.insert(name).inserted else { return }
    machines.append(machine)
    let timers = machine.timers.keys.contains(.deadline) ? ["deadline"] : []
    table.situations.append(
      SupervisionTable.Situation(name: name, state: machine.phase.name.rawValue, timers: timers))
  }

  /// The phase, and what of its agents it depends on.
  private static func situation(_ machine: Supervision) -> String {
    let runs = machine.agents.contains { !$0.workers.isEmpty } ? "workers run" : "no worker"
    switch machine.phase {
    case .starting(let starting):
      return "starting: \(starting.isLoaded ? "loaded" : "not loaded"), "
        + (starting.awaited.isEmpty ? "nothing awaited, \(runs)" : "awaits, \(runs)")
    case .serving: return "serving: \(runs)"
    case .draining(let draining):
      return "draining: \(draining.cause.isAsked ? "asked" : "failure"), "
        + (draining.stage == .waiting ? "waiting" : "killing")
    case .stopped: return "stopped"
    }
  }

  /// What can happen, as the events of an agent that it takes; none where it cannot.
  private static func inputs(
    _ machine: Supervision
  ) -> [(name: String, at: Instant, events: [SupervisorEvent])] {
    let id = SupervisionTable.agent
    let agent = machine.agent(id)
    let booting = agent.flatMap { $0.name == .booting ? $0.workers.last : nil }
    func news(_ worker: Int?, _ news: WorkerNews) -> [SupervisorEvent] {
      worker.map { [.worker($0, agent: id, news)] } ?? []
    }
    let gone: [SupervisorEvent] = (agent?.workers ?? []).map {
      .worker($0, agent: id, .ended(.gaveUp(reason: ""), chance: 0))
    }
    let isIdle = agent?.workers.isEmpty ?? true
    let wanted = AgentExploration.version(agent == nil ? "1" : "2").deployment
    let late = now + Policy.secondTerminateAfter
    return [
      ("an agent is wanted", now, isIdle ? [.desired(wanted)] : []), ("loaded", now, [.loaded]),
      ("its worker is ready", now, news(booting, .ready)),
      ("the last worker ended", now, gone),
      ("the agent is removed", now, agent == nil ? [] : [.removed(agent: id)]),
      ("SIGTERM", now, [.terminationRequested(.terminate)]),
      ("SIGTERM(2 s after the first)", late, [.terminationRequested(.terminate)]),
      ("SIGINT", now, [.terminationRequested(.interrupt)]),
      ("failed", now, [.failed(.failure)]), ("timer(deadline)", now, [.due(.deadline)]),
    ]
  }
}
