/// Where the agent serves gRPC.
public enum A2AUpstream: Sendable, Equatable {
  /// The path of a Unix socket.
  case unix(String)
  /// A server of the agent's own, on 127.0.0.1.
  case loopback(port: UInt16)
}

/// One process of the agent, as the event loops know it: where it serves, and the memory it shares
/// with the program. What counts is which object it is: a process that comes after this one's end may
/// serve at the same path.
public final class Worker: Sendable {
  /// The path of its Unix socket for HTTP; nil: it serves none. Nobody else serves there while a loop
  /// may connect for this worker: its marks would be looked for in the wrong memory.
  public let restSocket: String?
  /// nil: it serves no gRPC.
  public let a2a: A2AUpstream?
  /// nil: nobody tells which requests it has begun.
  public let memory: WorkerMemory?

  public init(restSocket: String?, a2a: A2AUpstream? = nil, memory: WorkerMemory? = nil) {
    self.restSocket = restSocket
    self.a2a = a2a
    self.memory = memory
  }
}
