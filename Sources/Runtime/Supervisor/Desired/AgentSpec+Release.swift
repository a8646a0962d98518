import Lifecycle
import RunConfiguration

extension AgentSpec {
  /// As the driver starts it.
  var release: AgentRelease {
    let package: AgentRelease.Package =
      switch package {
      case .path(let path): .path(path)
      case .url(let url): .url(url)
      }
    var release = AgentRelease(
      agent: agentAppID, revision: revision, deploymentID: deploymentID, package: package,
      packageSHA256: packageSHA256, environment: environment,
      resources: AgentRelease.Resources(
        memoryBytes: memoryMegabytes.map { Int64($0) << 20 }, cpuShares: cpuShares))
    if let restart {
      release.restartsMaximum = restart.maximum
      release.restartsWindow = restart.window
      // The worker restarts its agent's process by the same rule, unless it has one of its own.
      if environment["WORKER_RESTARTS"] == nil {
        release.environment["WORKER_RESTARTS"] = variables["WORKER_RESTARTS"]
      }
    }
    return release
  }

  /// As everybody may see it.
  var version: AgentView.Version {
    let package: String =
      switch package {
      case .path(let path): path
      case .url(let url): Redactor.redactURL(url)
      }
    return AgentView.Version(
      revision: revision, deploymentID: deploymentID, package: package,
      packageSHA256: packageSHA256)
  }
}
