import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

extension SupervisorRun {
  /// Puts the parts together that keep the desired state and answer control requests.
  func compose() {
    desired = DesiredAgents(
      configuration, environment: environment, inherited: workerEnvironment.inherited,
      runID: runID, loop: loop,
      listener: DesiredAgents.Listener(
        report: { [unowned self] in tell($0) },
        startFailed: { [unowned self] explanation in
          notifier.failed(explanation.error)
          log.write(.bootFailed(phase: .fetching, explanation))
          send(.failed(.failure))
        }))
    composeViews()
  }

  private func tell(_ report: DesiredReport) {
    switch report {
    case .desired(let source, let revision, let changes):
      log.write(
        .supervisor(
          .desiredState(
            DesiredStateFacts(
              source: DesiredSource(source), revision: revision, added: changes.added,
              changed: changes.changed, removed: changes.removed))))
    case .refused(let source, let errors):
      log.write(.supervisor(.desiredRefused(source: DesiredSource(source), errors: errors)))
    case .warning(let code, let message): log.write(.warning(code: code, message: message))
    case .adminRequest(let facts):
      log.write(
        .supervisor(
          .adminRequest(
            Lifecycle.AdminRequestFacts(
              method: facts.method, path: facts.path, status: facts.status, agent: facts.agent,
              peer: facts.peer))), about: facts.agent)
    }
  }
}

extension DesiredSource {
  fileprivate init(_ source: DesiredReport.Source) {
    switch source {
    case .config: self = .config
    case .state: self = .state
    case .api: self = .api
    }
  }
}

extension SupervisorRun {
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
