/// What a program knows of the supervisor that started it as a worker.
///
/// Its requests come from this machine, over loopback or a Unix socket, and from nobody else: what it
/// says of the client is believed, its own address is added nowhere, and its connections, which carry
/// what many clients do, are not ended for that.
public struct SupervisorLink: Sendable {
  /// Where it is told what the agent has got; nil: it does not want to know.
  public var marks: SupervisorMarks?

  public init(marks: SupervisorMarks? = nil) { self.marks = marks }
}

extension HTTP2Limits {
  /// Of one who may do what all of its clients do together.
  mutating func trustPeer() {
    (resets, resetsPerSecond) = (1 << 30, 1 << 29)
    (unproductiveFrames, unproductiveFramesPerSecond) = (1 << 30, 1 << 29)
  }
}
