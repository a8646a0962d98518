import CPlatform
package import DataPlane
import Glibc
package import Lifecycle
import LinuxSystem
package import RunConfiguration

/// The listening sockets, opened before anything else happens.
package struct Listeners {
  package struct Listener {
    package let descriptor: Int32
    /// 0 for a Unix socket, which only who starts the program can pass.
    package let port: UInt16
    /// Whether a service manager passed the socket to the program: it may have requests waiting
    /// already, and goes to a successor with those that wait at the end. A supervisor's is not so.
    package let isActivated: Bool
    /// As a person says it: `port 8080`, `/run/agent.sock`.
    package let place: String

    /// nil for a Unix socket.
    package var loggedPort: Int? { port == 0 ? nil : Int(port) }

    package func served(as port: Port) -> PortListener {
      PortListener(port, descriptor: descriptor, wasPassed: isActivated)
    }
  }

  /// Connections that the kernel keeps for us before we accept them (listen(2); it caps the
  /// number at net.core.somaxconn).
  package static let backlog: Int32 = 4096

  package let rest: Listener
  /// gRPC; open whatever the package is, as that is known later.
  package let a2a: Listener
  /// Only when the UI has a port of its own.
  package let ui: Listener?
  /// What was passed to the program and is for nothing; closed.
  package let unused: [PassedSockets.Unused]

  /// Why a port could not be opened, as a person needs it.
  package struct Failure: Error {
    package let explanation: Explanation

    package init(explanation: Explanation) { self.explanation = explanation }
  }

  /// Opens what was not passed, and closes what was passed for nothing.
  ///
  /// - Parameters:
  ///   - isSupervised: the supervisor routes nobody here before Ready, and nobody comes after this
  ///     run: what it passes is as the program's own.
  ///   - restName: the variable that the REST port is set by.
  package init(
    _ configuration: Configuration, passed: PassedSockets = .none, isSupervised: Bool = false,
    restName: String = "REST_PORT"
  ) throws(Failure) {
    let isActivated = !isSupervised
    for unused in passed.unused { closeDescriptor(unused.socket.descriptor) }
    unused = passed.unused
    let address = configuration.bindAddress
    rest = try Self.open(passed.rest, restName, configuration.restPort, address, isActivated)
    do {
      a2a = try Self.open(passed.a2a, "A2A_PORT", configuration.a2aPort, address, isActivated)
    } catch {
      closeDescriptor(rest.descriptor)
      throw error
    }
    if configuration.multiplexed {
      ui = nil
    } else {
      do {
        ui = try Self.open(passed.ui, "UI_PORT", configuration.uiPort, address, isActivated)
      } catch {
        closeDescriptor(rest.descriptor)
        closeDescriptor(a2a.descriptor)
        throw error
      }
    }
  }

  /// What the data plane listens on; it owns the descriptors from then on.
  package var forDataPlane: [PortListener] {
    [(Port.rest, rest), (.a2a, a2a)].map { $0.1.served(as: $0.0) }
      + (ui.map { [$0.served(as: .ui)] } ?? [])
  }

  private static func open(
    _ passed: PassedSocket?, _ variable: String, _ port: UInt16, _ address: String,
    _ isActivated: Bool
  ) throws(Failure) -> Listener {
    if let passed {
      return Listener(
        descriptor: passed.descriptor, port: passed.port, isActivated: isActivated,
        place: passed.port == 0 ? passed.place : "port \(passed.port)")
    }
    var bound: UInt16 = 0
    let descriptor = par_listen_tcp(address, port, backlog, &bound)
    guard descriptor >= 0 else { throw failure(variable, port, address, errno) }
    return Listener(
      descriptor: descriptor, port: bound, isActivated: false, place: "port \(bound)")
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
