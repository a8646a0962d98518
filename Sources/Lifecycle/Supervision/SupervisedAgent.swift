/// One agent as the supervisor knows it: a value that only its own events change.
public struct SupervisedAgent: Sendable, Equatable {
  /// `AGENT_APP_ID`.
  public let id: String
  public private(set) var state: AgentState
  /// When its state came to have the name that it has.
  public private(set) var since: Instant
  /// Its workers on their way out, the first asked first.
  public private(set) var retiring: [RetiringWorker]
  /// The revision that served before the one that serves.
  public private(set) var previous: String?

  /// What comes of an event: the agent as it is then, nil when it is gone.
  struct Outcome {
    var agent: SupervisedAgent?
    var verdict: Step.Verdict
    var transition: AgentTransition?
    var traffic: TrafficChange?
    var turn: AgentTurn
    /// In their order.
    var effects: [SupervisorEffect]
  }

  // MARK: What a status shows

  public var name: AgentStateName { state.name }

  /// The worker that requests go to.
  public var route: Int? { state.route }

  /// The version that serves, or is brought back; nil when there is none.
  public var active: AgentVersion? {
    switch state {
    case .booting(let booting): booting.former
    case .serving(let serving): serving.version
    case .recovering(let recovering): recovering.version
    case .failed, .leaving, .stopped: nil
    }
  }

  /// The version on its way to Ready for the first time, or the last one that did not get there.
  public var target: Target? {
    switch state {
    case .booting(let booting):
      Target(
        deployment: booting.version.deployment, worker: booting.progress.worker,
        state: booting.version.restarts.isEmpty ? .booting : .restarting, reason: nil)
    case .serving, .recovering:
      switch state.change {
      case .rolling(let version, let progress):
        Target(
          deployment: version.deployment, worker: progress.worker,
          state: version.restarts.isEmpty ? .booting : .restarting, reason: nil)
      case .failed(let target): Target(target)
      case nil: nil
      }
    case .failed(let failed):
      Target(
        failed.target ?? FailedTarget(deployment: failed.deployment, reason: failed.reason))
    case .leaving, .stopped: nil
    }
  }

  public struct Target: Sendable, Equatable {
    public let deployment: Deployment
    /// Nil while it waits, and once it failed.
    public let worker: Int?
    /// booting, restarting or failed.
    public let state: AgentStateName
    /// A sentence, once it failed.
    public let reason: String?

    init(deployment: Deployment, worker: Int?, state: AgentStateName, reason: String?) {
      self.deployment = deployment
      self.worker = worker
      self.state = state
      self.reason = reason
    }

    init(_ failed: FailedTarget) {
      self.init(
        deployment: failed.deployment, worker: nil, state: .failed, reason: failed.reason)
    }
  }

  /// Why it failed; nil in every other state.
  public var reason: String? { if case .failed(let failed) = state { failed.reason } else { nil } }

  /// Whether a change of it runs: another one is refused (409) when a person asks for it.
  public var isChanging: Bool {
    switch state {
    case .booting: true
    case .serving, .recovering: if case .rolling = state.change { true } else { false }
    case .failed, .leaving, .stopped: false
    }
  }

  /// Every worker of it, in the order of their numbers.
  public var workers: [Int] {
    (ownWorkers + retiring.map(\.worker)).sorted()
  }

  /// Those that are not on their way out.
  var ownWorkers: [Int] {
    var workers: [Int?] = []
    switch state {
    case .booting(let booting): workers = [booting.progress.worker]
    case .serving(let serving): workers = [serving.worker]
    case .recovering(let recovering): workers = [recovering.progress.worker]
    case .failed, .leaving, .stopped: break
    }
    if case .rolling(_, let progress) = state.change { workers.append(progress.worker) }
    return workers.compactMap(\.self)
  }

