extension SupervisionState {
  func on(
    _ event: SupervisorEvent, at now: Instant, _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    let ignored = (self, SupervisionStep(.ignored))
    switch phase {
    case .starting(let starting):
      switch event {
      case .desired(let deployment):
        return desired(deployment, at: now, policy)
      case .loaded:
        guard !starting.isLoaded else { return (self, SupervisionStep(.illegal)) }
        var build = SupervisionBuild(self)
        var loaded = starting
        loaded.isLoaded = true
        build.state.phase = .starting(loaded)
        return build.finish(from: self)
      case .removed(let id): return to(id, .removed, at: now, policy)
      case .worker(let worker, let id, let news):
        return self.news(worker, id, news, at: now, policy)
      case .due(let timer): return due(timer, at: now, policy)
      case .terminationRequested(let signal): return drain(.signal(signal), at: now, policy)
      case .failed(let failure): return drain(DrainCause(failure), at: now, policy)
      }
    case .serving:
      switch event {
      case .desired(let deployment): return desired(deployment, at: now, policy)
      case .loaded: return (self, SupervisionStep(.illegal))
      case .removed(let id): return to(id, .removed, at: now, policy)
      case .worker(let worker, let id, let news):
        return self.news(worker, id, news, at: now, policy)
      case .due(let timer): return due(timer, at: now, policy)
      case .terminationRequested(let signal): return drain(.signal(signal), at: now, policy)
      case .failed(let failure): return drain(DrainCause(failure), at: now, policy)
      }
    case .draining(let draining):
      switch event {
      case .desired, .removed, .loaded, .failed: return ignored
      case .worker(let worker, let id, let news):
        return self.news(worker, id, news, at: now, policy)
      case .due(.deadline): return deadline(draining, at: now, policy)
      case .due(let timer): return due(timer, at: now, policy)
      case .terminationRequested(let signal): return again(signal, draining, at: now, policy)
      }
    case .stopped:
      switch event {
      case .desired, .removed, .loaded, .failed, .worker, .due, .terminationRequested:
        return ignored
      }
    }
  }

  // MARK: One agent

  private func desired(
    _ deployment: Deployment, at now: Instant, _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    let place = place(of: deployment.agent)
    if place.found != nil {
      return to(deployment.agent, .desired(deployment), at: now, policy)
    }
    var build = SupervisionBuild(self)
    build.add(
      SupervisedAgent.new(deployment, at: now, policy, nextWorker: nextWorker), insertedAt: place.at
    )
    return build.finish(from: self)
  }

  private func news(
    _ worker: Int, _ id: String, _ news: WorkerNews, at now: Instant, _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    guard worker > 0, worker < nextWorker else { return (self, SupervisionStep(.illegal)) }
    // Of a worker that ended before nothing more is heard; what still comes is late.
    guard let place = place(of: id).found, agents[place].workers.contains(worker) else {
      return (self, SupervisionStep(.ignored))
    }
    return to(id, .worker(worker, news), at: now, policy)
  }

  private func due(
    _ timer: SupervisorTimer, at now: Instant, _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    switch timer {
    case .restart(let id, let after): to(id, .due(.restart(after: after)), at: now, policy)
    case .boot(let id, let worker): to(id, .due(.boot(worker: worker)), at: now, policy)
    case .drain(let id, let worker): to(id, .due(.drain(worker: worker)), at: now, policy)
    case .deadline: (self, SupervisionStep(.ignored))
    }
  }

  private func to(
    _ id: String, _ event: AgentEvent, at now: Instant, _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    guard let place = place(of: id).found else { return (self, SupervisionStep(.ignored)) }
    let outcome = agents[place].on(event, at: now, policy, nextWorker: nextWorker)
    switch outcome.verdict {
    case .ignored, .illegal: return (self, SupervisionStep(outcome.verdict))
    case .moved, .stayed: break
    }
    var build = SupervisionBuild(self)
    build.replace(outcome, at: place)
    return build.finish(from: self)
  }

  // MARK: The drain

  private func drain(
    _ cause: DrainCause, at now: Instant, _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    var build = SupervisionBuild(self)
    build.state.phase = .draining(
      SupervisorDraining(cause: cause, startedAt: now, stage: .waiting))
    for place in agents.indices.reversed() {
      build.replace(agents[place].draining(at: now, policy, nextWorker: nextWorker), at: place)
    }
    return build.finish(from: self)
  }

