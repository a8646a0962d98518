import CPlatform
import Glibc
package import LinuxSystem

/// What dead workers leave behind.
///
/// A worker is a subreaper: for as long as it lives, whatever the processes below it leave behind
/// becomes its child (PR_SET_CHILD_SUBREAPER(2const)). So a child of the supervisor that the
/// supervisor did not start, nor found when it began, is a remnant of a worker that has ended, whichever
/// that was.
package enum AdoptedProcesses {
  /// SIGKILL to each. To be called after every SIGCHLD, when the dead are reaped: their children are
  /// the supervisor's from then on, and the end of each is another SIGCHLD.
  ///
  /// - Returns: whom it killed.
  @discardableResult
  package static func kill() -> [Int32] {
    let remnants = ProcessTree.adopted()
    for pid in remnants { Glibc.kill(pid, SIGKILL) }
    return remnants
  }

  /// All processes of an agent that has a user of its own, however fast they multiply. No worker of
  /// that agent may be meant to live on.
  package static func kill(of user: UserIdentity) {
    _ = par_kill_user(user.user, user.group)
  }
}
