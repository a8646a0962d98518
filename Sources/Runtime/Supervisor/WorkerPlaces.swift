import AgentPackages
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Where workers run: as whom, on which sockets, within which limits. On the main thread.
final class WorkerPlaces {
  /// Where one worker runs.
  struct Place {
    let address: FleetWorker.Address
    /// What it is passed to listen on, with names; closed once it has them.
    let sockets: [(name: String, descriptor: Int32)]
    /// Over what the supervisor gives every worker.
    let environment: [String: String]
    let confinement: Confinement
    /// nil: no control group holds it.
    let group: WorkerGroup?
    let user: UserIdentity?

    func closeSockets() {
      for socket in sockets { closeDescriptor(socket.descriptor) }
    }
  }

  /// Why there is no place for a worker; one sentence.
  struct Failure: Error {
    let reason: String
  }

  /// As the status calls it.
  let level: Isolation.Level
  private let isolation: Isolation
  private let groups: WorkerGroups?
  private var ports: WorkerPorts
  /// For the sockets of workers whose agents have users of their own; nil: they have ports.
  private let socketFolder: String?
  private var hasSocketFolder = false
  /// Groups whose last processes are still to go.
  private var leaving: [WorkerGroup] = []
  /// Each with code and sentence.
  let warnings: [(code: String, message: String)]

  init(_ configuration: SupervisorConfiguration, runID: String) {
    var warnings: [(code: String, message: String)] = []
    let host = HostLocation.find()
    isolation = Isolation(
      stateFolder: configuration.stateFolder, files: host.map { [$0.startFile] } ?? [],
      programs: ["/proc/self/exe"] + (host.map { [$0.python] } ?? []))
    if let problem = isolation.problem {
      warnings.append(
        (
          "isolation_none",
          "agents cannot have users of their own, and run as the supervisor's: \(problem)"
        ))
    }
    level = isolation.level
    do throws(WorkerGroups.Unavailable) {
      groups = try WorkerGroups(runID: runID)
    } catch {
      // Where the operator asks for limits a worker's start says so.
      groups = nil
    }
    ports = WorkerPorts(first: configuration.workerPortBase)
    let folder = configuration.stateFolder + "/sockets"
    let isUnix = level == .user && !configuration.workerTCP
    if isUnix, folder.utf8.count + Self.longestName.utf8.count >= 108 {
      warnings.append(
        (
          "sockets_tcp",
          "\(folder) is too long for the name of a socket: workers listen on ports instead"
        ))
      socketFolder = nil
    } else {
      socketFolder = isUnix ? folder : nil
    }
    self.warnings = warnings
  }

  /// The longest name of a socket.
  private static let longestName = "/1000000.rest"

  // MARK: A worker's place

  func make(_ number: Int, _ release: AgentRelease) throws(Failure) -> Place {
    let agent: AgentPlace
    do throws(SystemError) {
      agent = try isolation.place(agent: release.agent)
    } catch {
      throw Failure(reason: "agent \(release.agent) has no place to run: \(error)")
    }
    var limits = ResourceLimits(memory: release.resources.memoryBytes)
    if let shares = release.resources.cpuShares { limits.cpuShares = shares }
    let (address, sockets) = try open(number)
    // Where the group cannot be made the limits are kept as far as they can be without.
    let group = try? groups?.make(worker: number, limits: limits)
    return Place(
      address: address, sockets: sockets, environment: agent.environment,
      confinement: agent.confinement(group, limits), group: group, user: agent.user)
  }

  private func open(
    _ number: Int
  ) throws(Failure) -> (FleetWorker.Address, [(name: String, descriptor: Int32)]) {
    guard let socketFolder else {
      do throws(WorkerPorts.Failure) {
        let listener = try ports.open()
        return (.port(listener.port), [("rest", listener.descriptor)])
      } catch {
        throw Failure(reason: error.explanation.error)
      }
    }
    do throws(SystemError) {
      try makeSocketFolder(socketFolder)
      let rest = try WorkerSocket(folder: socketFolder, name: "\(number).rest")
      let path = rest.path
      do throws(SystemError) {
        let a2a = try WorkerSocket(folder: socketFolder, name: "\(number).a2a")
        return (.unix(path), [("rest", rest.descriptor), ("a2a", a2a.descriptor)])
      } catch {
        rest.close()
        throw error
      }
    } catch {
      throw Failure(reason: "the sockets of a worker cannot be opened: \(error)")
    }
  }

  /// Only the supervisor's user enters it. What a supervisor that was killed left there goes: the state
  /// folder is this one's alone by now.
  private func makeSocketFolder(_ folder: String) throws(SystemError) {
    guard !hasSocketFolder else { return }
    removeTree(folder)
    guard mkdir(folder, 0o700) == 0 else { throw SystemError("mkdir", folder) }
    hasSocketFolder = true
  }

  // MARK: Its end

  /// A worker has ended.
  ///
  /// - Parameter isLast: no other worker of its agent lives.
  func release(_ place: Place, isLast: Bool) {
    switch place.address {
    case .port(let port): ports.release(port)
    case .unix(let path):
      WorkerSocket.remove(path)
      WorkerSocket.remove(String(path.dropLast("rest".count)) + "a2a")
    }
    if let group = place.group {
      group.kill()
      if !group.remove() { leaving.append(group) }
    }
    if isLast, let user = place.user { AdoptedProcesses.kill(of: user) }
  }

  /// Some process has ended: a group may be empty now.
  func sweep() { leaving.removeAll { $0.remove() } }

  /// Nothing of an agent is left, and nobody wants it any more.
  func forget(_ agent: String) { isolation.remove(agent: agent) }

  /// Every worker has ended.
  func close() {
    sweep()
    groups?.close()
    if hasSocketFolder, let socketFolder { removeTree(socketFolder) }
  }
}
