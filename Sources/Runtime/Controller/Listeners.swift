import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// The listening sockets, opened before anything else happens.
struct Listeners {
  struct Listener {
    let descriptor: Int32
    let port: UInt16
  }

  /// Connections that the kernel keeps for us before we accept them (listen(2); it caps the
  /// number at net.core.somaxconn).
  static let backlog: Int32 = 4096

  let rest: Listener
  /// Only when the UI has a port of its own.
  let ui: Listener?

  /// Why a port could not be opened, as a person needs it.
  struct Failure: Error {
    let explanation: Explanation
  }

  init(_ configuration: Configuration) throws(Failure) {
    rest = try Self.open("REST_PORT", configuration.restPort, configuration.bindAddress)
    if configuration.multiplexed {
      ui = nil
    } else {
      do {
        ui = try Self.open("UI_PORT", configuration.uiPort, configuration.bindAddress)
      } catch {
        closeDescriptor(rest.descriptor)
        throw error
      }
    }
  }

  private static func open(
    _ variable: String, _ port: UInt16, _ address: String
  ) throws(Failure) -> Listener {
    var bound: UInt16 = 0
    let descriptor = par_listen_tcp(address, port, backlog, &bound)
    guard descriptor >= 0 else { throw failure(variable, port, address, errno) }
    return Listener(descriptor: descriptor, port: bound)
  }

  private static func failure(
    _ variable: String, _ port: UInt16, _ address: String, _ number: Int32
  ) -> Failure {
    let what = "\(variable) \(port) on \(address) cannot be opened"
    let explanation =
      switch number {
      case EADDRINUSE:
        Explanation(
          error: "\(what): another program listens there",
          hint: "stop it or set \(variable) to another port (0: any free one); "
            + "docs/errors.md#port-in-use")
      case EACCES:
        Explanation(
          error: "\(what): ports below 1024 need a privilege here",
          hint: "set \(variable) to 1024 or above, or lower net.ipv4.ip_unprivileged_port_start; "
            + "docs/errors.md#port-not-permitted")
      case EADDRNOTAVAIL:
        Explanation(
          error: "\(what): this machine has no such address",
          hint: "set BIND_ADDRESS to an address of this machine, or 0.0.0.0; "
            + "docs/errors.md#bind-address")
      default:
        Explanation(
          error: "\(what): \(SystemError("bind", number: number).reason)",
          hint: "docs/errors.md#port-in-use")
      }
    return Failure(explanation: explanation)
  }
}
