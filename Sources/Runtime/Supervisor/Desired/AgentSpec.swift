package import AgentPackages
package import Lifecycle
package import RunConfiguration

/// What is desired of one agent: its package, and how it is run.
package struct AgentSpec: Sendable, Equatable {
  /// How often a worker that ended is started again.
  package struct Restart: Sendable, Equatable {
    package static let defaultWindow = Interval.seconds(60)

    /// At most so many in a sliding window; 0: never.
    package let maximum: Int
    package let window: Interval

    package init(maximum: Int, window: Interval = Self.defaultWindow) {
      self.maximum = maximum
      self.window = window
    }
  }

  /// By the rule of `AGENT_APP_ID`.
  package let agentAppID: String
  /// A path is absolute.
  package let package: PackageSource
  /// 64 hexadecimal digits, lower case.
  package let packageSHA256: String?
  package let deploymentID: String?
  /// What configures the worker, and what the agent sees. May hold secrets.
  package let environment: [String: String]
  /// Mebibytes.
  package let memoryMegabytes: Int?
  package let cpuShares: Int?
  package let restart: Restart?
  /// 12 hexadecimal digits: the beginning of the SHA-256 of `json`. Two specs are the same when their
  /// revisions are.
  package let revision: String

  /// - Throws: when no SHA-256 can be computed, because libcrypto is missing.
  package init(
    agentAppID: String, package: PackageSource, packageSHA256: String? = nil,
    deploymentID: String? = nil, environment: [String: String] = [:], memoryMegabytes: Int? = nil,
    cpuShares: Int? = nil, restart: Restart? = nil
  ) throws(StepFailure) {
    self.agentAppID = agentAppID
    self.package = package
    self.packageSHA256 = packageSHA256?.lowercased()
    self.deploymentID = deploymentID
    self.environment = environment
    self.memoryMegabytes = memoryMegabytes
    self.cpuShares = cpuShares
    self.restart = restart
    let canonical = Self.json(
      agentAppID, package, self.packageSHA256, deploymentID, environment, memoryMegabytes,
      cpuShares, restart)
    let sha256 = try SHA256()
    sha256.update(JSONWriter.encode(canonical))
    revision = String(sha256.finish().prefix(12))
  }

  /// The variables that the spec sets for its worker, `environment` included. What the supervisor
  /// itself sets (ports, `BASE_PATH`, the log's format) is not among them.
  package var variables: [String: String] {
    var variables = ["AGENT_APP_ID": agentAppID]
    switch package {
    case .path(let path): variables["AGENT_PACKAGE_PATH"] = path
    case .url(let url): variables["PACKAGE_URL"] = url
    }
    variables["PACKAGE_SHA256"] = packageSHA256
    variables["DEPLOYMENT_ID"] = deploymentID
    if let restart {
      variables["WORKER_RESTARTS"] =
        "\(restart.maximum)/\(DecimalText.describe(restart.window.seconds))"
    }
    return variables.merging(environment) { $1 }
  }
}
