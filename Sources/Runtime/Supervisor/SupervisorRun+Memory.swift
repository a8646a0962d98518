import ControlPlane
import Lifecycle
import LinuxSystem

/// Memory: before a second worker of an agent, and while they run.
extension SupervisorRun {
  /// What a worker may need beyond what the one that serves uses.
  static let memoryMargin: Int64 = 64 << 20

  /// Whether another worker fits beside the one that serves. Nothing is known of it but that it is
  /// much like that one.
  func hasRoom(beside agent: String) -> Bool {
    guard let number = supervision.agent(agent)?.route, let worker = workers[number],
      let free = FreeMemory.now()
    else { return true }
    let usage = worker.usage { ProcessTable.now() }
    return free.available - free.reserve >= usage.residentBytes + Self.memoryMargin
  }

  /// Looks after memory from now on, every few seconds; one timer for all agents.
  func watchMemory() {
    _ = loop.schedule(at: Clock.now() + MemoryWatch.interval) { [unowned self] in
      guard !isDraining else { return }
      lookAtMemory()
      watchMemory()
    }
  }

  private func lookAtMemory() {
    let free = FreeMemory.now()
    // Without limits and with memory to spare there is nothing to read.
    let isShort = free?.isShort ?? false
    guard isShort || workers.values.contains(where: { $0.release.resources.memoryBytes != nil })
    else { return }
    var table: ProcessTable?
    func processes() -> ProcessTable {
      let found = table ?? ProcessTable.now()
      table = found
      return found
    }
    let samples = supervision.agents.compactMap { agent -> MemoryWatch.Sample? in
      guard let number = agent.route, let worker = workers[number] else { return nil }
      let limit = worker.release.resources.memoryBytes
      var used = worker.usage(processes).residentBytes
      // What several processes share counts for each of them there: asked again, at some cost.
      if let limit, used > limit, worker.place.group?.usage == nil,
        let shared = processes().proportionalBytes(of: worker.pid)
      {
        used = shared
      }
      return MemoryWatch.Sample(
        agent: agent.id, usedBytes: used, limitBytes: limit,
        isHeld: worker.place.group?.holdsMemory == true,
        isSettled: agent.name == .ready && !agent.isChanging)
    }
    for verdict in memoryWatch.look(samples, free: free, at: Clock.now()) {
      switch verdict {
      case .recycle(let agent, let reason):
        warn(of: agent, "agent \(agent) gets a new worker: \(reason.sentence)")
        // A change that began meanwhile brings a new worker as well.
        try? replace(agent, .memory)
      case .kill(let agent, let reason):
        warn(of: agent, "the worker of agent \(agent) is killed: \(reason.sentence)")
        let number = supervision.agent(agent)?.route
        number.flatMap { workers[$0] }?.kill(because: reason.sentence)
      }
    }
  }

  private func warn(of agent: String, _ message: String) {
    log.write(.warning(code: "memory_high", message: message), about: agent)
  }
}
