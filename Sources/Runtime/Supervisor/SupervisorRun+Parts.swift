import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

extension SupervisorRun {
  /// Puts the parts together that keep the desired state and answer control requests.
  ///
  /// - Parameter environment: the supervisor's, for downloads of the config.
  func compose(_ environment: [String: String]) {
    let keeper = DesiredAgents(
      configuration, environment: environment, inherited: workerEnvironment.inherited,
      runID: runID, loop: loop,
      listener: DesiredAgents.Listener(
        log: { [log] event, agent in log.write(event, about: agent) },
        startFailed: { [unowned self] explanation in
          notifier.failed(explanation.error)
          log.write(.bootFailed(phase: .fetching, explanation))
          send(.failed(.failure))
        }))
    desired = keeper
    let gate = TokenGate(configuration.token, loop: loop) { [log] in log.write($0) }
    handlers = [AdminAPI(keeper, gate: gate)]
    composeViews(gate)
  }
}

extension SupervisorRun {
  /// The page, the open routes, and the log for whoever has the token: without one nobody may read
  /// it, and none of it is kept.
  private func composeViews(_ gate: TokenGate) {
    let hub = configuration.token.map { _ in EventHub(startedAt: startedAtWall) }
    self.hub = hub
    if let hub { log.follow { hub.wrote($0, agent: $1) } }
    handlers.append(
      SupervisorRoutes(fleet: self, hub: hub, hasToken: gate.recognizes) { [unowned self] in
        gate.admit($0, $1, state: phase)
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
