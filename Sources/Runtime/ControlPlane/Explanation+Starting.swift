import Glibc
package import Lifecycle
import LinuxSystem

extension Explanation {
  /// The reasons that are a limit of the machine or of the user, not a mistake.
  private static let limits: Set<Int32> = [EMFILE, ENFILE, EAGAIN, ENOMEM]

  /// A process, or the program itself, that could not be started.
  ///
  /// - Parameter hint: what to try when it is no limit of the machine.
  package init(cannotStart what: String, _ error: any Error, hint: String) {
    let number = (error as? SystemError)?.number ?? 0
    self.init(
      error: "\(what) cannot be started: \(error)",
      hint: Self.limits.contains(number)
        ? "raise the limits of open files, processes or memory; docs/errors.md#limits" : hint)
  }
}
