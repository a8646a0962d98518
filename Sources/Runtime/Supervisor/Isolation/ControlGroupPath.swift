import LinuxSystem

/// Where this process's control groups are mounted (cgroups(7)), version 1 and 2.
struct ControlGroupPath: Equatable {
  /// The mounted folder that is the top of what this process sees.
  let mount: String
  /// This process's group.
  let group: String

  /// The group and those around it, the innermost first.
  var upwards: [String] {
    var (groups, current) = ([group], Substring(group))
    while current.count > mount.count, let slash = current.lastIndex(of: "/") {
      current = current[..<slash]
      if current.count >= mount.count { groups.append(String(current)) }
    }
    return groups
  }

  /// - Parameter controller: of version 1; nil for version 2.
  static func find(controller: String? = nil, root: String = "") -> ControlGroupPath? {
    guard let mounts = readFile(root + "/proc/self/mountinfo", limit: 4 << 20),
      let own = readFile(root + "/proc/self/cgroup")
    else { return nil }
    let path = String(decoding: own, as: UTF8.self).split(separator: "\n").lazy
      .map { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false) }
      .first { line in
        guard line.count == 3 else { return false }
        if let controller { return line[1].split(separator: ",").contains(Substring(controller)) }
        return line[0] == "0" && line[1].isEmpty
      }?[2]
    guard let path else { return nil }
    for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
      // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS … - TYPE SOURCE OPTIONS
      let halves = line.split(separator: " - ", maxSplits: 1)
      guard halves.count == 2 else { continue }
      let (place, kind) = (halves[0].split(separator: " "), halves[1].split(separator: " "))
      guard place.count > 4, kind.count > 2 else { continue }
      let isWanted =
        controller.map { name in
          kind[0] == "cgroup" && kind[2].split(separator: ",").contains(Substring(name))
        } ?? (kind[0] == "cgroup2")
      // Mounted from outside of this process's namespace: its own group is not the top there.
      guard isWanted, !place[3].hasPrefix("/..") else { continue }
      let mount = root + place[4]
      // What is mounted may be a group of its own; in a container the path may be the host's.
      let mounted = place[3] == "/" ? "" : String(place[3])
      let below = path.hasPrefix(mounted) ? String(path.dropFirst(mounted.count)) : ""
      let group = below == "/" || below.isEmpty ? mount : mount + below
      return ControlGroupPath(mount: mount, group: FileKind(group) == .folder ? group : mount)
    }
    return nil
  }

  /// What each group that limits this process's memory has left.
  static func memoryBounds(root: String = "") -> [FreeMemory] {
    func number(_ path: String) -> Int64? {
      readFile(path).flatMap {
        Int64(String(decoding: $0, as: UTF8.self).split(separator: "\n").first ?? "")
      }
    }
    func bound(_ limit: Int64?, _ used: Int64?, reclaimable: Int64) -> FreeMemory? {
      // Version 1 says "no limit" by the largest number of whole pages.
      guard let limit, let used, limit < 1 << 62 else { return nil }
      return FreeMemory(available: max(0, limit - max(0, used - reclaimable)), total: limit)
    }
    let two = find(root: root)?.upwards.compactMap { group -> FreeMemory? in
      let stat = readFile(group + "/memory.stat").map { KeyedLines($0) }
      let reclaimable = (stat?["inactive_file"] ?? 0) + (stat?["slab_reclaimable"] ?? 0)
      return bound(
        number(group + "/memory.max"), number(group + "/memory.current"), reclaimable: reclaimable)
    }
    let one = find(controller: "memory", root: root)?.upwards.compactMap { group -> FreeMemory? in
      let stat = readFile(group + "/memory.stat").map { KeyedLines($0) }
      return bound(
        number(group + "/memory.limit_in_bytes"), number(group + "/memory.usage_in_bytes"),
        reclaimable: stat?["total_inactive_file"] ?? 0)
    }
    return (two ?? []) + (one ?? [])
  }
}
