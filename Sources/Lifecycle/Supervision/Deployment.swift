/// What is wanted of one agent: a revision of its specification, and how it is brought there.
public struct Deployment: Sendable, Equatable {
  /// Why it is wanted, in the log's words.
  public enum Cause: String, Sendable, CaseIterable {
    /// Known when the supervisor started: from its state or its configuration.
    case start
    case config, api
    /// The revision that is there already, by new processes.
    case restart
    /// A former revision.
    case rollback
    /// As `restart`: the worker came too near to its share of memory.
    case memory

    /// Whether processes are replaced although the revision stays.
    public var isRestart: Bool {
      switch self {
      case .restart, .memory: true
      case .start, .config, .api, .rollback: false
      }
    }
  }

  /// `AGENT_APP_ID`.
  public var agent: String
  /// 12 hexadecimal digits of the specification's SHA-256: two deployments of one revision are the same.
  public var revision: String
  public var restarts: RestartIntensity
  public var cause: Cause
  /// Whether the new worker boots beside the old one; else after its end, where memory is short.
  public var surge: Bool

  public init(
    agent: String, revision: String, restarts: RestartIntensity, cause: Cause, surge: Bool
  ) {
    self.agent = agent
    self.revision = revision
    self.restarts = restarts
    self.cause = cause
    self.surge = surge
  }
}

/// How many restarts of a worker process are allowed in a sliding window.
public struct RestartIntensity: Sendable, Equatable {
  /// 0: never.
  public var maximum: Int
  public var window: Interval

  public init(maximum: Int, window: Interval) {
    self.maximum = maximum
    self.window = window
  }
}

/// A deployment, and when its worker process was started again.
public struct AgentVersion: Sendable, Equatable {
  public private(set) var deployment: Deployment
  /// As far back as the window reaches; before the first Ready all of them.
  public private(set) var restarts: [Instant] = []

  init(_ deployment: Deployment) { self.deployment = deployment }

  public var revision: String { deployment.revision }

  /// The same version under another revision.
  mutating func rename(_ revision: String) { deployment.revision = revision }

  /// Restarts within the window that ends now.
  public func restarts(at now: Instant) -> Int {
    restarts.count { now - $0 < deployment.restarts.window }
  }

  /// The version with a restart now, or nil when there is no room for it. Before a version's first
  /// Ready (`isProven` false) its restarts count however old they are, so that a boot that crashes
  /// slowly comes to an end too.
  func restarted(at now: Instant, isProven: Bool) -> AgentVersion? {
    var next = self
    if isProven { next.restarts.removeAll { now - $0 >= deployment.restarts.window } }
    guard next.restarts.count < deployment.restarts.maximum else { return nil }
    next.restarts.append(now)
    return next
  }
}
