extension SupervisionCourse {
  /// Times beyond this (285,000 years) are cut, so that no sum of them can overflow.
  private static let latest: Int64 = 1 << 53

  /// What a supervisor's log tells, as far as it is kept.
  public init(_ history: History) {
    self.init()
    var builder = Builder()
    for (index, moment) in history.moments.enumerated() {
      end = max(end, min(max(0, moment.uptimeMilliseconds), Self.latest))
      if history.leftOut > 0, index == History.limit / 2 { builder.passGap() }
      builder.take(moment, at: end, &self)
    }
    agents = builder.finished()
  }

  /// Agents on their way.
  private struct Builder {
    private var agents: [String: Agent] = [:]
    /// Who has the traffic of an agent.
    private var serving: [String: Int] = [:]
    private var places: [Int: (agent: String, index: Int)] = [:]

    /// Lines were left out here: what was known of the workers is not any more.
    mutating func passGap() {
      places = [:]
      for id in agents.keys {
        guard let last = agents[id]?.stretches.indices.last else { continue }
        agents[id]?.stretches[last].hasGap = true
      }
    }

    func finished() -> [Agent] {
      agents.values.sorted { $0.id < $1.id }.map { agent in
        var agent = agent
        agent.lives = SupervisionCourse.inLanes(agent.lives)
        return agent
      }
    }

    mutating func take(
      _ moment: History.Moment, at now: Int64, _ course: inout SupervisionCourse
    ) {
      if let mark = SupervisionCourse.mark(moment, at: now) { course.marks.append(mark) }
      guard case .supervisor(let line) = moment.event else { return }
      switch line {
      case .started:
        course.enter(.starting, "started", now, moment.sequence)
      case .ready(_, _, let milliseconds):
        course.settle = min(max(0, milliseconds), SupervisionCourse.latest)
        course.enter(.serving, "settled", now, moment.sequence)
      case .draining(let cause, _, _): course.enter(.draining, cause, now, moment.sequence)
      case .stopped(let facts):
        course.enter(.stopped, facts.outcome.rawValue, now, moment.sequence)
        course.ending = facts
      case .agentDeploy(let deployment, let deploymentID):
        deployed(deployment, deploymentID, now, moment.sequence)
      case .agentWorker(let facts): started(facts, now, moment.sequence)
      case .agentState(let facts): moved(facts, now, moment.sequence)
      case .agentTraffic(let id, let from, let to): routed(id, from, to, now, moment.sequence)
      case .agentWorkerExited(let facts): ended(facts, now)
      case .agentTargetFailed(let id, _, _): agents[id]?.failedChanges += 1
      case .agentRemoved(let id): close(id, now)
      case .desiredState, .desiredRefused, .loaded, .agentWorkerStop, .adminRequest, .illegalEvent:
        break
      }
    }

    private mutating func deployed(
      _ deployment: Deployment, _ deploymentID: String?, _ now: Int64, _ sequence: Int64
    ) {
      var agent = agents[deployment.agent] ?? Agent(id: deployment.agent)
      if agent.version(deployment.revision) == nil {
        agent.versions.append(
          Version(
            revision: deployment.revision, deployment: deploymentID,
            name: SupervisionCourse.letter(agent.versions.count)))
      }
      agents[deployment.agent] = agent
    }

    private mutating func started(
      _ facts: AgentWorkerFacts, _ now: Int64, _ sequence: Int64
    ) {
      var agent = agents[facts.agent] ?? Agent(id: facts.agent)
      if agent.version(facts.revision) == nil {
        agent.versions.append(
          Version(
            revision: facts.revision, deployment: nil,
            name: SupervisionCourse.letter(agent.versions.count)))
      }
      places[facts.worker] = (facts.agent, agent.lives.count)
      agent.lives.append(
        Life(
          worker: facts.worker, revision: facts.revision, pid: facts.pid, runID: facts.workerRun,
          start: now, sequence: sequence))
      // What boots while nothing serves is what the agent's state is about.
      if let last = agent.stretches.indices.last, agent.stretches[last].worker == nil,
        agent.stretches[last].state == .booting || agent.stretches[last].state == .restarting
      {
        agent.stretches[last].worker = facts.worker
        agent.stretches[last].revision = facts.revision
      }
      agents[facts.agent] = agent
    }

