import Lifecycle

/// Every situation that a supervisor can come into, found breadth first by giving it every event.
/// Times stand still: a timer comes at any moment while it is armed, and every restart lies within the
/// window. Numbers of workers are forgotten, so that what differs in them alone is one situation.
struct SupervisionExploration {
  /// What is explored.
  struct Scope {
    var agents = ["a"]
    var revisions = ["1", "2"]
    var restarts = 1
    var retiringMaximum = 1
    var surges = [true, false]
    /// Whether the ends of workers are told in every way, and restarts are asked for.
    var isFull = true
    var bound = 400_000
  }

  let scope: Scope
  let policy: SupervisionPolicy
  /// One machine of each situation, in the order found.
  private(set) var machines: [Supervision] = []
  /// Steps taken: a machine, the event, the machine after it, and what came of it.
  private(set) var steps = 0

  static let now = Instant.start

  /// `look` sees every step once.
  init(
    _ scope: Scope,
    _ look: (_ before: Supervision, SupervisorEvent, Supervision, SupervisionStep) -> Void
  ) {
    self.scope = scope
    policy = SupervisionPolicy(retiringMaximum: scope.retiringMaximum)
    var seen: Set<String> = []
    let start = Supervision(policy: policy)
    machines.append(start)
    seen.insert(Self.situation(start))
    var index = 0
    while index < machines.count, index < scope.bound {
      let machine = machines[index]
      index += 1
      for event in events(machine) {
        var next = machine
        let step = next.handle(event, at: Self.now)
        steps += 1
        look(machine, event, next, step)
        if next != machine, seen.insert(Self.situation(next)).inserted { machines.append(next) }
      }
    }
  }

  /// Everything that can happen, and some of what cannot.
  func events(_ machine: Supervision) -> [SupervisorEvent] {
    var events: [SupervisorEvent] = [.loaded, .failed(.failure)]
    events += Signal.allCases.map { .terminationRequested($0) }
    for agent in scope.agents {
      for revision in scope.revisions {
        for surge in scope.surges {
          for cause in scope.isFull ? [Deployment.Cause.config, .restart] : [.config] {
            events.append(.desired(deployment(agent, revision, cause, surge: surge)))
          }
        }
      }
      events.append(.removed(agent: agent))
      let workers = machine.agent(agent)?.workers ?? []
      for worker in workers { events += news.map { .worker(worker, agent: agent, $0) } }
      // Of a worker that never was.
      events.append(.worker(machine.state.nextWorker, agent: agent, .ready))
      events.append(.due(.drain(agent: agent, worker: 0)))
    }
    events += machine.timers.keys.map { .due($0) }
    return events
  }

  func deployment(
    _ agent: String, _ revision: String, _ cause: Deployment.Cause, surge: Bool
  ) -> Deployment {
    Deployment(
      agent: agent, revision: revision,
      restarts: RestartIntensity(maximum: scope.restarts, window: .seconds(60)), cause: cause,
      surge: surge)
  }

  private var news: [WorkerNews] {
    let some: [WorkerNews] = [
      .ready, .restarting, .draining, .ended(.crashed(reason: "crashed"), chance: 1),
      .ended(.gaveUp(reason: "gave up"), chance: 1),
    ]
    guard scope.isFull else { return some }
    return some + [
      .started(pid: 1), .listening, .contradicted(reason: "lied"), .ended(.asked, chance: 1),
      .ended(.couldNotStart(reason: "no port"), chance: 1),
    ]
  }

  // MARK: Situations

  /// A supervisor without times, causes and numbers of workers.
  static func situation(_ machine: Supervision) -> String {
    var text: String
    switch machine.phase {
    case .starting(let starting): text = "starting \(starting.isLoaded) \(starting.awaited)"
    case .serving: text = "serving"
    case .draining(let draining):
      text = "draining \(draining.cause.isAsked) \(draining.stage == .waiting)"
    case .stopped: text = "stopped"
    }
    for agent in machine.agents { text += " | " + situation(agent) }
    return text
  }

  static func situation(_ agent: SupervisedAgent) -> String {
    func version(_ version: AgentVersion) -> String {
      "\(version.revision)\(version.deployment.surge ? "s" : "")\(version.restarts.count)"
    }
    func progress(_ progress: BootProgress) -> String {
      switch progress {
      case .awaiting: "awaiting"
      case .delayed: "delayed"
      case .booting: "booting"
      }
    }
    func change(_ change: AgentChange?) -> String {
      switch change {
      case .rolling(let target, let way): "rolling \(version(target)) \(progress(way))"
      case .failed(let target): "failed \(target.deployment.revision)"
      case nil: "-"
      }
    }
    var text = "\(agent.id) "
    switch agent.state {
    case .booting(let state):
      text += "booting \(version(state.version)) \(progress(state.progress)) "
      text += state.former.map(version) ?? "-"
    case .serving(let state):
      let stage =
        switch state.stage {
        case .serving: "serving"
        case .holding: "holding"
        case .leaving: "leaving"
        }
      text += "\(stage) \(version(state.version)) \(change(state.change))"
    case .recovering(let state):
      text += "recovering \(version(state.version)) \(progress(state.progress)) "
      text += change(state.change)
    case .failed(let state):
      text += "failed \(state.deployment.revision) \(state.target?.deployment.revision ?? "-")"
    case .leaving(let leaving):
      switch leaving {
      case .removed: text += "removed"
      case .supervisorDraining(let serving):
        let stage = agent.retiring.first { $0.worker == serving }?.stage
        text += "draining \(serving == nil ? "-" : stage == .killing ? "killing" : "stopping")"
      }
    case .stopped: text += "stopped"
    }
    let killing = agent.retiring.count { $0.stage == .killing }
    return text + " \(agent.retiring.count - killing)+\(killing)"
  }
}
