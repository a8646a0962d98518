import LinuxSystem

/// What the kernel tells of this process's control group (cgroups(7)).
package enum ControlGroup {
  /// How many processes of the group the out-of-memory killer ended so far; nil without one.
  package static func oomKills() -> Int? {
    guard let own = readFile("/proc/self/cgroup") else { return nil }
    // Each line is `number:controllers:path`; version 2 has the number 0 and no controllers.
    for line in String(decoding: own, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let files =
        if parts[1].isEmpty {
          ["/sys/fs/cgroup\(parts[2])/memory.events", "/sys/fs/cgroup/memory.events"]
        } else if parts[1].split(separator: ",").contains("memory") {
          // In a container the path may be the host's, and the group is what is mounted.
          [
            "/sys/fs/cgroup/memory\(parts[2])/memory.oom_control",
            "/sys/fs/cgroup/memory/memory.oom_control",
          ]
        } else {
          [String]()
        }
      for file in files {
        if let kills = readFile(file).flatMap(count(in:)) { return kills }
      }
    }
    return nil
  }

  private static func count(in text: [UInt8]) -> Int? {
    String(decoding: text, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix("oom_kill ") }
      .flatMap { Int($0.dropFirst("oom_kill ".count)) }
  }
}
