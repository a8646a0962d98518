import CPlatform
import Glibc
import LinuxSystem

/// The control group of one worker and everything that it starts.
package final class WorkerGroup {
  /// How many processes and threads it may have (pids.max): more is a mistake in the agent.
  package static let tasks = 4096

  private let folder: String
  /// `cgroup.procs`, for `Confinement.controlGroup`.
  package let processes: Int32
  /// Whether it holds the worker to a limit of memory.
  package let holdsMemory: Bool
  /// Whether it gives the worker its share of the processors.
  package let weighsProcessors: Bool
  private let hasMemory: Bool

  init(folder: String, limits: ResourceLimits, _ controllers: Set<String>) throws(SystemError) {
    self.folder = folder
    guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw SystemError("mkdir", folder) }
    hasMemory = controllers.contains("memory")
    holdsMemory = hasMemory && limits.memory != nil
    weighsProcessors = controllers.contains("cpu")
    do throws(SystemError) {
      if hasMemory, let memory = limits.memory {
        try KernelFile.write(String(memory), to: folder + "/memory.max")
      }
      if weighsProcessors {
        try KernelFile.write(String(limits.cpuWeight), to: folder + "/cpu.weight")
      }
      if controllers.contains("pids") {
        try KernelFile.write(String(Self.tasks), to: folder + "/pids.max")
      }
      processes = par_open(folder + "/cgroup.procs", O_WRONLY, 0)
      guard processes >= 0 else { throw SystemError("open", folder + "/cgroup.procs") }
    } catch {
      rmdir(folder)
      throw error
    }
  }

  deinit { closeDescriptor(processes) }

  /// What the kernel counts; nil without the memory controller. Files that it only keeps because
  /// nobody else wants the memory are not the agent's.
  package var usage: TreeUsage? {
    guard hasMemory, let current = readFile(folder + "/memory.current"),
      let bytes = Int64(String(decoding: current, as: UTF8.self).split(separator: "\n").first ?? "")
    else { return nil }
    var usage = TreeUsage()
    let inactive = keyed("memory.stat")?["inactive_file"] ?? 0
    usage.residentBytes = max(0, bytes - inactive)
    usage.cpuSeconds = Double(keyed("cpu.stat")?["usage_usec"] ?? 0) / 1e6
    usage.processes =
      readFile(folder + "/cgroup.procs").map { $0.count { $0 == UInt8(ascii: "\n") } } ?? 0
    return usage
  }

  /// How many of its processes the kernel ended because memory ran out, here or around it.
  package var outOfMemoryKills: Int64 { keyed("memory.events")?["oom_kill"] ?? 0 }

  /// Ends everything in it at once: nobody can start another process meanwhile.
  package func kill() {
    do throws(SystemError) {
      try KernelFile.write("1", to: folder + "/cgroup.kill")
    } catch {
      // Before Linux 5.14: one after the other.
      let members = readFile(folder + "/cgroup.procs").map { String(decoding: $0, as: UTF8.self) }
      for pid in members?.split(separator: "\n").compactMap({ Int32($0) }) ?? [] {
        Glibc.kill(pid, SIGKILL)
      }
    }
  }

  /// False while something in it still lives.
  @discardableResult
  package func remove() -> Bool { rmdir(folder) == 0 || errno == ENOENT }

  private func keyed(_ file: String) -> KeyedLines? {
    readFile(folder + "/" + file).map { KeyedLines($0) }
  }
}
