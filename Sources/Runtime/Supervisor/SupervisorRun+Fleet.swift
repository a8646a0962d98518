import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

/// What the admin API, the config and the page ask for.
extension SupervisorRun: Fleet {
  func refusal(of command: FleetCommand) -> FleetRefusal? {
    guard !isDraining else { return .draining }
    switch command {
    case .deploy(let id, let cause):
      guard let agent = supervision.agent(id) else {
        let limit = FleetLimits.agents
        return supervision.agents.count < limit ? nil : .tooManyAgents(limit)
      }
      return cause == .config || cause == .start ? nil : refusalOfChange(agent)
    case .remove(let id, let cause):
      guard let agent = supervision.agent(id) else { return .unknownAgent(id) }
      return cause == .config ? nil : refusalOfChange(agent)
    case .restart(let id):
      guard let agent = supervision.agent(id) else { return .unknownAgent(id) }
      return refusalOfChange(agent)
    }
  }

  private func refusalOfChange(_ agent: SupervisedAgent) -> FleetRefusal? {
    if agent.name == .draining { return .changing(agent.id, to: nil) }
    guard agent.isChanging else { return nil }
    return .changing(agent.id, to: agent.target?.deployment.revision ?? agent.active?.revision)
  }

  func deploy(_ release: AgentRelease, cause: DeploymentCause) throws(FleetRefusal) {
    if let refusal = refusal(of: .deploy(release.agent, cause)) { throw refusal }
    releases[release.agent, default: [:]][release.revision] = release
    desire(release, cause)
    forgetReleases(of: release.agent)
  }

  func restart(_ agent: String) throws(FleetRefusal) { try replace(agent, .restart) }

  /// A rolling change to the same version.
  func replace(_ agent: String, _ cause: DeploymentCause) throws(FleetRefusal) {
    if let refusal = refusal(of: .restart(agent)) { throw refusal }
    guard let known = supervision.agent(agent), let release = release(of: known) else {
      throw .unknownAgent(agent)
    }
    desire(release, cause)
  }

  func remove(_ agent: String, cause: DeploymentCause) throws(FleetRefusal) {
    if let refusal = refusal(of: .remove(agent, cause)) { throw refusal }
    send(.removed(agent: agent))
  }

  func desiredStateIsLoaded() {
    send(.loaded) { step in
      .supervisor(.loaded(agents: self.supervision.agents.count))
    }
  }

  private func desire(_ release: AgentRelease, _ cause: DeploymentCause) {
    let deployment = Deployment(
      agent: release.agent, revision: release.revision,
      restarts: RestartIntensity(
        maximum: release.restartsMaximum, window: release.restartsWindow), cause: cause,
      surge: configuration.surge && hasRoom(beside: release.agent))
    send(.desired(deployment)) { _ in
      .supervisor(.agentDeploy(deployment, deploymentID: release.deploymentID))
    }
  }

  /// The version that serves, or the one that failed last.
  private func release(of agent: SupervisedAgent) -> AgentRelease? {
    let revision = agent.active?.revision ?? agent.target?.deployment.revision
    return revision.flatMap { releases[agent.id]?[$0] }
  }

  /// Keeps what the machine may still start.
  private func forgetReleases(of id: String) {
    guard let agent = supervision.agent(id) else { return }
    var kept = Set(
      [agent.active?.revision, agent.target?.deployment.revision, agent.previous].compactMap(\.self)
    )
    kept.formUnion(agent.workers.compactMap { workers[$0]?.release.revision })
    releases[id] = releases[id]?.filter { kept.contains($0.key) }
  }

  // MARK: View

  var phase: FleetView.Phase {
    switch supervision.phase.name {
    case .starting: .starting
    case .serving: .serving
    case .draining: .draining
    case .stopped: .stopped
    }
  }

