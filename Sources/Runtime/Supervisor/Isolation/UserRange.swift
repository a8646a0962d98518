import Glibc
package import LinuxSystem

/// The users that agents run as: numbers that nobody on this machine has, one for each agent.
package struct UserRange: Sendable, Equatable {
  /// `SUPERVISOR_UID_BASE` when nothing is set: above those that distributions give out one by one,
  /// below systemd's own (61184 and up), and within the 65536 that a container's user namespace has.
  package static let defaultFirst: UInt32 = 50_000
  /// How many agents can have a user of their own.
  package static let count: UInt32 = 4096

  package let first: UInt32

  package init(first: UInt32 = UserRange.defaultFirst) { self.first = first }

  package func contains(_ user: UInt32) -> Bool { user >= first && user - first < Self.count }

  /// The lowest number that neither another agent nor the machine has; its group has the same.
  ///
  /// - Parameters:
  ///   - isKnown: whether the machine has a user or group of that number.
  ///   - claim: whether it can be had.
  package func lowestFree(
    taken: Set<UInt32>, isKnown: (UInt32) -> Bool = UserRange.isKnownHere,
    claim: (UInt32) -> Bool = { _ in true }
  ) -> UserIdentity? {
    for offset in 0..<Self.count {
      let number = first + offset
      if !taken.contains(number), !isKnown(number), claim(number) {
        return UserIdentity(user: number, group: number)
      }
    }
    return nil
  }

  /// Who has a process now, whoever started it (proc_pid_status(5)): to be given such a user would be to
  /// share it, and its processes are ended with the agent's.
  package static func running() -> Set<UInt32> {
    var users: Set<UInt32> = []
    for name in folderNames("/proc") where UInt32(name) != nil {
      guard let text = readFile("/proc/\(name)/status") else { continue }
      for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: "Uid:".utf8) {
        // The real one, the effective, the saved, that of the file system.
        users.formUnion(
          String(decoding: line, as: UTF8.self).split { $0 == "\t" || $0 == " " }
            .compactMap { UInt32($0) })
      }
    }
    return users
  }

  /// passwd(5) and group(5), and whatever else this machine asks for names.
  package static func isKnownHere(_ number: UInt32) -> Bool {
    getpwuid(number) != nil || getgrgid(number) != nil
  }
}
