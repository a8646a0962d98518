import Glibc
import Testing

@testable import Lifecycle

/// What holds of every step from every situation that one agent's supervisor can come into.
@Suite("A supervisor, explored")
struct SupervisionReachabilityTests {
  /// What an agent can come into; the scopes differ in what decides the way.
  static let scopes: [(name: String, scope: SupervisionExploration.Scope)] = [
    ("no restarts, with and without a surge", .init(restarts: 0)),
    ("two restarts", .init(restarts: 2, surges: [true], isFull: false)),
    (
      "two agents",
      .init(agents: ["a", "b"], revisions: ["1"], restarts: 0, surges: [true], isFull: false)
    ),
  ]

  /// The same, further: `make explore`.
  static let wideScopes: [(name: String, scope: SupervisionExploration.Scope)] = [
    ("one restart", .init()),
    ("one restart, two on their way out", .init(retiringMaximum: 2)),
    ("two restarts, two on their way out", .init(restarts: 2, retiringMaximum: 2)),
    ("three revisions", .init(revisions: ["1", "2", "3"], retiringMaximum: 2)),
    (
      "two agents of two revisions",
      .init(
        agents: ["a", "b"], revisions: ["1", "2"], restarts: 0, surges: [true], isFull: false)
    ),
  ]

  @Test("keeps its rules at every step", arguments: scopes.indices)
  func rules(place: Int) { explore(Self.scopes[place].name, Self.scopes[place].scope) }

  @Test(
    "keeps its rules further on", .enabled(if: getenv("PAR_EXPLORE") != nil, "make explore"),
    arguments: wideScopes.indices)
  func further(place: Int) { explore(Self.wideScopes[place].name, Self.wideScopes[place].scope) }

  private func explore(_ name: String, _ scope: SupervisionExploration.Scope) {
    var broken: [String: String] = [:]
    let exploration = SupervisionExploration(scope) { before, event, after, step in
      guard let rule = SupervisionRules.broken(before, event, after, step) else { return }
      broken[rule] = broken[rule] ?? "\(SupervisionExploration.situation(before)): \(event)"
    }
    for (rule, place) in broken { Issue.record("\(name): \(rule), in \(place)") }
    if getenv("PAR_EXPLORE") != nil {
      print("\(name): \(exploration.machines.count) situations, \(exploration.steps) steps")
    }
    #expect(exploration.machines.count > 50 && exploration.machines.count < scope.bound)
    for machine in exploration.machines {
      if let trouble = SupervisionRules.trouble(machine) {
        Issue.record("\(name): \(trouble), in \(SupervisionExploration.situation(machine))")
        return
      }
    }
  }
}

/// The rules that every step keeps.
enum SupervisionRules {
  /// The rule that a step breaks.
  static func broken(
    _ before: Supervision, _ event: SupervisorEvent, _ after: Supervision, _ step: SupervisionStep
  ) -> String? {
    if step.verdict == .ignored || step.verdict == .illegal {
      guard before == after, step.effects.isEmpty, step.transitions.isEmpty, step.stops.isEmpty
      else { return "an event that is \(step.verdict) changes nothing" }
      return refused(before, event, step)
    }
    return told(before, after, step) ?? workers(before, event, after, step)
      ?? routes(before, event, after, step) ?? ends(before, after, step)
      ?? others(before, event, after)
  }

  /// What may be refused.
  private static func refused(
    _ before: Supervision, _ event: SupervisorEvent, _ step: SupervisionStep
  ) -> String? {
    if case .due(let timer) = event, before.timers[timer] != nil {
      return "an armed timer is heard"
    }
    guard case .worker(let worker, let agent, let news) = event, before.phase.name != .stopped,
      before.agent(agent)?.workers.contains(worker) == true
    else { return nil }
    switch news {
    case .ended(.couldNotStart, _): return nil
    case .ended: return "the end of a worker is heard"
    case .ready where step.verdict == .illegal: return nil
    case .started, .listening, .ready, .restarting, .draining, .contradicted: return nil
    }
  }

  /// The step tells what happened.
  private static func told(
    _ before: Supervision, _ after: Supervision, _ step: SupervisionStep
  ) -> String? {
    let phases: [SupervisionPhase.Name] = [.starting, .serving, .draining, .stopped]
    let moved = after.phase.name != before.phase.name
    guard step.phase == (moved ? after.phase.name : nil) else { return "a phase is told" }
    guard
      (phases.firstIndex(of: after.phase.name) ?? 0)
        >= (phases.firstIndex(of: before.phase.name)
          ?? 0)
    else { return "phases lead on" }
    guard (step.verdict == .moved) == (moved || !step.transitions.isEmpty) else {
      return "a move is told"
    }
    if step.verdict == .stayed, before == after, step.effects.isEmpty { return "nothing stays" }
    let settles = before.phase.name == .starting && after.phase.name == .serving
    guard step.effects.count(where: { $0 == .settled }) == (settles ? 1 : 0) else {
      return "settled is told once, on the way to serving"
    }
    var names = Dictionary(uniqueKeysWithValues: before.agents.map { ($0.id, $0.name) })
    for transition in step.transitions {
      guard names[transition.agent] == transition.from, transition.from != transition.to else {
        return "a transition comes from the state before"
      }
      names[transition.agent] = transition.to
    }
    for effect in step.effects {
      guard case .forget(let agent) = effect else { continue }
      guard names[agent] == .stopped else { return "what is forgotten is stopped" }
      names[agent] = nil
    }
    guard names == Dictionary(uniqueKeysWithValues: after.agents.map { ($0.id, $0.name) }) else {
      return "every transition is told"
    }
    guard after.agents.map(\.id) == after.agents.map(\.id).sorted() else {
      return "agents are sorted"
    }
    return nil
  }

