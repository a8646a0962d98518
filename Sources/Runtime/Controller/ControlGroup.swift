import LinuxSystem

/// What the kernel tells of this process's control group (cgroups(7), version 2).
enum ControlGroup {
  /// How many processes of the group the out-of-memory killer ended so far; nil without one.
  static func oomKills() -> Int? {
    guard let own = readFile("/proc/self/cgroup"),
      let entry = String(decoding: own, as: UTF8.self).split(separator: "\n")
        .first(where: { $0.hasPrefix("0::") }),
      let events = readFile("/sys/fs/cgroup\(entry.dropFirst(3))/memory.events")
        ?? readFile("/sys/fs/cgroup/memory.events")
    else { return nil }
    for line in String(decoding: events, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("oom_kill ") {
      return Int(line.dropFirst("oom_kill ".count))
    }
    return nil
  }
}
