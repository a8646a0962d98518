/// Where a worker serves: on this machine, and for nobody else.
public enum WorkerAddress: Sendable, Equatable {
  /// The path of a Unix socket.
  case unix(String)
  /// A port of 127.0.0.1.
  case loopback(port: UInt16)
}
