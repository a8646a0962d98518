import AgentPackages
import ControlPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

/// What becomes of workers that use too much, and of those that have to go at once.
extension SupervisorRun {
  /// Ends a worker and everything that it started.
  func kill(_ worker: Int) {
    workers[worker]?.kill()
    _ = containment.kill(worker)
  }

  /// Looks at the memory of the workers that serve, now and every few seconds from here on.
  func watchMemory() {
    let verdicts = containment.watch(watched, at: now)
    for verdict in verdicts { follow(verdict) }
    _ = loop.schedule(at: Clock.now() + MemoryWatch.interval) { [unowned self] in watchMemory() }
  }

  private var watched: [Containment.Watched] {
    supervision.agents.compactMap { agent in
      guard let number = agent.route, let worker = workers[number] else { return nil }
      return Containment.Watched(
        worker: number, pid: worker.pid, agent: agent.id,
        isSettled: agent.name == .ready && !agent.isChanging && !isClosing)
    }
  }

  private func follow(_ verdict: MemoryWatch.Verdict) {
    switch verdict {
    case .recycle(let id, let reason):
      guard refusal(of: .restart(id)) == nil, let agent = supervision.agent(id),
        let release = release(of: agent)
      else { return }
      log.write(
        .warning(
          code: "memory",
          message: "agent \(id) is replaced by another worker of the same version: "
            + reason.sentence), about: id)
      desire(release, .memory)
    case .kill(let id, let reason):
      guard let worker = supervision.agent(id)?.route else { return }
      log.write(
        .warning(
          code: "memory", message: "the worker of agent \(id) is killed: \(reason.sentence)"),
        about: id)
      kill(worker)
    }
  }
}

extension Containment {
  convenience init(_ configuration: SupervisorConfiguration, runID: String) {
    let host = HostLocation.find()
    self.init(
      isolation: Isolation(
        stateFolder: configuration.stateFolder, files: host.map { [$0.startFile] } ?? [],
        programs: ["/proc/self/exe"] + (host.map { [$0.python] } ?? [])),
      stateFolder: configuration.stateFolder, runID: runID,
      ports: WorkerPorts(first: configuration.workerPortBase),
      wantsPorts: configuration.workerTCP)
  }
}
