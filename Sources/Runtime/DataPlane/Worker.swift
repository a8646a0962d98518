/// One process that serves an agent's requests, as the event loops know it: where it serves, and the
/// memory it shares with the program. What counts is which object it is: a process that comes after
/// this one's end may serve at the same address.
///
/// To `run` it is the agent's own process. To a supervisor it is a `run`, which speaks HTTP/1.1 and
/// HTTP/2 on one port.
public final class Worker: Sendable {
  /// For HTTP/1.1; nil: it serves none. Nobody else serves there while a loop may connect for this
  /// worker: its marks would be looked for in the wrong memory.
  public let rest: WorkerAddress?
  /// For gRPC; nil: it serves none.
  public let a2a: WorkerAddress?
  /// nil: nobody tells which requests it has begun.
  public let memory: WorkerMemory?
  /// It is a `run`: it closes connections that are idle for long, and answers some requests without
  /// having to mark them.
  let isRun: Bool

  public init(restSocket: String?, a2a: WorkerAddress? = nil, memory: WorkerMemory? = nil) {
    rest = restSocket.map { .unix($0) }
    self.a2a = a2a
    self.memory = memory
    isRun = false
  }

  /// A `run`.
  /// - Parameters:
  ///   - address: of its REST port.
  ///   - memory: shared with it; nil: it was given none.
  public init(address: WorkerAddress, memory: WorkerMemory? = nil) {
    rest = address
    a2a = address
    self.memory = memory
    isRun = true
  }
}
