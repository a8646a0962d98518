package import ControlPlane
package import Lifecycle
import LinuxSystem
package import RunConfiguration

/// Keeps what is desired: reads the state and the config, writes the state, and tells the driver what
/// to run. On the main thread.
///
/// Everything that changes is written to the disk before it is done. What cannot be written is refused
/// when the admin API asks for it; the config is followed all the same, since it can be read again.
package final class DesiredAgents {
  /// How long a note that a version has served may wait for others before it is written. One that is
  /// lost costs a start by way of the version before.
  static let noteDelay = Interval.milliseconds(50)

  /// Where the keeper tells what happens.
  package struct Listener {
    package var log: (_ event: LogEvent, _ about: String?) -> Void
    /// The desired state at start cannot be had, so that the supervisor cannot go on.
    package var startFailed: (Explanation) -> Void

    package init(
      log: @escaping (_ event: LogEvent, _ about: String?) -> Void,
      startFailed: @escaping (Explanation) -> Void
    ) {
      self.log = log
      self.startFailed = startFailed
    }
  }

  let configuration: SupervisorConfiguration
  let document: DesiredDocument
  let loop: ControlLoop
  let listener: Listener
  private let environment: [String: String]
  private let runID: String

  private(set) var state = DesiredState()
  private var file: StateFile?
  /// Why nothing can be kept; nil: it can.
  private(set) var fileProblem: Explanation?
  var watch: ConfigWatch?
  /// Not owned: it owns this.
  private(set) weak var fleet: (any Fleet)?
  /// Agents that began with the version before, and the version that follows.
  private var followers: [String: AgentSpec] = [:]
  private var noteAlarm: Int?
  /// Agents that the driver has been told of.
  private(set) var deployed: Set<String> = []
  /// Those of the state are among them.
  var hasStarted = false
  /// The driver knows that these are all.
  var isLoaded = false
  var isStopped = false

  // What `view` says of the config.
  var configRevision: String?
  var configReadAt: Int64?
  var refusal: String?
  var failure: String?

  /// - Parameters:
  ///   - environment: the supervisor's, for downloads of the config.
  ///   - inherited: what a worker gets of it, with the time that the supervisor gives it to drain.
  package init(
    _ configuration: SupervisorConfiguration, environment: [String: String],
    inherited: [String: String], runID: String, loop: ControlLoop, listener: Listener
  ) {
    self.configuration = configuration
    self.environment = environment
    self.runID = runID
    self.loop = loop
    self.listener = listener
    document = DesiredDocument(inherited: inherited)
  }

  // MARK: - Start

  /// False: the supervisor cannot go on, and has been told so.
  func open(_ fleet: any Fleet) -> Bool {
    self.fleet = fleet
    do throws(StateFile.Failure) {
      let file = try StateFile(folder: configuration.stateFolder)
      self.file = file
      switch try file.load(now: Clock.wallNanoseconds()) {
      case .state(let found): state = found
      case .nothing: break
      case .damaged(_, let sentence):
        tell(.warning(code: "state_damaged", message: sentence))
      }
    } catch {
      if case .taken = error {
        listener.startFailed(error.explanation)
        return false
      }
      file = nil
      fileProblem = error.explanation
      tell(
        .warning(
          code: "state_unkept",
          message: "\(error.explanation.error); the admin API changes nothing until it can"))
    }
    if let config = configuration.config { watch = makeWatch(config) }
    return true
  }

  private func makeWatch(_ config: SupervisorConfiguration.ConfigSource) -> ConfigWatch {
    ConfigWatch(
      config, interval: configuration.pollInterval, limits: document.limits,
      download: ConfigWatch.Download(
        folder: (file?.folder ?? configuration.common.cacheFolder.path) + "/config",
        timeout: configuration.common.fetchTimeout, runID: runID,
        environment: environment.map { "\($0.key)=\($0.value)" }),
      loop: loop
    ) { [weak self] in self?.take($0) }
  }

  // MARK: - Changes

  /// Keeps a state, or changes nothing.
  func commit(_ next: DesiredState) throws(StateFile.Failure) {
    if let file { try file.save(next) }
    state = next
  }

  /// Keeps a state that holds whether it can be written or not.
  func adopt(_ next: DesiredState) {
    do throws(StateFile.Failure) { try commit(next) } catch {
      state = next
      tell(.warning(code: "state_unwritten", message: error.explanation.error))
    }
  }

  /// User ids of agents changed.
  package func keepUsers(_ users: [String: UInt32]) throws(StateFile.Failure) {
    var next = state
    next.users = users
    try commit(next)
  }

  /// Has the driver run an agent as it is desired now.
  ///
  /// - Parameter isStart: begins with the version before when the desired one has never served: if it
  ///   does not, there is one that does.
  func deploy(_ id: String, cause: DeploymentCause, isStart: Bool = false) {
    guard let agent = state.agents[id] else { return }
    deployed.insert(id)
    followers[id] = nil
    guard isStart, let fallback = agent.fallback else { return deploy(agent.spec, cause) }
    followers[id] = agent.spec
    deploy(fallback, cause)
  }

  private func deploy(_ spec: AgentSpec, _ cause: DeploymentCause) {
    do throws(FleetRefusal) { try fleet?.deploy(spec.release, cause: cause) } catch {
      refused(spec.agentAppID, error)
    }
  }

  func remove(_ id: String, cause: DeploymentCause) {
    deployed.remove(id)
    followers[id] = nil
    do throws(FleetRefusal) { try fleet?.remove(id, cause: cause) } catch { refused(id, error) }
  }

  /// The version that serves, or failed last, by a new worker.
  func restart(_ id: String) throws(FleetRefusal) {
    do throws(FleetRefusal) { try fleet?.restart(id) } catch {
      // Desired, and yet the driver has never heard of it: there was no room for it.
      guard case .unknownAgent = error, let spec = state.agents[id]?.spec else { throw error }
      try fleet?.deploy(spec.release, cause: .api)
    }
    followers[id] = nil
  }

  var phase: FleetView.Phase { fleet?.phase ?? .stopped }

  /// What the driver refuses here it was not asked for by a person: nobody else hears of it.
  private func refused(_ id: String, _ refusal: FleetRefusal) {
    // Gone before it was there, or everything is going.
    if case .unknownAgent = refusal { return }
    if case .draining = refusal { return }
    tell(
      .warning(code: "not_deployed", message: "agent \(id) stays as it is: \(refusal.sentence)"))
  }

  // MARK: - What becomes of versions

  /// The version that an agent began with serves, or does not: now the one that is desired.
  func follow(_ id: String, after revision: String) {
    guard let follower = followers[id], state.agents[id]?.previous?.revision == revision else {
      return
    }
    followers[id] = nil
    // The driver is in the middle of telling: it is asked when it has ended.
    _ = loop.schedule(at: Clock.now()) { [weak self] in
      guard let self, !isStopped, state.agents[id]?.spec == follower else { return }
      deploy(follower, .start)
    }
  }

  func prove(_ id: String, revision: String) {
    guard state.prove(id, revision: revision), noteAlarm == nil, file != nil else { return }
    noteAlarm = loop.schedule(at: Clock.now() + Self.noteDelay) { [weak self] in
      self?.writeNotes()
    }
  }

  /// Brings to the disk what waits for it.
  func writeNotes() {
    guard let alarm = noteAlarm else { return }
    loop.cancel(alarm)
    noteAlarm = nil
    adopt(state)
  }
}
