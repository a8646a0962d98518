import CPlatform
import Glibc
import LinuxSystem

/// Answers on a Unix socket in the run's folder with the agent's Python stacks, for
/// `par-lifecycle health --stacks`. Whoever may connect may ask: the folder is the user's own.
final class StacksSocket {
  /// The answer's first line names the REST port, so that whoever asks knows which agent it was.
  static func header(port: UInt16) -> String { "rest_port \(port)\n" }

  private let loop: ControlLoop
  private let listener: Int32

  /// - Parameter answer: called on the loop's thread for each connection.
  init(path: String, loop: ControlLoop, answer: @escaping () -> String) throws(SystemError) {
    self.loop = loop
    let listener = par_listen_unix(path, 8)
    guard listener >= 0 else { throw SystemError("listen", path) }
    self.listener = listener
    try loop.watch(listener) {
      let connection = par_accept(listener)
      guard connection >= 0 else { return }
      // The answer fits the socket's buffer, so a client that does not read holds nothing up.
      writeAll(connection, Array(answer().utf8))
      closeDescriptor(connection)
    }
  }

  deinit {
    loop.forget(listener)
    closeDescriptor(listener)
  }
}
