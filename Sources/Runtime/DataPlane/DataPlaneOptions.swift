import CPlatform
public import Lifecycle

/// How requests find their agent.
public enum Routing: Sendable, Equatable {
  /// There is one, and the program is its face.
  case single
  /// `/agents/{id}` and below is the agent's of that id in the directory; all else is the program's.
  case agents
}

/// What stays the same for the whole run.
public struct DataPlaneOptions: Sendable {
  public var routing: Routing
  /// With `single` alone.
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
  /// Who started this program as a worker; nil: nobody.
  public var supervisor: SupervisorLink?
  public var loopCount = max(1, min(Int(par_cpu_count()), 4))
  public var limits = HTTPLimits()
  public var http2 = HTTP2Limits()
  public var agents = AgentsLimits()

  /// Whether requests are held at all.
  var holds: Bool { limits.heldRequests > 0 && holdTime > .zero }

  /// Of a supervisor.
  public init() {
    routing = .agents
    agentAppID = ""
    basePath = ""
  }

  public init(agentAppID: String, basePath: String) {
    routing = .single
    self.agentAppID = agentAppID
    self.basePath = basePath == "/" ? "" : basePath
  }
}