  /// The timers that run and when they are due.
  func timers(_ policy: SupervisionPolicy) -> [SupervisorTimer: Instant] {
    var timers: [SupervisorTimer: Instant] = [:]
    func add(_ more: [SupervisorTimer: Instant]) { timers.merge(more) { min($0, $1) } }
    func add(_ version: AgentVersion, _ progress: BootProgress) {
      let hasRoom = version.hasRoom(beside: retiring, policy)
      add(progress.timers(id, hasRoom: hasRoom, policy))
    }
    switch state {
    case .booting(let booting): add(booting.version, booting.progress)
    case .serving(let serving):
      if case .leaving(let since) = serving.stage {
        add([.drain(agent: id, worker: serving.worker): since + policy.drainPatience])
      }
    case .recovering(let recovering): add(recovering.version, recovering.progress)
    case .failed, .leaving, .stopped: break
    }
    if case .rolling(let version, let progress) = state.change { add(version, progress) }
    for worker in retiring {
      if case .stopping(let since) = worker.stage {
        add([.drain(agent: id, worker: worker.worker): since + policy.drainPatience])
      }
    }
    return timers
  }

  // MARK: Events

  /// An agent that is wanted for the first time.
  static func new(
    _ deployment: Deployment, at now: Instant, _ policy: SupervisionPolicy, nextWorker: Int
  ) -> Outcome {
    var turn = AgentTurn(
      agent: deployment.agent, now: now, policy: policy, nextWorker: nextWorker, retiring: [])
    let version = AgentVersion(deployment)
    let booting = AgentBooting(version: version, progress: turn.begin(version), former: nil)
    let agent = SupervisedAgent(
      id: deployment.agent, state: .booting(booting), since: now, retiring: [], previous: nil)
    let transition = AgentTransition(
      agent: agent.id, from: nil, to: agent.name, cause: .deployed, reason: nil, worker: nil)
    return Outcome(
      agent: agent, verdict: .moved, transition: transition, turn: turn, effects: turn.effects)
  }

  func on(
    _ event: AgentEvent, at now: Instant, _ policy: SupervisionPolicy, nextWorker: Int
  ) -> Outcome {
    var turn = AgentTurn(
      agent: id, now: now, policy: policy, nextWorker: nextWorker, retiring: retiring)
    let reaction = retiringReaction(event, &turn) ?? state.on(event, &turn)
    switch reaction {
    case .to(let next, let cause, let reason):
      return outcome(next, cause, reason, worker: event.worker, turn)
    case .ignore: return unchanged(.ignored, at: now, policy, nextWorker)
    case .refuse: return unchanged(.illegal, at: now, policy, nextWorker)
    }
  }

  private func unchanged(
    _ verdict: Step.Verdict, at now: Instant, _ policy: SupervisionPolicy, _ nextWorker: Int
  ) -> Outcome {
    let turn = AgentTurn(
      agent: id, now: now, policy: policy, nextWorker: nextWorker, retiring: retiring)
    return Outcome(agent: self, verdict: verdict, transition: nil, turn: turn, effects: [])
  }

  /// The supervisor drains: every worker is asked to stop.
  func draining(at now: Instant, _ policy: SupervisionPolicy, nextWorker: Int) -> Outcome {
    var turn = AgentTurn(
      agent: id, now: now, policy: policy, nextWorker: nextWorker, retiring: retiring)
    if case .leaving(.removed) = state {
      return Outcome(agent: self, verdict: .stayed, transition: nil, turn: turn, effects: [])
    }
    for worker in ownWorkers { turn.stop(worker, .supervisorDraining) }
    let next = AgentState.leaving(.supervisorDraining(serving: route))
    return outcome(next, .supervisorDraining, nil, worker: nil, turn)
  }

  /// The supervisor's patience is over: every worker is killed.
  func killed(
    _ cause: WorkerStop.Cause, at now: Instant, _ policy: SupervisionPolicy, nextWorker: Int
  ) -> Outcome {
    var turn = AgentTurn(
      agent: id, now: now, policy: policy, nextWorker: nextWorker, retiring: retiring)
    for worker in retiring where worker.stage != .killing { turn.kill(worker.worker, cause) }
    return outcome(state, .supervisorDraining, nil, worker: nil, turn)
  }