  func view(usage: Bool) -> FleetView {
    let table = usage ? ProcessTable.now() : nil
    return FleetView(
      version: version, runID: runID, phase: phase, startedAt: startedAtWall,
      uptime: Clock.now() - .start, isolation: places.level.rawValue,
      inFlight: dataPlane?.inFlight ?? 0,
      port: listeners.rest.port, a2aPort: listeners.a2a.port,
      desired: desired?.view ?? DesiredView(hasToken: configuration.token != nil),
      agents: supervision.agents.map(view(of:)),
      workers: workers.values.sorted { $0.number < $1.number }.map { view(of: $0, table) })
  }

  private func view(of agent: SupervisedAgent) -> AgentView {
    let record = records[agent.id]
    let target = agent.target.map {
      AgentView.Target(
        version: version(agent.id, $0.deployment.revision, worker: $0.worker),
        state: $0.state, reason: $0.reason.map { told($0, record) }, worker: $0.worker)
    }
    return AgentView(
      id: agent.id, state: agent.name, since: record?.since ?? 0,
      reason: agent.reason.map { told($0, record) } ?? target?.reason
        ?? (agent.name == .ready ? nil : record?.reason),
      isFromConfig: desired?.isFromConfig(agent.id) ?? false,
      active: agent.active.map { version(agent.id, $0.revision, worker: agent.route) },
      activeWorker: agent.route, target: target,
      previous: desired?.previous(of: agent.id)
        ?? agent.previous.map { version(agent.id, $0, worker: nil) },
      isChanging: agent.isChanging, restartsInWindow: agent.active?.restarts(at: now) ?? 0,
      restartsMaximum: release(of: agent)?.restartsMaximum ?? 0, restarts: record?.restarts ?? [],
      traffic: record.map { traffic($0) } ?? AgentView.Traffic())
  }

  /// A reason of the machine's, with what everybody may know of it.
  private func told(_ sentence: String, _ record: AgentRecord?) -> AgentReason {
    [record?.reason, record?.targetReason].compactMap(\.self).first { $0.sentence == sentence }
      ?? AgentReason(sentence, summary: AgentReason.untold)
  }

  private func traffic(_ record: AgentRecord) -> AgentView.Traffic {
    guard let reading = dataPlane?.reading(of: record.backend) else { return AgentView.Traffic() }
    func microseconds(_ part: Double) -> Int? {
      reading.latency(part: part).map { Int($0 / 1000) }
    }
    return AgentView.Traffic(
      inFlight: reading.inFlight, requests: reading.responses.reduce(0, +),
      errors: reading.responses.last ?? 0, medianMicroseconds: microseconds(0.5),
      p99Microseconds: microseconds(0.99))
  }

  private func version(_ agent: String, _ revision: String, worker: Int?) -> AgentView.Version {
    let release = releases[agent]?[revision]
    let package = worker.flatMap { workers[$0]?.testimony.package }
    return AgentView.Version(
      revision: revision, deploymentID: release?.deploymentID,
      package: release?.package.redacted ?? "", packageSHA256: release?.packageSHA256,
      name: package?.name, version: package?.version)
  }

  /// - Parameter table: nil: without what it uses.
  private func view(of worker: FleetWorker, _ table: ProcessTable?) -> WorkerView {
    let usage = table.map { table in worker.usage { table } }
    let agent = supervision.agent(worker.agent)
    let role: WorkerView.Role =
      worker.number == agent?.route
      ? .active
      : agent?.retiring.contains { $0.worker == worker.number } == true
        ? .retiring
        : agent?.active == nil || agent?.target?.worker != worker.number ? .active : .target
    let testimony = worker.testimony
    return WorkerView(
      number: worker.number, agent: worker.agent, role: role, revision: worker.release.revision,
      runID: testimony.runID, pid: worker.pid, port: worker.address.port, state: testimony.state,
      startedAt: worker.startedAtWall, bootMilliseconds: testimony.bootMilliseconds,
      phases: testimony.phases(at: (Clock.now() - worker.startedAt).milliseconds),
      attempts: testimony.restarts, rssBytes: usage?.residentBytes, cpuSeconds: usage?.cpuSeconds,
      memoryLimit: worker.release.resources.memoryBytes)
  }
}
