public import Lifecycle

/// The bounds of a program that routes to many agents, by name.
public struct AgentsLimits: Sendable {
  /// Requests that wait for any agent, of the whole program (503).
  public var heldInAll = 1024
  /// Idle connections to all agents kept per loop.
  public var idleUpstreams = 256
  /// How long an idle connection to a worker that is a `run` is kept: shorter than
  /// `HTTPLimits.keepAliveIdle`, after which the worker would end it, under the next request perhaps.
  public var idleUpstreamTime = Interval.seconds(30)
  /// Bytes of the body of a control request (413).
  public var controlBody = 1024 * 1024
  /// Control requests that are being read or wait for their answer, of the whole program (503).
  public var controlRequests = 16
  /// Streams that answer control requests, of the whole program (503).
  public var controlStreams = 64
  /// Bytes that wait for the reader of such a stream; one that takes less is cut off.
  public var controlStreamBacklog = 256 * 1024

  public init() {}
}
