import ControlPlane
import CPlatform
import Glibc
import LinuxSystem

/// Answers on a Unix socket in the run's folder with the agent's Python stacks, for
/// `par-lifecycle health --stacks`. Whoever may connect may ask: the folder is the user's own.
final class StacksSocket {
  /// The answer's first line names the REST port, so that whoever asks knows which agent it was.
  static func header(port: UInt16) -> String { "rest_port \(port)\n" }

  /// Connections that wait for their answer; one more is closed at once.
  static let connectionLimit = 16

  private let loop: ControlLoop
  private let listener: Int32
  private var open = 0

  /// - Parameter ask: called on the loop's thread for each connection; it calls what it is given
  ///   with the answer, which must fit a socket's buffer.
  init(
    path: String, loop: ControlLoop, ask: @escaping (@escaping (String) -> Void) -> Void
  ) throws(SystemError) {
    self.loop = loop
    listener = par_listen_unix(path, Int32(Self.connectionLimit))
    guard listener >= 0 else { throw SystemError("listen", path) }
    try loop.watch(listener) { [weak self] in self?.accept(ask) }
  }

  deinit {
    loop.forget(listener)
    closeDescriptor(listener)
  }

  private func accept(_ ask: (@escaping (String) -> Void) -> Void) {
    let connection = par_accept(listener)
    guard connection >= 0 else { return }
    guard open < Self.connectionLimit else { return closeDescriptor(connection) }
    open += 1
    ask { [weak self] answer in
      writeAll(connection, Array(answer.utf8))
      closeDescriptor(connection)
      self?.open -= 1
    }
  }
}
