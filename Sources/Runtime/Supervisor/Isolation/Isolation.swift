import CPlatform
import Glibc
package import LinuxSystem

/// What keeps the agents of one supervisor apart.
///
/// As root each agent has a user of its own, folders that only this user enters, and its worker
/// listens on Unix sockets below a folder that only root enters. Which user an agent has is written
/// nowhere but in its folder's group, so it stays the same for as long as the folder is there.
package final class Isolation {
  /// As `/supervisor/status` calls it.
  package enum Level: String, Sendable { case none, user }

  package let level: Level
  /// Why it is `none` for root, as a sentence.
  package let problem: String?
  private let users: UserRange
  private let claims: UserClaims?
  private let folder: String

  /// - Parameters:
  ///   - stateFolder: the supervisor's own; below it `agents/ID/`.
  ///   - files: what a worker reads; one that is not there is not looked at.
  ///   - programs: what it executes.
  package init(
    stateFolder: String, users: UserRange = UserRange(), files: [String] = [],
    programs: [String] = []
  ) {
    self.users = users
    folder = stateFolder + "/agents"
    guard geteuid() == 0 else {
      (level, problem, claims) = (.none, nil, nil)
      return
    }
    do throws(SystemError) {
      claims = try UserClaims()
      problem = Self.obstacle(stateFolder, folder, users, files, programs)
    } catch {
      (claims, problem) = (nil, "\(error)")
    }
    level = problem == nil ? .user : .none
    if level == .user { RemovedFolders.clear(folder) }
  }

  /// What keeps agents from having users of their own; nil: nothing.
  private static func obstacle(
    _ stateFolder: String, _ folder: String, _ users: UserRange, _ files: [String],
    _ programs: [String]
  ) -> String? {
    do throws(SystemError) {
      try makeFolders(stateFolder, mode: 0o711)
      let state = try FolderHandle(stateFolder)
      let (owner, mode) = try state.owner()
      // Entered by every agent on the way to its own folder, listed by none; so is the next one.
      if owner.user == 0, mode & 0o011 != 0o011 { try state.own(owner, mode: mode | 0o011) }
      try state.folder("agents").own(UserIdentity(user: 0, group: 0), mode: 0o711)
    } catch {
      return "\(error)"
    }
    let anyone = UserIdentity(user: users.first, group: users.first)
    guard anyone.may(.execute, folder) else { return "\(folder) cannot be entered by other users" }
    if let file = files.first(where: { FileKind($0) != .missing && !anyone.may(.read, $0) }) {
      return "\(file) cannot be read by other users"
    }
    if let program = programs.first(where: { FileKind($0) != .missing && !anyone.may(.execute, $0) }
    ) {
      return "\(program) cannot be executed by other users"
    }
    return nil
  }

  /// The place of an agent, made when it is not there; the same one each time.
  ///
  /// - Parameter agent: its id, which is a file's name too.
  package func place(agent: String) throws(SystemError) -> AgentPlace {
    guard level == .user, let claims else { return AgentPlace(user: nil, folder: nil) }
    let agents = try FolderHandle(folder)
    let own = try agents.folder(agent)
    let known = try own.owner().identity.group
    let user: UserIdentity
    let isFirst = !claims.has(known)
    if users.contains(known), claims.claim(known) {
      user = UserIdentity(user: known, group: known)
    } else if let free = try users.lowestFree(taken: takenUsers(), claim: claims.claim) {
      user = free
      // They are nobody's, or those of a user that another supervisor has given to its own agent.
      for name in AgentPlace.folders { own.remove(name) }
    } else {
      throw SystemError("find a free user for", agent, number: EUSERS)
    }
    // What a supervisor that was killed together with this agent's worker could not clean up: nobody
    // else has this user.
    if isFirst { AdoptedProcesses.kill(of: user) }
    // Root's, so that the agent cannot put anything else in the place of the folders below.
    try own.own(UserIdentity(user: 0, group: user.group), mode: 0o750)
    for name in AgentPlace.folders { try own.folder(name).own(user, mode: 0o700) }
    return AgentPlace(user: user, folder: folder + "/" + agent)
  }

  /// Removes an agent's folders: nobody can enter them from here on, and they are gone later. Nothing
  /// of it may run any more.
  package func remove(agent: String) {
    do throws(SystemError) {
      guard level == .user else { return }
      let agents = try FolderHandle(folder)
      let own = try agents.folder(agent)
      let known = try own.owner().identity.group
      // Another agent may get this one's user at once.
      try own.own(UserIdentity(user: 0, group: 0), mode: 0o700)
      let name = RemovedFolders.prefix + randomHexadecimal(bytes: 8)
      if !agents.rename(agent, to: name) { agents.remove(agent) }
      claims?.giveBack(known)
      RemovedFolders.clear(folder)
    } catch {
      // What cannot be removed stays as it is, its user too.
    }
  }

  private func takenUsers() throws(SystemError) -> Set<UInt32> {
    let agents = try FolderHandle(folder)
    var taken: Set<UInt32> = []
    for name in folderNames(folder) where !name.hasPrefix(RemovedFolders.prefix) {
      if let group = try? agents.folder(name).owner().identity.group { taken.insert(group) }
    }
    return taken
  }
}
