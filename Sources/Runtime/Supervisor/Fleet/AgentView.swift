package import Lifecycle

/// One agent, as it is at one moment.
package struct AgentView: Sendable, Equatable {
  /// A version of an agent: what is to run, without its environment.
  package struct Version: Sendable, Equatable {
    /// 12 hex digits.
    package var revision: String
    package var deploymentID: String?
    /// The package's address, redacted.
    package var package: String
    package var packageSHA256: String?
    /// Of the package, as its worker told; nil before it did.
    package var name: String?
    package var version: String?

    package init(
      revision: String, deploymentID: String?, package: String, packageSHA256: String?,
      name: String? = nil, version: String? = nil
    ) {
      self.revision = revision
      self.deploymentID = deploymentID
      self.package = package
      self.packageSHA256 = packageSHA256
      self.name = name
      self.version = version
    }
  }

  /// A version that is to take the active one's place.
  package struct Target: Sendable, Equatable {
    package var version: Version
    /// `booting`, or `failed` with its reason.
    package var state: AgentStateName
    package var reason: AgentReason?
    /// nil: its worker is not started yet, or has ended.
    package var worker: Int?

    package init(version: Version, state: AgentStateName, reason: AgentReason?, worker: Int?) {
      self.version = version
      self.state = state
      self.reason = reason
      self.worker = worker
    }
  }

  /// An end of a worker that nobody had asked for.
  package struct Restart: Sendable, Equatable {
    package var at: Int64
    package var reason: AgentReason
    package var worker: Int
    /// Whether a worker is started in its place, after `delay`; else the agent failed.
    package var willRestart: Bool
    package var delay: Interval

    package init(at: Int64, reason: AgentReason, worker: Int, willRestart: Bool, delay: Interval) {
      self.at = at
      self.reason = reason
      self.worker = worker
      self.willRestart = willRestart
      self.delay = delay
    }
  }

  /// What came to an agent since the supervisor started.
  package struct Traffic: Sendable, Equatable {
    package var inFlight: Int
    package var requests: Int
    /// Answered with a status of 500 or more.
    package var errors: Int
    /// From head to end of the last few hundred requests, in microseconds; nil without any.
    package var medianMicroseconds: Int?
    package var p99Microseconds: Int?

    package init(
      inFlight: Int = 0, requests: Int = 0, errors: Int = 0, medianMicroseconds: Int? = nil,
      p99Microseconds: Int? = nil
    ) {
      self.inFlight = inFlight
      self.requests = requests
      self.errors = errors
      self.medianMicroseconds = medianMicroseconds
      self.p99Microseconds = p99Microseconds
    }
  }

  /// How many ends of workers are remembered of an agent.
  package static let restartsKept = 20

  package var id: String
  package var state: AgentStateName
  /// Since when it is in that state.
  package var since: Int64
  /// When it is not ready or its target failed.
  package var reason: AgentReason?
  /// Whether the config lists it: then it is not the admin API's to change.
  package var isFromConfig: Bool
  /// What serves; nil before the first Ready.
  package var active: Version?
  package var activeWorker: Int?
  /// nil: nothing is to change.
  package var target: Target?
  /// What a rollback leads to.
  package var previous: Version?
  /// Whether a change runs, so that another is refused.
  package var isChanging: Bool
  /// Restarts within the agent's window, and how many it may have.
  package var restartsInWindow: Int
  package var restartsMaximum: Int
  /// Newest last.
  package var restarts: [Restart]
  package var traffic: Traffic

  package init(
    id: String, state: AgentStateName, since: Int64, reason: AgentReason?, isFromConfig: Bool,
    active: Version?, activeWorker: Int?, target: Target?, previous: Version?, isChanging: Bool,
    restartsInWindow: Int, restartsMaximum: Int, restarts: [Restart], traffic: Traffic = Traffic()
  ) {
    self.id = id
    self.state = state
    self.since = since
    self.reason = reason
    self.isFromConfig = isFromConfig
    self.active = active
    self.activeWorker = activeWorker
    self.target = target
    self.previous = previous
    self.isChanging = isChanging
    self.restartsInWindow = restartsInWindow
    self.restartsMaximum = restartsMaximum
    self.restarts = restarts
    self.traffic = traffic
  }
}
