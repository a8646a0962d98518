package import Lifecycle
package import LinuxSystem

/// What the admin API, the config and the page ask of the supervisor's driver. All of it on the main
/// thread; a request comes there before anybody of these sees it.
///
/// Whoever changes the desired state asks `refusal(of:)` first, then writes its state to the disk,
/// then calls the method: nothing happens on the main thread in between, so the answer still holds.
package protocol Fleet: AnyObject {
  /// A fresh copy.
  ///
  /// - Parameter usage: with memory and processor time of the workers, which costs reads of /proc.
  func view(usage: Bool) -> FleetView

  /// What the supervisor does now.
  var phase: FleetView.Phase { get }

  /// Why it could not be done now; nil: it can.
  func refusal(of command: FleetCommand) -> FleetRefusal?

  /// This version of an agent is to run. From the config it replaces a change that runs, from
  /// elsewhere it is refused then; the version that is active already changes nothing.
  func deploy(
    _ version: AgentRelease, cause: DeploymentCause
  ) throws(FleetRefusal)

  /// The agent is to go: its worker drains, then it is forgotten.
  func remove(_ agent: String, cause: DeploymentCause) throws(FleetRefusal)

  /// A rolling change to the version that is active (or that failed last).
  func restart(_ agent: String) throws(FleetRefusal)

  /// The desired state at start is complete. Once.
  func desiredStateIsLoaded()
}

extension Fleet {
  package var phase: FleetView.Phase { view(usage: false).phase }
}

/// Why something is deployed: the words of the log.
package typealias DeploymentCause = Deployment.Cause

/// What may be asked of the driver.
package enum FleetCommand: Sendable, Equatable {
  case deploy(String, DeploymentCause)
  case remove(String, DeploymentCause)
  case restart(String)
}

/// Why something was not done.
package enum FleetRefusal: Error, Sendable, Equatable {
  /// There is no such agent (404).
  case unknownAgent(String)
  /// A change of it runs, to this revision; nil: it is being removed (409).
  case changing(String, to: String?)
  /// The supervisor drains (503).
  case draining
  /// More than `FleetLimits.agents` (409).
  case tooManyAgents(Int)

  package var sentence: String {
    switch self {
    case .unknownAgent(let id): "there is no agent \(id)"
    case .changing(let id, let revision?):
      "a change of agent \(id) to revision \(revision) is running"
    case .changing(let id, nil): "agent \(id) is being removed"
    case .draining: "the supervisor is stopping"
    case .tooManyAgents(let limit): "there are \(limit) agents already, the most that are served"
    }
  }
}

/// Bounds of the fleet.
package enum FleetLimits {
  /// Agents of one supervisor.
  package static let agents = 1000
}

/// Who keeps the desired state (Desired/): the driver calls it, on the main thread.
package protocol DesiredKeeper: AnyObject {
  /// Reads state and config, deploys what they list, and says `desiredStateIsLoaded`; then and
  /// later by `Fleet`'s methods. The fleet is held unowned.
  func start(_ fleet: any Fleet)
  /// SIGHUP: reads the config again.
  func reload()
  /// A version became active, in place of another one.
  func versionServes(agent: String, revision: String, replaced: String?)
  /// A change came to nothing; the active version, if there is one, serves on.
  func targetFailed(agent: String, revision: String, reason: String)
  /// What it can say about its sources.
  var view: DesiredView { get }
  /// The version that a rollback would lead to.
  func previous(of agent: String) -> AgentView.Version?
  /// Whether the config lists it.
  func isFromConfig(_ agent: String) -> Bool
  /// A child process that is not a worker ended; true: it was one of its fetch steps.
  func childEnded(_ pid: Int32, _ status: ExitStatus) -> Bool
  /// Its own child processes.
  var children: Set<Int32> { get }
  /// The supervisor drains: nothing is read any more.
  func stop()
}