    private mutating func moved(_ facts: AgentStateFacts, _ now: Int64, _ sequence: Int64) {
      var agent = agents[facts.agent] ?? Agent(id: facts.agent)
      if let last = agent.stretches.indices.last, agent.stretches[last].end == nil {
        agent.stretches[last].end = now
      }
      let life = facts.worker.flatMap { places[$0] }.map { agent.lives[$0.index] }
      let isOwn = facts.to == .ready || facts.to == .draining || facts.cause == .workerRestarting
      agent.stretches.append(
        Stretch(
          state: facts.to, cause: facts.cause.rawValue, reason: facts.reason, start: now,
          worker: isOwn ? facts.worker : nil, revision: isOwn ? life?.revision : nil,
          sequence: sequence))
      if facts.to == .stopped { agent.stretches[agent.stretches.count - 1].end = now }
      agents[facts.agent] = agent
      guard let worker = facts.worker, let place = places[worker], let run = facts.mark.run else {
        return
      }
      agents[place.agent]?.lives[place.index].runID = run
    }

    private mutating func routed(
      _ id: String, _ from: Int?, _ to: Int?, _ now: Int64, _ sequence: Int64
    ) {
      serving[id] = to
      guard let to, let place = places[to], var agent = agents[id] else { return }
      let life = agent.lives[place.index]
      if life.serves == nil { agent.lives[place.index].serves = now }
      defer { agents[id] = agent }
      // A change of the version is within ready, and yet another stretch.
      guard let last = agent.stretches.indices.last, agent.stretches[last].state == .ready else {
        return
      }
      if agent.stretches[last].worker == nil || agent.stretches[last].worker == to {
        agent.stretches[last].worker = to
        agent.stretches[last].revision = life.revision
        return
      }
      if agent.stretches[last].revision != life.revision { agent.changes += 1 }
      agent.stretches[last].end = now
      agent.stretches.append(
        Stretch(
          state: .ready, cause: "traffic", start: now, worker: to, revision: life.revision,
          sequence: sequence))
    }

    private mutating func ended(_ facts: AgentWorkerExitFacts, _ now: Int64) {
      let wasLost = facts.end.kind != .asked
      if wasLost { agents[facts.agent]?.losses += 1 }
      if facts.delayMilliseconds != nil { agents[facts.agent]?.restarts += 1 }
      guard let place = places.removeValue(forKey: facts.worker) else { return }
      agents[place.agent]?.lives[place.index].end = now
      agents[place.agent]?.lives[place.index].how =
        facts.end.reason.map { "\(facts.how): \($0)" } ?? facts.how
      agents[place.agent]?.lives[place.index].wasLost = wasLost
      if let run = facts.mark.run { agents[place.agent]?.lives[place.index].runID = run }
    }

    private mutating func close(_ id: String, _ now: Int64) {
      guard let last = agents[id]?.stretches.indices.last,
        agents[id]?.stretches[last].end == nil
      else { return }
      agents[id]?.stretches[last].end = now
    }
  }

  private mutating func enter(
    _ phase: SupervisionPhase.Name, _ cause: String, _ now: Int64, _ sequence: Int64
  ) {
    if let last = phases.indices.last, phases[last].end == nil { phases[last].end = now }
    phases.append(
      Phase(
        name: phase, cause: cause, start: now, end: phase == .stopped ? now : nil,
        sequence: sequence))
  }

  /// `A` … `Z`, `A2` …
  private static func letter(_ index: Int) -> String {
    let letter = String(UnicodeScalar(UInt8(ascii: "A") + UInt8(index % 26)))
    return index < 26 ? letter : "\(letter)\(index / 26 + 1)"
  }

  private static func inLanes(_ lives: [Life]) -> [Life] {
    /// When each lane is free again; nil: never.
    var free: [Int64?] = []
    return lives.map { life in
      var life = life
      let lane = free.firstIndex { $0.map { $0 <= life.start } ?? false } ?? free.count
      if lane == free.count { free.append(nil) }
      free[lane] = life.end
      life.lane = lane
      return life
    }
  }

