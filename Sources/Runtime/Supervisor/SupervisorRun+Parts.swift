import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

extension SupervisorRun {
  /// Puts the parts together that keep the desired state and answer control requests.
  func compose() {
    if case .file(let path) = configuration.config {
      desired = StartupConfig(path) { [log] in log.write($0) }
    }
    composeViews()
  }

  /// The page, the open routes, and the log for whoever has the token: without one nobody may read
  /// it, and none of it is kept.
  private func composeViews() {
    let token = configuration.token
    let hub = token.map { _ in EventHub(startedAt: startedAtWall) }
    self.hub = hub
    if let hub { log.follow { hub.wrote($0, agent: $1) } }
    handlers.append(
      SupervisorRoutes(fleet: self, hub: hub) { request, reply in
        guard let token else {
          reply.answer(403, body: Array("{\"error\":\"SUPERVISOR_TOKEN is not set\"}".utf8))
          return false
        }
        guard request.authorization == "Bearer \(token)" else {
          reply.answer(
            401, fields: [("WWW-Authenticate", "Bearer")], contentType: "application/json",
            body: Array("{\"error\":\"the token is missing or wrong\"}".utf8))
          return false
        }
        return true
      })
  }
}

extension DataPlaneOptions {
  /// Descriptors for workers: three pipes each, and room for what comes and goes.
  private static let workerDescriptors = 4096

  /// The gate's share of a supervisor's configuration.
  init(supervisor common: Configuration) {
    self.init()
    // A small limit is shared out: half of it for connections at least.
    adopt(common, reserved: min(Self.workerDescriptors, descriptorLimit() / 2))
  }
}