  /// Workers are there from their start to their end.
  private static func workers(
    _ before: Supervision, _ event: SupervisorEvent, _ after: Supervision, _ step: SupervisionStep
  ) -> String? {
    var running = Set(before.agents.flatMap(\.workers))
    if case .worker(let worker, _, .ended) = event { running.remove(worker) }
    var next = before.state.nextWorker
    for effect in step.effects {
      switch effect {
      case .start(_, let worker, _):
        guard worker == next else { return "workers are numbered one after the other" }
        next += 1
        running.insert(worker)
        if after.phase.name == .draining || after.phase.name == .stopped {
          return "nothing is started in a drain"
        }
      case .stop(_, let worker), .kill(_, let worker):
        guard running.contains(worker) else { return "what is stopped runs" }
      case .route(_, let worker):
        if let worker, !running.contains(worker) { return "a route leads to a worker that runs" }
      case .forget, .settled, .exit: break
      }
    }
    guard next == after.state.nextWorker else { return "each number is a start" }
    guard running == Set(after.agents.flatMap(\.workers)) else { return "no worker is lost" }
    for agent in after.agents {
      guard Set(agent.workers).count == agent.workers.count else { return "a worker has one place" }
      guard agent.workers.count <= after.policy.retiringMaximum + 2 else {
        return "an agent has at most two workers beside those that leave"
      }
    }
    let stops = step.effects.compactMap { effect -> WorkerStop? in
      switch effect {
      case .stop(let agent, let worker):
        WorkerStop(agent: agent, worker: worker, isForced: false, cause: .replaced, reason: nil)
      case .kill(let agent, let worker):
        WorkerStop(agent: agent, worker: worker, isForced: true, cause: .replaced, reason: nil)
      case .start, .route, .forget, .settled, .exit: nil
      }
    }
    guard stops.map(\.worker) == step.stops.map(\.worker),
      stops.map(\.isForced) == step.stops.map(\.isForced)
    else { return "each stop is told with its cause" }
    for stop in step.stops where !stop.isForced {
      guard !before.agents.contains(where: { $0.retiring.contains { $0.worker == stop.worker } })
      else { return "a worker is asked to stop once" }
    }
    return nil
  }

  /// Requests go to a worker that was Ready, and the one before is stopped only then.
  private static func routes(
    _ before: Supervision, _ event: SupervisorEvent, _ after: Supervision, _ step: SupervisionStep
  ) -> String? {
    for agent in after.agents {
      let old = before.agent(agent.id)
      let routed = step.effects.last { effect in
        if case .route(agent.id, _) = effect { true } else { false }
      }
      if agent.route != old?.route {
        guard routed == .route(agent: agent.id, to: agent.route) else { return "routes are told" }
        if let worker = agent.route {
          guard case .worker(worker, _, .ready) = event else {
            return "a route leads to a worker that has just become Ready"
          }
        }
      } else if routed != nil {
        return "routes are told when they change"
      }
      if let worker = agent.route, !agent.workers.contains(worker) { return "a route ends in time" }
    }
    for (place, effect) in step.effects.enumerated() {
      guard case .stop(let id, let worker) = effect, let old = before.agent(id),
        old.route == worker
      else { continue }
      switch event {
      case .removed, .terminationRequested, .failed: continue
      case .desired(let deployment) where !deployment.surge: continue
      case .worker(_, _, .ready):
        guard let routed = step.effects.firstIndex(where: { $0.isRoute(of: id) }), routed < place
        else { return "traffic moves before the old worker is asked to stop" }
      case .desired, .loaded, .worker, .due:
        return "the active worker is not stopped before its successor is Ready"
      }
    }
    return nil
  }

  /// The end of the supervisor.
  private static func ends(
    _ before: Supervision, _ after: Supervision, _ step: SupervisionStep
  ) -> String? {
    let exits = step.effects.contains { if case .exit = $0 { true } else { false } }
    let stopped = before.phase.name != .stopped && after.phase.name == .stopped
    guard exits == stopped else { return "stopped is the end of the process" }
    if before.phase.name == .stopped { return "nothing comes after stopped" }
    return nil
  }

