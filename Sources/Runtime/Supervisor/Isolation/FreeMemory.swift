import LinuxSystem

/// How much memory is left for another agent, seen by the one whose limit is nearest: the machine or
/// a control group around the supervisor.
package struct FreeMemory: Sendable, Equatable {
  /// What can be had without anybody being killed, in bytes: free, or kept only as a cache of files.
  package var available: Int64
  /// What there is in all, in bytes.
  package var total: Int64

  package init(available: Int64, total: Int64) {
    self.available = available
    self.total = total
  }

  /// What is to stay free: below it the kernel may soon have to kill somebody.
  package var reserve: Int64 { total / 20 }
  package var isShort: Bool { available < reserve }

  /// nil when the kernel does not tell.
  ///
  /// - Parameter root: where `proc` and `sys` are; another one in tests.
  package static func now(root: String = "") -> FreeMemory? {
    var found = meminfo(root)
    for bound in ControlGroupPath.memoryBounds(root: root) {
      let total = min(bound.total, found?.total ?? .max)
      found = FreeMemory(
        available: min(bound.available, found?.available ?? .max), total: total)
    }
    return found
  }

  private static func meminfo(_ root: String) -> FreeMemory? {
    guard let text = readFile(root + "/proc/meminfo") else { return nil }
    let lines = KeyedLines(text)
    guard let available = lines["MemAvailable:"], let total = lines["MemTotal:"] else { return nil }
    return FreeMemory(available: available << 10, total: total << 10)
  }
}

/// A file of the kernel's with a name and a number on each line.
struct KeyedLines {
  private var values: [Substring: Int64] = [:]

  init(_ text: [UInt8]) {
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      if words.count >= 2, let value = Int64(words[1]) { values[words[0]] = value }
    }
  }

  subscript(name: String) -> Int64? { values[Substring(name)] }
}
