import CPlatform
import Glibc

/// A listening socket that this process was started with (sd_listen_fds(3)).
public struct PassedSocket: Sendable, Equatable {
  public enum Address: Sendable, Equatable {
    case network(String, port: UInt16)
    /// A path, `@name` for an abstract one.
    case unix(String)
  }

  public let descriptor: Int32
  /// The name that came with it; `unknown` without one.
  public let name: String
  public let address: Address

  public init(descriptor: Int32, name: String, address: Address) {
    self.descriptor = descriptor
    self.name = name
    self.address = address
  }

  /// Looks at an inherited descriptor, and makes it close-on-exec and non-blocking.
  ///
  /// - Throws: `SystemError` when it is no listening stream socket of IP or Unix: `EBADF` not open,
  ///   `ENOTSOCK`, `EPROTOTYPE` another kind of socket, `EINVAL` not listening, `EAFNOSUPPORT`.
  public init(inherited descriptor: Int32, name: String) throws(SystemError) {
    var text = [CChar](repeating: 0, count: 128)
    var port: UInt16 = 0
    let found = par_listening_address(descriptor, &text, text.count, &port)
    let error = SystemError("look at", "descriptor \(descriptor)")
    guard found == 0 else { throw error }
    guard par_set_cloexec(descriptor, true) == 0, par_set_nonblocking(descriptor) == 0 else {
      throw SystemError("set up", "descriptor \(descriptor)")
    }
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let shown = String(decoding: bytes, as: UTF8.self)
    self.init(
      descriptor: descriptor, name: name,
      address: port == 0 ? .unix(shown) : .network(shown, port: port))
  }

  /// 0 for a Unix socket.
  public var port: UInt16 {
    if case .network(_, let port) = address { port } else { 0 }
  }

  /// As a person says it: `0.0.0.0 port 8080`, `/run/agent.sock`.
  public var place: String {
    switch address {
    case .network(let address, let port): "\(address) port \(port)"
    case .unix(let path): path.isEmpty ? "an unnamed Unix socket" : path
    }
  }
}
