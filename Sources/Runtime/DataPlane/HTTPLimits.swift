public import Lifecycle

/// Every bound of the HTTP server, by name.
public struct HTTPLimits: Sendable {
  /// Bytes of a request's or response's head, start line and empty line included (431, or 502).
  public var headBytes = 64 * 1024
  /// Fields of a head (431, or 502), and of a trailer section.
  public var fields = 100
  /// Interim responses (1xx) of the agent before a final one (502).
  public var interimResponses = 100
  /// From a head's first byte to its last (408).
  public var headTime = Interval.seconds(10)
  /// A connection without a request in progress is closed after this; longer than the 60 s of
  /// a load balancer, so that it is never us who closes under its next request.
  public var keepAliveIdle = Interval.seconds(75)
  /// Connections of the whole program; one more is answered 503 and closed.
  public var connections = 16_384
  /// How long the listeners rest after the process or system ran out of descriptors or memory.
  public var acceptPause = Interval.milliseconds(100)
  /// Connections accepted in one turn of a loop before others get theirs.
  public var acceptsPerTurn = 32
  /// Idle connections to one agent kept per loop.
  public var idleUpstreams = 64
  /// Bytes of trailer fields, either direction.
  public var trailerBytes = 8 * 1024
  /// Bytes of one chunk-size line, extensions included.
  public var chunkLineBytes = 256
  /// After a response that ended the connection: how long input is read and thrown away, so that
  /// the kernel does not reset the connection before the client has read the answer.
  public var lingerTime = Interval.seconds(2)
  /// … and at most how many bytes.
  public var lingerBytes = 1024 * 1024
  /// A client that closed its sending side may still wait for the answer; a client that went
  /// away looks the same. After this long without a response byte it counts as gone.
  public var halfClosedPatience = Interval.seconds(5)
  /// A client whose host answers neither what was sent to it nor the kernel's questions for this
  /// long is gone, also while a response is in progress that has nothing to send.
  public var vanishedTime = Interval.seconds(120)
  /// Turns of one connection's pump before other connections get theirs.
  public var pumpTurns = 16
  /// The pieces in which bodies are read and written: 16 KiB and a usual head.
  public var bufferBytes = 20 * 1024
  /// The same for bodies of which more is known to come than that.
  public var largeBufferBytes = 64 * 1024
  /// Buffers of that size per loop; further transfers use the usual size. A quarter of them is kept
  /// when free.
  public var largeBuffers = 64
  /// Free buffers kept per loop.
  public var pooledBuffers = 64
  /// How long the main thread waits for the loops to carry out a cut. What a loop that is slower
  /// aborts is counted, but not named.
  public var cutPatience = Interval.milliseconds(100)
  /// Requests that wait for one agent (503); 0: none does.
  public var heldRequests = 256
  /// How often a request is taken back from an agent that ended without beginning it (502).
  public var takeBacks = 8
  /// Bytes of a body, its framing included, that are kept to be sent again while the agent has not
  /// begun the request. What follows waits until it has.
  public var keptBodyBytes = 64 * 1024
  /// How soon it is looked whether it has, while such a body waits: first so soon, then more and more
  /// rarely …
  public var markLookLeast = Interval.seconds(0.0001)
  /// … down to this.
  public var markLookMost = Interval.milliseconds(10)
  /// Between two attempts to connect to an agent whose accept queue is full.
  public var connectRetry = Interval.milliseconds(5)
  /// Slow requests that each loop tells of in a second; the others are counted.
  public var slowLinesPerSecond = 5

  public init() {}
}
