import CPlatform
public import Lifecycle

/// What stays the same for the whole run.
public struct DataPlaneOptions: Sendable {
  public var agentAppID: String
  /// Starts with `/` and does not end with it; empty for the root.
  public var basePath: String
  /// The UI is served on the REST port.
  public var multiplexed = true
  /// A body, either direction, of which no byte moves for this long is given up.
  public var bodyIdleTimeout = Interval.seconds(60)
  public var upstreamConnectTimeout = Interval.seconds(5)
  /// Requests that find no agent wait so long while one is being started; 0: they do not.
  public var holdTime = Interval.seconds(10)
  /// Whose `X-Forwarded-*` are kept.
  public var trustedProxies = AddressRange.privateRanges
  /// The part of the finished requests that the observer is told of: 0 (none) to 1 (each). Failures
  /// and slow ones are not left to chance.
  public var accessLog = 0.0
  /// Requests that take so long are told of; 0: none.
  public var slowRequest = Interval.zero
  /// Add `Server-Timing` to proxied responses: milliseconds spent here, held, and at the agent.
  public var timingHeader = false
  public var loopCount = max(1, min(Int(par_cpu_count()), 4))
  public var limits = HTTPLimits()
  public var http2 = HTTP2Limits()

  /// Whether requests are held at all.
  var holds: Bool { limits.heldRequests > 0 && holdTime > .zero }

  public init(agentAppID: String, basePath: String) {
    self.agentAppID = agentAppID
    self.basePath = basePath == "/" ? "" : basePath
  }
}
