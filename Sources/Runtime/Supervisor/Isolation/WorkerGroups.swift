import CPlatform
import Glibc
package import LinuxSystem

/// Control groups of version 2 (cgroups(7)), one for each worker, below the supervisor's own group.
///
/// The supervisor moves itself, and who else is in its group, into a group `supervisor` beside them,
/// since a group that passes controllers on may hold no processes.
package final class WorkerGroups {
  /// Why there are none.
  package enum Unavailable: Error, Equatable, Sendable {
    case notMounted
    /// Somebody else manages the group that the supervisor is in.
    case notDelegated(String)
    case refused(SystemError)

    /// The middle of a sentence.
    package var reason: String {
      switch self {
      case .notMounted: "no control groups of version 2 are mounted"
      case .notDelegated(let group): "the control group \(group) is not delegated to it"
      case .refused(let error): "\(error)"
      }
    }
  }

  static let controllers = ["memory", "cpu", "pids"]
  static let leaf = "supervisor"

  /// Which of memory, cpu and pids limit something here. Without them a group still knows its
  /// processes and kills them all at once.
  package let controllers: Set<String>
  private let folder: String
  private let prefix: String

  /// - Parameter runID: of the supervisor, so that two in the same group do not meet.
  package init(runID: String) throws(Unavailable) {
    guard let path = ControlGroupPath.find() else { throw .notMounted }
    folder = path.group
    prefix = "par-\(runID.prefix(12))-"
    guard Self.isOurs(folder) else { throw .notDelegated(folder) }
    do throws(SystemError) {
      controllers = try Self.settle(in: folder)
    } catch {
      throw .refused(error)
    }
    removeStale()
  }

  /// Groups without processes, of supervisors that were killed. One that was made just now may be
  /// another supervisor's, whose worker is still to come.
  private func removeStale() {
    for name in folderNames(folder) where name.hasPrefix("par-") {
      var status = stat()
      guard stat(folder + "/" + name, &status) == 0 else { continue }
      if time(nil) - status.st_ctim.tv_sec > Self.staleAfter { rmdir(folder + "/" + name) }
    }
  }

  /// In seconds.
  static let staleAfter = 60

  /// Removes what is left of them, and the supervisor's own.
  package func close() {
    for name in folderNames(folder) where name.hasPrefix(prefix) { rmdir(folder + "/" + name) }
  }

  /// A group for a worker that is about to start.
  package func make(worker: Int, limits: ResourceLimits) throws(SystemError) -> WorkerGroup {
    try WorkerGroup(folder: folder + "/" + prefix + String(worker), limits: limits, controllers)
  }

  /// Delegated by systemd, which marks it; the top of a container's own; or the machine's top where
  /// nobody manages the groups.
  private static func isOurs(_ folder: String) -> Bool {
    guard access(folder + "/cgroup.procs", W_OK) == 0 else { return false }
    if par_has_attribute(folder, "trusted.delegate") || par_has_attribute(folder, "user.delegate") {
      return true
    }
    let isTop = readFile("/proc/self/cgroup").map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n").contains("0::/")
    }
    return isTop == true && FileKind("/run/systemd/system") != .folder
  }

  private static func settle(in folder: String) throws(SystemError) -> Set<String> {
    // The machine's top, which has no type, may hold processes; they stay.
    if FileKind(folder + "/cgroup.type") != .missing {
      let own = folder + "/" + leaf
      guard mkdir(own, 0o755) == 0 || errno == EEXIST else { throw SystemError("mkdir", own) }
      let members = readFile(folder + "/cgroup.procs").map { String(decoding: $0, as: UTF8.self) }
      for pid in members?.split(separator: "\n") ?? [] {
        // Whoever ended meanwhile need not be moved.
        try? KernelFile.write(String(pid), to: own + "/cgroup.procs")
      }
      try KernelFile.write("0", to: own + "/cgroup.procs")
    }
    var enabled: Set<String> = []
    for controller in controllers {
      do throws(SystemError) {
        try KernelFile.write("+" + controller, to: folder + "/cgroup.subtree_control")
        enabled.insert(controller)
      } catch {
        continue  // not offered here: the others may be
      }
    }
    return enabled
  }
}

/// Files of the kernel's, which take a word at a time.
enum KernelFile {
  static func write(_ text: String, to path: String) throws(SystemError) {
    let fd = par_open(path, O_WRONLY, 0)
    guard fd >= 0 else { throw SystemError("open", path) }
    defer { closeDescriptor(fd) }
    let bytes = Array(text.utf8)
    guard Glibc.write(fd, bytes, bytes.count) == bytes.count else {
      throw SystemError("write \(text) to", path)
    }
  }
}