  /// A second SIGINT ends the wait at once, a second SIGTERM only some time after the drain began.
  private func again(
    _ signal: Signal, _ draining: SupervisorDraining, at now: Instant, _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    guard draining.stage == .waiting else { return (self, SupervisionStep(.ignored)) }
    switch signal {
    case .interrupt: break
    case .terminate:
      guard now - draining.startedAt >= Policy.secondTerminateAfter else {
        return (self, SupervisionStep(.ignored))
      }
    }
    return kill(.secondSignal, draining, at: now, policy)
  }

  private func deadline(
    _ draining: SupervisorDraining, at now: Instant, _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    switch draining.stage {
    case .waiting: return kill(.deadline, draining, at: now, policy)
    case .killing:
      var build = SupervisionBuild(self)
      build.stop(draining)
      return build.finish(from: self)
    }
  }

  private func kill(
    _ cause: WorkerStop.Cause, _ draining: SupervisorDraining, at now: Instant,
    _ policy: SupervisionPolicy
  ) -> (SupervisionState, SupervisionStep) {
    var build = SupervisionBuild(self)
    let isKilled = agents.allSatisfy { $0.retiring.allSatisfy { $0.stage == .killing } }
    if isKilled {
      // Each of them was killed before: a signal changes nothing, and the deadline does not wait again.
      guard cause == .deadline else { return (self, SupervisionStep(.ignored)) }
      build.stop(draining)
      return build.finish(from: self)
    }
    var killing = draining
    killing.stage = .killing(until: now + (policy.killMargin - policy.exitMargin))
    build.state.phase = .draining(killing)
    for place in agents.indices.reversed() {
      build.replace(
        agents[place].killed(cause, at: now, policy, nextWorker: nextWorker), at: place)
    }
    return build.finish(from: self)
  }
}

/// A step on its way: the state that follows, and what is to be told and done.
struct SupervisionBuild {
  var state: SupervisionState
  private var outcomes: [SupervisedAgent.Outcome] = []
  private var effects: [SupervisorEffect] = []

  init(_ state: SupervisionState) { self.state = state }

  mutating func add(_ outcome: SupervisedAgent.Outcome, insertedAt place: Int) {
    outcomes.append(outcome)
    state.nextWorker = outcome.turn.nextWorker
    guard let agent = outcome.agent else { return }
    state.agents.insert(agent, at: place)
    if case .starting(var starting) = state.phase, !starting.isLoaded {
      starting.awaited.append(agent.id)
      state.phase = .starting(starting)
    }
  }

  /// Several agents are replaced from the last to the first.
  mutating func replace(_ outcome: SupervisedAgent.Outcome, at place: Int) {
    outcomes.insert(outcome, at: 0)
    state.nextWorker = outcome.turn.nextWorker
    if let agent = outcome.agent {
      state.agents[place] = agent
    } else {
      state.agents.remove(at: place)
    }
  }

  mutating func stop(_ draining: SupervisorDraining) {
    state.phase = .stopped
    effects.append(.exit(code: draining.exitCode))
  }

  /// What follows for the supervisor itself from what its agents came to.
  mutating func finish(
    from before: SupervisionState
  ) -> (SupervisionState, SupervisionStep) {
    switch state.phase {
    case .starting(var starting):
      starting.awaited = starting.awaited.filter { id in
        state.place(of: id).found.map { !state.agents[$0].state.isSettled } ?? false
      }
      if starting.isLoaded, starting.awaited.isEmpty {
        state.phase = .serving
        effects.append(.settled)
      } else {
        state.phase = .starting(starting)
      }
    case .draining(let draining):
      if state.agents.allSatisfy({ $0.retiring.isEmpty }) { stop(draining) }
    case .serving, .stopped: break
    }
    let transitions = outcomes.compactMap(\.transition)
    let phase = state.phase.name == before.phase.name ? nil : state.phase.name
    let step = SupervisionStep(
      transitions.isEmpty && phase == nil ? .stayed : .moved, phase: phase,
      transitions: transitions, failedTargets: outcomes.flatMap(\.turn.failedTargets),
      traffic: outcomes.compactMap(\.traffic), stops: outcomes.flatMap(\.turn.stops),
      restart: outcomes.lazy.compactMap(\.turn.restart).first,
      effects: outcomes.flatMap(\.effects) + effects)
    return (state, step)
  }
}