  /// News and timers of workers on their way out; nil for every other event.
  private func retiringReaction(
    _ event: AgentEvent, _ turn: inout AgentTurn
  ) -> AgentReaction? {
    switch event {
    case .worker(let worker, .ended):
      guard let place = retiring.firstIndex(where: { $0.worker == worker }) else { return nil }
      turn.retiring.remove(at: place)
      return .to(state.resumed(without: worker, &turn), .workerEnded)
    case .worker(let worker, .contradicted(let reason)):
      guard let place = retiring.firstIndex(where: { $0.worker == worker }) else { return nil }
      guard retiring[place].stage != .killing else { return .ignore }
      turn.kill(worker, .contradicted, reason: reason)
      return .to(state, .workerContradicted)
    case .worker(let worker, .started), .worker(let worker, .listening),
      .worker(let worker, .ready), .worker(let worker, .restarting),
      .worker(let worker, .draining):
      return retiring.contains { $0.worker == worker } ? .ignore : nil
    case .due(.drain(let worker)):
      guard let place = retiring.firstIndex(where: { $0.worker == worker }) else { return nil }
      guard retiring[place].stage != .killing else { return .ignore }
      turn.kill(worker, .drainTimedOut)
      return .to(state, .drainTimedOut)
    case .desired, .removed, .due(.restart), .due(.boot): return nil
    }
  }

  private func outcome(
    _ next: AgentState, _ cause: AgentCause, _ reason: String?, worker: Int?, _ turn: AgentTurn
  ) -> Outcome {
    var agent = self
    agent.state = next
    agent.retiring = turn.retiring
    if case .serving(let serving) = next, let active, active.revision != serving.version.revision {
      agent.previous = active.revision
    }
    var effects: [SupervisorEffect] = []
    var traffic: TrafficChange?
    if route != next.route {
      effects.append(.route(agent: id, to: next.route))
      traffic = TrafficChange(agent: id, from: route, to: next.route)
    }
    effects += turn.effects
    var isGone = false
    if case .leaving(let leaving) = next, agent.retiring.isEmpty {
      agent.state = .stopped
      if leaving == .removed {
        isGone = true
        effects.append(.forget(agent: id))
      }
    }
    var transition: AgentTransition?
    if agent.name != name {
      agent.since = turn.now
      transition = AgentTransition(
        agent: id, from: name, to: agent.name, cause: cause, reason: reason, worker: worker)
    }
    let changes = isGone || agent != self || !effects.isEmpty
    return Outcome(
      agent: isGone ? nil : agent,
      verdict: transition != nil ? .moved : changes ? .stayed : .ignored,
      transition: transition, traffic: traffic, turn: turn, effects: effects)
  }
}

extension AgentEvent {
  fileprivate var worker: Int? {
    switch self {
    case .worker(let worker, _), .due(.boot(let worker)), .due(.drain(let worker)): worker
    case .desired, .removed, .due(.restart): nil
    }
  }
}

extension AgentState {
  func on(_ event: AgentEvent, _ turn: inout AgentTurn) -> AgentReaction {
    switch self {
    case .booting(let booting): booting.on(event, &turn)
    case .serving(let serving): serving.on(event, &turn)
    case .recovering(let recovering): recovering.on(event, &turn)
    case .failed(let failed): failed.on(event, &turn)
    case .leaving(let leaving): leaving.on(event, &turn)
    case .stopped: .ignore
    }
  }

  /// The same after the end of a worker that was on its way out: what waited for it begins.
  func resumed(without worker: Int, _ turn: inout AgentTurn) -> AgentState {
    switch self {
    case .booting(var booting):
      booting.progress = turn.resume(booting.version, booting.progress)
      return .booting(booting)
    case .serving(var serving):
      serving.change = serving.change?.resumed(&turn)
      return .serving(serving)
    case .recovering(var recovering):
      recovering.progress = turn.resume(recovering.version, recovering.progress)
      recovering.change = recovering.change?.resumed(&turn)
      return .recovering(recovering)
    case .leaving(.supervisorDraining(serving: worker)):
      return .leaving(.supervisorDraining(serving: nil))
    case .failed, .leaving, .stopped: return self
    }
  }
}

extension AgentChange {
  fileprivate func resumed(_ turn: inout AgentTurn) -> AgentChange {
    switch self {
    case .rolling(let version, let progress): .rolling(version, turn.resume(version, progress))
    case .failed: self
    }
  }
}
