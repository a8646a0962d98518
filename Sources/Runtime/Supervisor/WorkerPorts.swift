import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// The ports of workers: each gets the lowest free one on the loopback address.
///
/// The supervisor binds it and passes the socket on, so that nobody can take the port between the
/// choice and the worker's start. A port is free again when its worker has ended.
struct WorkerPorts {
  /// How many ports there are, from the first one on.
  static let range = 1000
  /// Connections that the kernel keeps for the worker before it accepts them (listen(2)).
  static let backlog: Int32 = 4096

  let first: UInt16
  /// Ports that workers have now; they need not be tried.
  private(set) var used: Set<UInt16> = []

  /// A listening socket, close-on-exec and the caller's to close, and its port.
  struct Listener {
    let descriptor: Int32
    let port: UInt16
  }

  enum Failure: Error, Equatable {
    /// None is free from the first one to the last.
    case usedUp(first: UInt16, last: UInt16)
    case refused(port: UInt16, reason: String)

    var explanation: Explanation {
      switch self {
      case .usedUp(let first, let last):
        Explanation(
          error: "no port from \(first) to \(last) is free for a worker",
          hint: "set SUPERVISOR_WORKER_PORT_BASE where there are free ports, or run fewer agents; "
            + "docs/errors.md#worker-ports")
      case .refused(let port, let reason):
        Explanation(
          error: "port \(port) on 127.0.0.1 cannot be opened for a worker: \(reason)",
          hint: "set SUPERVISOR_WORKER_PORT_BASE to 1024 or above; docs/errors.md#worker-ports")
      }
    }
  }

  init(first: UInt16) { self.first = first }

  var last: UInt16 { UInt16(min(65535, Int(first) + Self.range - 1)) }

  mutating func open() throws(Failure) -> Listener {
    for port in first...last where !used.contains(port) {
      var bound: UInt16 = 0
      let descriptor = par_listen_tcp("127.0.0.1", port, Self.backlog, &bound)
      if descriptor >= 0 {
        used.insert(port)
        return Listener(descriptor: descriptor, port: port)
      }
      let number = errno
      guard number == EADDRINUSE else {
        throw .refused(port: port, reason: SystemError("bind", number: number).reason)
      }
    }
    throw .usedUp(first: first, last: last)
  }

  /// The port's worker has ended.
  mutating func release(_ port: UInt16) { used.remove(port) }
}
