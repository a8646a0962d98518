/// Which listening socket a connection came through.
public enum Port: UInt8, Sendable { case rest, ui, a2a }

/// A listening socket and what is served on it.
public struct PortListener: Sendable {
  public var port: Port
  public var descriptor: Int32
  /// The socket was passed to the program, which is not its last user.
  public var wasPassed: Bool

  public init(_ port: Port, descriptor: Int32, wasPassed: Bool = false) {
    self.port = port
    self.descriptor = descriptor
    self.wasPassed = wasPassed
  }
}