  // MARK: Marks

  /// Nil for a line that is told otherwise: by a stretch, or by the life of a worker.
  private static func mark(_ moment: History.Moment, at now: Int64) -> Mark? {
    let label: String
    var agent: String?
    switch moment.event {
    case .supervisor(let line):
      guard let words = line.markWords else { return nil }
      (label, agent) = (words, line.agent)
    case .warning, .configError, .bootFailed, .logDropped, .slowRequest, .requestAborted:
      label = moment.label
    default: return nil
    }
    return Mark(
      at: now, kind: moment.event.name, agent: agent, label: label, level: moment.event.level,
      sequence: moment.sequence)
  }
}

extension SupervisorLine {
  /// What a mark says of it; nil: it needs none.
  fileprivate var markWords: String? {
    switch self {
    case .desiredState, .desiredRefused, .agentDeploy, .agentTargetFailed, .agentRemoved,
      .illegalEvent:
      words
    case .agentWorkerStop(let facts): facts.isForced ? words : nil
    case .agentWorkerExited(let facts): facts.end.kind == .asked ? nil : words
    case .agentState(let facts): facts.to == .failed ? words : nil
    case .started, .loaded, .agentWorker, .agentTraffic, .adminRequest, .ready, .draining, .stopped:
      nil
    }
  }

  /// What the line says, in a few words. It comes from the log, and may hold anything.
  public var words: String {
    switch self {
    case .started(let version, _, _, let pid, _): return "version \(version), process \(pid)"
    case .desiredState(let facts):
      let parts = [("adds", facts.added), ("changes", facts.changed), ("removes", facts.removed)]
        .filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.joined(separator: ", "))" }
      return "\(facts.source.rawValue) "
        + (parts.isEmpty ? "changes nothing" : parts.joined(separator: "; "))
    case .desiredRefused(let source, let errors):
      return "\(source.rawValue) refused: \(errors.joined(separator: "; "))"
    case .loaded(let agents):
      return agents == 1 ? "1 agent is wanted" : "\(agents) agents are wanted"
    case .agentDeploy(let deployment, let id):
      return "\(deployment.revision)\(id.map { " (\($0))" } ?? "") is wanted, "
        + "\(deployment.cause.rawValue)\(deployment.surge ? "" : ", without a surge")"
    case .agentWorker(let facts):
      return "worker \(facts.worker) of \(facts.revision), process \(facts.pid)"
        + (facts.port.map { ", port \($0)" } ?? "")
    case .agentState(let facts):
      return "\(facts.cause.rawValue)\(facts.worker.map { ", worker \($0)" } ?? "")"
        + (facts.reason.map { ": \($0)" } ?? "")
    case .agentTraffic(_, let from, let to):
      return "traffic goes from \(from.map { "worker \($0)" } ?? "none") to "
        + (to.map { "worker \($0)" } ?? "none")
    case .agentWorkerStop(let facts):
      return "worker \(facts.worker) is \(facts.isForced ? "killed" : "asked to stop"), "
        + facts.cause.rawValue + (facts.reason.map { ": \($0)" } ?? "")
    case .agentWorkerExited(let facts):
      let again = facts.delayMilliseconds.map {
        $0 == 0 ? "; again at once" : "; again in \($0) ms"
      }
      return "worker \(facts.worker) \(facts.how)"
        + (facts.end.reason.map { ": \($0)" } ?? "") + (again ?? "")
    case .agentTargetFailed(_, let revision, let reason): return "\(revision) failed: \(reason)"
    case .agentRemoved: return "nothing of it is left"
    case .adminRequest(let facts): return "\(facts.method) \(facts.path) \(facts.status)"
    case .ready(let ready, let failed, let milliseconds):
      return "\(ready) ready, \(failed) failed after \(milliseconds) ms"
    case .draining(let cause, let inFlight, _): return "\(cause), \(inFlight) in flight"
    case .stopped(let facts): return "\(facts.outcome.rawValue), exit \(facts.exitCode)"
    case .illegalEvent(let phase, let what):
      return "the machine refused \(what) in \(phase.rawValue)"
    }
  }
}