  /// One agent's events change no other.
  private static func others(
    _ before: Supervision, _ event: SupervisorEvent, _ after: Supervision
  ) -> String? {
    guard let own = event.agent else { return nil }
    for agent in before.agents where agent.id != own {
      guard after.agent(agent.id) == agent else { return "an event changes its own agent only" }
    }
    return nil
  }

  // MARK: Situations

  /// What is wrong in a situation itself.
  static func trouble(_ machine: Supervision) -> String? {
    for agent in machine.agents {
      if let trouble = trouble(agent, machine) { return trouble }
    }
    if machine.phase.name == .stopped, !machine.timers.isEmpty { return "a timer runs in stopped" }
    return terminated(machine, byDeadline: false) ?? terminated(machine, byDeadline: true)
      ?? fair(machine)
  }

  private static func trouble(_ agent: SupervisedAgent, _ machine: Supervision) -> String? {
    for (version, progress) in agent.versions {
      guard version.restarts.count <= version.deployment.restarts.maximum else {
        return "restarted too often"
      }
      if case .awaiting = progress {
        let isFree =
          version.deployment.surge
          ? agent.retiring.count < machine.policy.retiringMaximum : agent.retiring.isEmpty
        if isFree { return "waits for nothing" }
      }
    }
    if let route = agent.route, agent.state.name != .ready, agent.state.name != .restarting {
      guard agent.retiring.contains(where: { $0.worker == route }) else {
        return "routed to nobody"
      }
    }
    guard case .leaving = agent.state else { return nil }
    return agent.retiring.isEmpty ? "leaves without a worker" : nil
  }

  /// Asked to stop, it stops: when its workers end, and when they do not.
  private static func terminated(_ machine: Supervision, byDeadline: Bool) -> String? {
    var machine = machine
    let now = SupervisionExploration.now
    _ = machine.handle(.terminationRequested(.terminate), at: now)
    var fired = 0
    while machine.phase.name != .stopped {
      fired += 1
      if fired > 20 { return "does not stop" }
      let workers = machine.agents.flatMap { agent in agent.workers.map { ($0, agent.id) } }
      if byDeadline {
        _ = machine.handle(.due(.deadline), at: now)
      } else {
        guard let (worker, agent) = workers.first else { return "drains without a worker" }
        _ = machine.handle(.worker(worker, agent: agent, .ended(.asked, chance: 0)), at: now)
      }
    }
    return nil
  }

  /// Where workers become Ready, ends come and timers fire, every agent serves or has failed.
  private static func fair(_ machine: Supervision) -> String? {
    if machine.phase.name == .draining || machine.phase.name == .stopped { return nil }
    var machine = machine
    let now = SupervisionExploration.now
    if case .starting(let starting) = machine.phase, !starting.isLoaded {
      _ = machine.handle(.loaded, at: now)
    }
    for _ in 0..<30 {
      let before = machine
      for agent in machine.agents {
        for worker in agent.retiring {
          _ = machine.handle(
            .worker(worker.worker, agent: agent.id, .ended(.asked, chance: 0)), at: now)
        }
        for worker in machine.agent(agent.id)?.ownWorkers ?? [] {
          _ = machine.handle(.worker(worker, agent: agent.id, .ready), at: now)
        }
      }
      for timer in machine.timers.keys {
        if case .boot = timer { continue }
        _ = machine.handle(.due(timer), at: now)
      }
      if machine == before { break }
    }
    guard machine.phase.name == .serving else { return "never settles" }
    for agent in machine.agents where agent.name != .ready && agent.name != .failed {
      return "is for ever \(agent.name)"
    }
    return nil
  }
}

extension SupervisedAgent {
  /// Its versions on their way, and those that serve.
  fileprivate var versions: [(AgentVersion, BootProgress?)] {
    var versions: [(AgentVersion, BootProgress?)] = []
    switch state {
    case .booting(let state):
      versions.append((state.version, state.progress))
      if let former = state.former { versions.append((former, nil)) }
    case .serving(let state): versions.append((state.version, nil))
    case .recovering(let state): versions.append((state.version, state.progress))
    case .failed, .leaving, .stopped: break
    }
    if case .rolling(let version, let progress) = state.change {
      versions.append((version, progress))
    }
    return versions
  }
}

extension SupervisorEffect {
  fileprivate func isRoute(of agent: String) -> Bool {
    if case .route(agent, _) = self { true } else { false }
  }
}

extension SupervisorEvent {
  /// Whose it is; nil when it is the supervisor's own.
  fileprivate var agent: String? {
    switch self {
    case .desired(let deployment): deployment.agent
    case .removed(let agent), .worker(_, let agent, _): agent
    case .due(.restart(let agent, _)), .due(.boot(let agent, _)), .due(.drain(let agent, _)):
      agent
    case .loaded, .due(.deadline), .terminationRequested, .failed: nil
    }
  }
}
