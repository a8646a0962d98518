extension Supervision {
  /// The events without a line of their own that may lead to a line, the likeliest first.
  func events(leadingTo line: SupervisorLine) -> [SupervisorEvent] {
    switch line {
    case .agentState(let facts): events(of: facts)
    case .agentTraffic(let agent, _, let worker?): [.worker(worker, agent: agent, .ready)]
    case .agentTraffic(let agent, let worker?, nil): [.worker(worker, agent: agent, .draining)]
    case .agentWorkerStop(let facts): events(of: facts)
    case .stopped: [.due(.deadline)]
    default: []
    }
  }

  private func events(of facts: AgentStateFacts) -> [SupervisorEvent] {
    let news: WorkerNews
    switch facts.cause {
    case .workerReady: news = .ready
    case .workerRestarting: news = .restarting
    case .workerDraining: news = .draining
    // Each of these has a line before it.
    case .deployed, .removed, .workerEnded, .supervisorDraining, .workerContradicted,
      .bootTimedOut, .drainTimedOut:
      return []
    }
    return facts.worker.map { [.worker($0, agent: facts.agent, news)] } ?? []
  }

  private func events(of facts: AgentWorkerStopFacts) -> [SupervisorEvent] {
    switch facts.cause {
    case .contradicted:
      [.worker(facts.worker, agent: facts.agent, .contradicted(reason: facts.reason ?? ""))]
    case .bootTimedOut: [.due(.boot(agent: facts.agent, worker: facts.worker))]
    case .drainTimedOut: [.due(.drain(agent: facts.agent, worker: facts.worker))]
    case .deadline: [.due(.deadline)]
    case .secondSignal: [.terminationRequested(.interrupt), .terminationRequested(.terminate)]
    case .replaced, .removed, .supervisorDraining: []
    }
  }

  /// How an agent, or the supervisor, stands, for whoever reads that a line cannot be.
  func standing(of id: String?) -> [String] {
    guard let id else { return [] }
    guard let agent = agent(id) else { return ["lines about other agents: \(id) is not known"] }
    let workers = agent.workers.map(String.init).joined(separator: ", ")
    return ["\(id) is \(agent.name.rawValue), workers: \(workers.isEmpty ? "none" : workers)"]
  }
}

extension SupervisorTimer {
  /// As the beginning of a sentence.
  var words: String {
    switch self {
    case .restart(let agent, let worker): "the delay of \(agent) after worker \(worker)"
    case .boot(let agent, let worker): "the time of \(agent)'s worker \(worker) to become Ready"
    case .drain(let agent, let worker): "the time of \(agent)'s worker \(worker) to drain"
    case .deadline: "the deadline"
    }
  }

  var promise: Promise {
    switch self {
    case .restart: .delayBeforeRestart
    case .boot, .drain: .patienceWithWorkers
    case .deadline: .drainDeadline
    }
  }
}

extension SupervisorLine {
  /// The agent that it is about; nil: none, or several.
  public var agent: String? {
    switch self {
    case .agentDeploy(let deployment, _): deployment.agent
    case .agentWorker(let facts): facts.agent
    case .agentState(let facts): facts.agent
    case .agentTraffic(let agent, _, _), .agentTargetFailed(let agent, _, _),
      .agentRemoved(let agent):
      agent
    case .agentWorkerStop(let facts): facts.agent
    case .agentWorkerExited(let facts): facts.agent
    case .adminRequest(let facts): facts.agent
    case .started, .desiredState, .desiredRefused, .loaded, .ready, .draining, .stopped,
      .illegalEvent:
      nil
    }
  }

  /// The promise that it breaks when nothing can have led to it.
  var promise: Promise {
    switch self {
    case .agentTraffic: .trafficGoesToReady
    case .agentWorkerStop: .stopsFollow
    case .agentState, .agentTargetFailed: .stateOfAgent
    default: .supervisorAllows
    }
  }

  /// Whether it is a log's last line.
  public var isLast: Bool { if case .stopped = self { true } else { false } }
}
