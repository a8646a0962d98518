import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// Where the workers of one supervisor run, and within which bounds: what Isolation/ does for the
/// driver. To be used on the main thread.
final class Containment {
  /// Where a worker is to be started. Its sockets are the caller's to close when it has them.
  struct Place {
    let address: FleetWorker.Address
    let sockets: [Int32]
    /// Their names for `LISTEN_FDNAMES`.
    let socketNames: [String]
    /// Above whatever else its environment says.
    let environment: [String: String]
    let confinement: Confinement
  }

  /// What is kept of a worker until it has ended.
  private struct Occupant {
    let agent: String
    let user: UserIdentity?
    let group: WorkerGroup?
    let limits: ResourceLimits
    let paths: [String]
    let port: UInt16?
  }

  private let isolation: Isolation
  private let groups: WorkerGroups?
  private let groupsProblem: WorkerGroups.Unavailable?
  private let socketFolder: String?
  private var ports: WorkerPorts
  private var occupants: [Int: Occupant] = [:]
  private var memory = MemoryWatch()

  /// - Parameters:
  ///   - ports: for workers that have no Unix sockets.
  ///   - wantsPorts: `SUPERVISOR_WORKER_TCP`.
  init(
    isolation: Isolation, stateFolder: String, runID: String, ports: WorkerPorts, wantsPorts: Bool
  ) {
    self.isolation = isolation
    self.ports = ports
    do throws(WorkerGroups.Unavailable) {
      groups = try WorkerGroups(runID: runID)
      groupsProblem = nil
    } catch {
      groups = nil
      groupsProblem = error
    }
    socketFolder =
      isolation.level == .user && !wantsPorts
      ? Self.makeSocketFolder(stateFolder: stateFolder, runID: runID) : nil
  }

  /// As `/supervisor/status` calls it.
  var level: Isolation.Level { isolation.level }

  /// What the log is to be told at the start.
  var warnings: [(code: String, message: String)] {
    guard let problem = isolation.problem else { return [] }
    return [
      (
        code: "isolation",
        message: "agents run as the supervisor's own user, root, and can reach each other: "
          + problem
      )
    ]
  }

  /// How the bounds of agents are held, in words: for the log and the page.
  var bounds: String {
    guard let groups else {
      let why = groupsProblem.map { ": " + $0.reason } ?? ""
      return "memory is measured and each process limited" + why
    }
    let held = groups.controllers.sorted().joined(separator: ", ")
    return held.isEmpty
      ? "memory is measured; a control group for each worker, without controllers"
      : "a control group for each worker, with \(held)"
  }

  // MARK: Workers

  /// - Throws: `WorkerPorts.Failure` or `SystemError`.
  func place(_ worker: Int, _ release: AgentRelease) throws -> Place {
    let place = try isolation.place(agent: release.agent)
    let limits = ResourceLimits(release.resources)
    // Without a group of its own it is measured like all where there are none.
    let group = try? groups?.make(worker: worker, limits: limits)
    var paths: [String] = []
    var sockets: [Int32] = []
    let address: FleetWorker.Address
    var port: UInt16?
    if let socketFolder {
      do {
        for name in ["rest", "a2a"] {
          let socket = try WorkerSocket(folder: socketFolder, name: "\(worker).\(name)")
          paths.append(socket.path)
          sockets.append(socket.descriptor)
        }
      } catch {
        for socket in sockets { closeDescriptor(socket) }
        group?.remove()
        throw error
      }
      address = .unix(paths[0])
    } else {
      let listener = try ports.open()
      (sockets, port, address) = ([listener.descriptor], listener.port, .port(listener.port))
    }
    occupants[worker] = Occupant(
      agent: release.agent, user: place.user, group: group, limits: limits, paths: paths, port: port
    )
    return Place(
      address: address, sockets: sockets, socketNames: paths.isEmpty ? ["rest"] : ["rest", "a2a"],
      environment: place.environment, confinement: place.confinement(group, limits))
  }

