package import Lifecycle
import RunConfiguration

/// A version of an agent as the driver starts it: what Desired/ makes of an entry of the config or
/// of the admin API.
package struct AgentRelease: Sendable, Equatable {
  package enum Package: Sendable, Equatable {
    /// `s3://…` or `https://…`.
    case url(String)
    case path(String)

    /// As it may be shown: without user-info and query.
    package var redacted: String {
      switch self {
      case .url(let url): Redactor.redactURL(url)
      case .path(let path): path
      }
    }
  }

  /// What a worker may use; nil: no limit of its own.
  package struct Resources: Sendable, Equatable {
    package var memoryBytes: Int64?
    package var cpuShares: Int?

    package init(memoryBytes: Int64? = nil, cpuShares: Int? = nil) {
      self.memoryBytes = memoryBytes
      self.cpuShares = cpuShares
    }
  }

  /// The agent's id.
  package var agent: String
  /// 12 hex digits of the SHA-256 of the entry.
  package var revision: String
  package var deploymentID: String?
  package var package: Package
  package var packageSHA256: String?
  /// The entry's own; set over what the worker gets from the supervisor.
  package var environment: [String: String]
  package var resources: Resources
  /// Restarts of its worker process within the window, in seconds.
  package var restartsMaximum: Int
  package var restartsWindow: Interval

  package init(
    agent: String, revision: String, deploymentID: String? = nil, package: Package,
    packageSHA256: String? = nil, environment: [String: String] = [:],
    resources: Resources = Resources(), restartsMaximum: Int = 3,
    restartsWindow: Interval = .seconds(60)
  ) {
    self.agent = agent
    self.revision = revision
    self.deploymentID = deploymentID
    self.package = package
    self.packageSHA256 = packageSHA256
    self.environment = environment
    self.resources = resources
    self.restartsMaximum = restartsMaximum
    self.restartsWindow = restartsWindow
  }
}
