import CPlatform
import Glibc
package import LinuxSystem

/// A listening Unix socket of one worker: opened by the supervisor below a folder that only its own
/// user enters, and passed to the worker as a descriptor.
///
/// To connect by a path one has to enter its folder, so no agent reaches another's.
package struct WorkerSocket: ~Copyable {
  /// As many connections wait as the kernel allows (net.core.somaxconn).
  static let backlog: Int32 = 4096

  package let path: String
  package let descriptor: Int32

  /// - Parameters:
  ///   - folder: 0700; short enough for a name of 108 bytes (unix(7)).
  ///   - name: unlike that of any other worker: `12.rest`.
  package init(folder: String, name: String) throws(SystemError) {
    path = folder + "/" + name
    unlink(path)
    descriptor = par_listen_unix(path, Self.backlog)
    guard descriptor >= 0 else { throw SystemError("listen on", path) }
  }

  /// Closes the supervisor's own descriptor. The worker's, if it has one, goes on; so does the path.
  package consuming func close() { closeDescriptor(descriptor) }

  /// What the worker listened on is gone.
  package static func remove(_ path: String) { unlink(path) }
}
