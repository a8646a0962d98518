import CPlatform
import Glibc
package import LinuxSystem

/// Which users this supervisor's agents have, among all supervisors of this machine: two of them must
/// not give the same one away, or the agents of one could reach those of the other.
///
/// A claim is a locked file (flock(2)); it ends with the process at the latest.
package final class UserClaims {
  /// Root's alone; the first of them that can be had.
  static let folders = ["/run/par-users", "/tmp/par-users"]

  private let folder: String
  private var locks: [UInt32: Int32] = [:]

  /// - Throws: the folder cannot be made, or others could change it.
  package init(folders: [String] = UserClaims.folders) throws(SystemError) {
    guard let folder = folders.first(where: makePrivateFolder) else {
      throw SystemError("make a folder of root's alone at", folders.last)
    }
    self.folder = folder
  }

  deinit { for lock in locks.values { release(lock) } }

  func has(_ user: UInt32) -> Bool { locks[user] != nil }

  /// False when another supervisor has it.
  package func claim(_ user: UInt32) -> Bool {
    if locks[user] != nil { return true }
    let lock = par_open(folder + "/\(user)", O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { return false }
    guard par_flock_try(lock) == 0 else {
      closeDescriptor(lock)
      return false
    }
    locks[user] = lock
    return true
  }

  package func giveBack(_ user: UInt32) {
    if let lock = locks.removeValue(forKey: user) { release(lock) }
  }

  /// A child that is being started has the descriptor too until it executes its program, and with it the
  /// lock, if that is not ended by itself (flock(2)).
  private func release(_ lock: Int32) {
    flock(lock, LOCK_UN)
    closeDescriptor(lock)
  }
}
