import Lifecycle
import LinuxSystem
import RunConfiguration

/// Stands here until Desired/ lands: a JSON list in a file, read once.
final class StartupConfig: DesiredKeeper {
  private let path: String
  private let log: @Sendable (LogEvent) -> Void
  init(_ path: String, log: @escaping @Sendable (LogEvent) -> Void) {
    (self.path, self.log) = (path, log)
  }

  func start(_ fleet: any Fleet) {
    var releases: [AgentRelease] = []
    if let bytes = readFile(path), let json = try? JSONReader.decode(bytes.span),
      let list = json.list ?? json["agents"]?.list
    {
      for entry in list {
        guard let id = entry["agent_app_id"]?.text, let package = entry["package_path"]?.text else {
          continue
        }
        var environment: [String: String] = [:]
        for member in entry["environment"]?.members ?? [] {
          environment[member.name] = member.value.text
        }
        releases.append(
          AgentRelease(
            agent: id, revision: "000000000001", deploymentID: entry["deployment_id"]?.text,
            package: .path(package), environment: environment))
      }
    }
    log(
      .supervisor(
        .desiredState(
          DesiredStateFacts(
            source: .config, revision: nil, added: releases.map(\.agent), changed: [], removed: []))
      ))
    for release in releases { try? fleet.deploy(release, cause: .start) }
    fleet.desiredStateIsLoaded()
  }
  func reload() {}
  func versionServes(agent: String, revision: String, replaced: String?) {}
  func targetFailed(agent: String, revision: String, reason: String) {}
  var view: DesiredView { DesiredView(config: path) }
  func previous(of agent: String) -> AgentView.Version? { nil }
  func isFromConfig(_ agent: String) -> Bool { true }
  func childEnded(_ pid: Int32, _ status: ExitStatus) -> Bool { false }
  func stop() {}
}
