import CPlatform
import Glibc
package import LinuxSystem

/// What keeps the agents of one supervisor apart.
///
/// As root each agent has a user of its own, folders that only this user enters, and its worker
/// listens on a Unix socket below a folder that only root enters. Which user an agent has is written
/// nowhere but in its folder's group, so it stays the same for as long as the folder is there.
package final class Isolation {
  /// As `/supervisor/status` calls it.
  package enum Level: String, Sendable { case none, user }

  package let level: Level
  private let users: UserRange
  private let folder: String

  /// - Parameters:
  ///   - stateFolder: the supervisor's own; below it `agents/ID/`.
  ///   - isWanted: false keeps every agent with the supervisor's own user.
  /// - Throws: the state folder cannot be made, or others may write to it.
  package init(stateFolder: String, users: UserRange = UserRange(), isWanted: Bool = true)
    throws(SystemError)
  {
    level = isWanted && geteuid() == 0 ? .user : .none
    self.users = users
    folder = stateFolder + "/agents"
    guard level == .user else { return }
    try makeFolders(stateFolder)
    // Entered by every agent on the way to its own folder, listed by none.
    try FolderHandle(stateFolder).folder("agents")
      .own(UserIdentity(user: 0, group: 0), mode: 0o711)
  }

  /// The place of an agent, made when it is not there; the same one each time.
  ///
  /// - Parameter agent: its id, which is a file's name too.
  package func place(agent: String) throws(SystemError) -> AgentPlace {
    guard level == .user else { return AgentPlace(user: nil, folder: nil) }
    let agents = try FolderHandle(folder)
    let own = try agents.folder(agent)
    let known = try own.owner().identity.group
    let user: UserIdentity
    if users.contains(known) {
      user = UserIdentity(user: known, group: known)
    } else if let free = try users.lowestFree(taken: takenUsers()) {
      user = free
    } else {
      throw SystemError("find a free user for", agent, number: EUSERS)
    }
    // Root's, so that the agent cannot put anything else in the place of the folders below.
    try own.own(UserIdentity(user: 0, group: user.group), mode: 0o750)
    for name in ["cache", "home", "run", "tmp"] {
      try own.folder(name).own(user, mode: 0o700)
    }
    return AgentPlace(user: user, folder: folder + "/" + agent)
  }

  /// What of these paths the agents' users cannot use, each as a sentence: an agent host in somebody's
  /// home, for example, whose interpreter they cannot execute.
  ///
  /// - Parameters:
  ///   - read: files that a worker reads.
  ///   - execute: programs that it starts; one that is not there is none.
  package func obstacles(read: [String], execute: [String]) -> [String] {
    guard level == .user else { return [] }
    let anyone = UserIdentity(user: users.first, group: users.first)
    let unreadable = read.filter { FileKind($0) != .missing && !anyone.may(.read, $0) }
    let closed = execute.filter { FileKind($0) != .missing && !anyone.may(.execute, $0) }
    return unreadable.map { "\($0) cannot be read by the users that agents run as" }
      + closed.map { "\($0) cannot be executed by the users that agents run as" }
  }

  /// Removes an agent's folders. Nothing of it may run any more.
  package func remove(agent: String) {
    if level == .user { removeTree(folder + "/" + agent) }
  }

  private func takenUsers() throws(SystemError) -> Set<UInt32> {
    let agents = try FolderHandle(folder)
    var taken: Set<UInt32> = []
    for name in folderNames(folder) {
      if let group = try? agents.folder(name).owner().identity.group { taken.insert(group) }
    }
    return taken
  }
}
