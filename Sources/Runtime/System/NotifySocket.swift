import CPlatform
import Glibc

/// The way to a service manager: datagrams to the Unix socket that it named (sd_notify(3)). Sending
/// never waits.
public final class NotifySocket {
  public enum Outcome: Equatable {
    case sent
    /// The receiver does not keep up; the same may be sent again later.
    case full
    case failed(SystemError)
  }

  /// A path, or `@` and an abstract name (unix(7)).
  public let address: String
  private let descriptor: Int32

  public init(address: String) throws(SystemError) {
    self.address = address
    descriptor = par_datagram_socket()
    guard descriptor >= 0 else { throw SystemError("socket") }
  }

  deinit { closeDescriptor(descriptor) }

  /// Sends one datagram: `NAME=value` lines.
  public func send(_ text: String) -> Outcome {
    let bytes = Array(text.utf8)
    guard par_send_datagram(descriptor, address, bytes, bytes.count) != 0 else { return .sent }
    let error = SystemError("send to", address)
    return [EAGAIN, ENOBUFS, ENOMEM].contains(error.number) ? .full : .failed(error)
  }
}
