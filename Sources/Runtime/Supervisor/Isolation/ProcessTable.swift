import CPlatform
import Glibc
import LinuxSystem

/// The processes of this machine at one moment (proc_pid_stat(5)): who is whose child, and what each
/// uses. One pass over `/proc`, whatever the number of workers that are asked for.
package struct ProcessTable: Sendable {
  struct Entry: Sendable, Equatable {
    var parent: Int32
    var residentBytes: Int64
    /// Of the process and of its children that it has reaped, in clock ticks.
    var cpuTicks: Int64
  }

  private let entries: [Int32: Entry]
  private let children: [Int32: [Int32]]
  private let ticksPerSecond: Double

  init(_ entries: [Int32: Entry], ticksPerSecond: Double = 100) {
    self.entries = entries
    self.ticksPerSecond = ticksPerSecond
    children = Dictionary(grouping: entries.keys) { entries[$0]?.parent ?? 0 }
  }

  /// As it is now. A process that ends meanwhile is left out.
  package static func now() -> ProcessTable {
    let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
    var entries: [Int32: Entry] = [:]
    for name in folderNames("/proc") {
      guard let pid = Int32(name), let text = readFile("/proc/\(name)/stat", limit: 4096) else {
        continue
      }
      entries[pid] = Entry(stat: text, pageBytes: page)
    }
    return ProcessTable(entries, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))))
  }

  /// A process and everything below it; nothing when it is gone.
  package func usage(of root: Int32) -> TreeUsage {
    var usage = TreeUsage()
    var ticks: Int64 = 0
    var left = [root]
    while let pid = left.popLast() {
      guard let entry = entries[pid] else { continue }
      usage.residentBytes += entry.residentBytes
      usage.processes += 1
      ticks += entry.cpuTicks
      left += children[pid] ?? []
    }
    usage.cpuSeconds = Double(ticks) / ticksPerSecond
    return usage
  }

  /// What a process and everything below it have of memory, each page that several share counted once
  /// (proc_pid_smaps(5)). Slower by far than `usage`; nil where the kernel does not let us ask.
  package func proportionalBytes(of root: Int32) -> Int64? {
    var (sum, left) = (Int64(0), [root])
    while let pid = left.popLast() {
      guard entries[pid] != nil else { continue }
      left += children[pid] ?? []
      guard let text = readFile("/proc/\(pid)/smaps_rollup", limit: 16384) else {
        // One that has ended meanwhile has nothing.
        if FileKind("/proc/\(pid)") == .missing { continue }
        return nil
      }
      sum += (KeyedLines(text)["Pss:"] ?? 0) << 10
    }
    return sum
  }
}

extension ProcessTable.Entry {
  /// The line of /proc/PID/stat; nil when it is none.
  init?(stat text: [UInt8], pageBytes: Int64) {
    // The name is in parentheses and may hold anything, parentheses too.
    guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    // The field behind the name is number 3, the state.
    let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
    func field(_ number: Int) -> Int64? {
      let index = number - 3
      guard index < fields.count else { return nil }
      return Int64(String(decoding: fields[index], as: UTF8.self))
    }
    guard let parent = field(4), let user = field(14), let system = field(15),
      let reapedUser = field(16), let reapedSystem = field(17), let pages = field(24)
    else { return nil }
    self.init(
      parent: Int32(truncatingIfNeeded: parent), residentBytes: pages * pageBytes,
      cpuTicks: user + system + reapedUser + reapedSystem)
  }
}