  /// A worker was not started, or has ended and is reaped. What it left of processes is killed.
  ///
  /// - Returns: whether memory ran out in its control group.
  @discardableResult
  func ended(_ worker: Int) -> Bool {
    guard let occupant = occupants.removeValue(forKey: worker) else { return false }
    let ranOut = (occupant.group?.outOfMemoryKills ?? 0) > 0
    occupant.group?.kill()
    let isLast = !occupants.values.contains { $0.agent == occupant.agent }
    if let user = occupant.user, isLast { AdoptedProcesses.kill(of: user) }
    for path in occupant.paths { WorkerSocket.remove(path) }
    if let port = occupant.port { ports.release(port) }
    occupant.group?.remove()
    return ranOut
  }

  /// Ends everything of a worker at once, where the kernel can; false: it has to be killed.
  func kill(_ worker: Int) -> Bool {
    guard let group = occupants[worker]?.group else { return false }
    group.kill()
    return true
  }

  /// An agent is gone for good.
  func forget(agent: String) {
    if !occupants.values.contains(where: { $0.agent == agent }) { isolation.remove(agent: agent) }
  }

  /// The supervisor ends; no worker is left.
  func close() {
    groups?.close()
    if let socketFolder { removeTree(socketFolder) }
  }

  // MARK: Memory

  /// What a worker uses.
  ///
  /// - Parameter table: of now, for all workers that are asked about.
  func usage(of worker: Int, pid: Int32, _ table: ProcessTable) -> TreeUsage {
    occupants[worker]?.group?.usage ?? table.usage(of: pid)
  }

  /// A worker as the watch is told of it.
  struct Watched {
    let worker: Int
    let pid: Int32
    let agent: String
    /// It is Ready, and no change of its agent is under way.
    let isSettled: Bool
  }

  /// To be called every `MemoryWatch.interval` with the workers that serve.
  func watch(_ workers: [Watched], at now: Instant) -> [MemoryWatch.Verdict] {
    let free = FreeMemory.now()
    let isLimited = workers.contains { occupants[$0.worker]?.limits.memory != nil }
    // Without limits nobody need be looked at while there is memory.
    guard isLimited || free?.isShort == true else { return [] }
    let table = ProcessTable.now()
    let samples = workers.map { watched in
      let occupant = occupants[watched.worker]
      let limit = occupant?.limits.memory
      var used = usage(of: watched.worker, pid: watched.pid, table).residentBytes
      // Pages that several processes share count for each of them there.
      if let limit, used > limit, occupant?.group?.usage == nil,
        let shared = table.proportionalBytes(of: watched.pid)
      {
        used = shared
      }
      return MemoryWatch.Sample(
        agent: watched.agent, usedBytes: used, limitBytes: limit,
        isHeld: occupant?.group?.holdsMemory == true, isSettled: watched.isSettled)
    }
    return memory.look(samples, free: free, at: now)
  }

  /// What a worker is taken to need when nothing is known of it.
  static let usualMemory: Int64 = 128 << 20

  /// Whether another worker of an agent fits beside the one that serves.
  ///
  /// - Parameter pid: of the one that serves; nil: none does.
  func hasRoom(for release: AgentRelease, besides worker: (number: Int, pid: Int32)?) -> Bool {
    guard let free = FreeMemory.now() else { return true }
    let used = worker.map { usage(of: $0.number, pid: $0.pid, .now()).residentBytes }
    let need = min(
      release.resources.memoryBytes ?? .max, max(used ?? 0, Self.usualMemory))
    return free.available - need > free.reserve
  }

  // MARK: Sockets

  /// Below the state folder, which no other supervisor uses; elsewhere when that makes too long a
  /// name for a socket.
  private static func makeSocketFolder(stateFolder: String, runID: String) -> String? {
    let folder = stateFolder + "/sockets"
    guard (folder + "/1000000.rest").utf8.count < 108 else {
      let other = "/tmp/par-sockets-" + runID
      return mkdir(other, 0o700) == 0 ? other : nil
    }
    removeTree(folder)
    return mkdir(folder, 0o700) == 0 ? folder : nil
  }
}

extension ResourceLimits {
  init(_ resources: AgentRelease.Resources) {
    self.init(memory: resources.memoryBytes, cpuShares: resources.cpuShares ?? Self.usualShares)
  }
}
