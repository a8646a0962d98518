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
    guard let number = supervision.agent(agent)?.route, let worker = workers[number] else {
      return true
    }
    let now = Clock.now()
    // Many agents change at once when a config does: one look is for all of them.
    if surgeRoom?.isFresh(at: now) != true { surgeRoom = lookForRoom(at: now) }
    let table = surgeRoom?.table ?? ProcessTable([:])
    let wanted = worker.usage { table }.residentBytes + Self.memoryMargin
    return surgeRoom?.take(wanted) ?? true
  }

  private func lookForRoom(at now: Instant) -> SurgeRoom {
    let table = ProcessTable.now()
    func used(_ number: Int?) -> Int64 {
      number.flatMap { workers[$0] }?.usage { table }.residentBytes ?? 0
    }
    // What boots beside another is still to grow to its size.
    let promised = supervision.agents.reduce(Int64(0)) { sum, agent in
      guard agent.isChanging, let serving = agent.route, let target = agent.target else {
        return sum
      }
      return sum + max(0, used(serving) + Self.memoryMargin - used(target.worker))
    }
    return SurgeRoom(free: FreeMemory.now(), table: table, promised: promised, at: now)
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
