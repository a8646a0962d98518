import ControlPlane
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration
import Testing

@testable import Supervisor

/// A driver that writes down what it is asked, in place of one with processes.
final class RecordedFleet: Fleet {
  /// `deploy a 0123456789ab start`, `remove a api`, `restart a`, `loaded`.
  var calls: [String] = []
  var refusals: [String: FleetRefusal] = [:]
  var phase = FleetView.Phase.serving

  func view(usage: Bool) -> FleetView {
    FleetView(
      version: "", runID: "", phase: phase, startedAt: 0, uptime: .zero, isolation: "none",
      inFlight: 0, port: 0, a2aPort: 0, desired: DesiredView(), agents: [], workers: [])
  }

  func refusal(of command: FleetCommand) -> FleetRefusal? {
    switch command {
    case .deploy(let id, let cause): cause == .config || cause == .start ? nil : refusals[id]
    case .remove(let id, let cause): cause == .config ? nil : refusals[id]
    case .restart(let id): refusals[id]
    }
  }

  func deploy(_ version: AgentRelease, cause: DeploymentCause) throws(FleetRefusal) {
    if let refusal = refusal(of: .deploy(version.agent, cause)) { throw refusal }
    calls.append("deploy \(version.agent) \(version.revision) \(cause.rawValue)")
  }

  func remove(_ agent: String, cause: DeploymentCause) throws(FleetRefusal) {
    if let refusal = refusal(of: .remove(agent, cause)) { throw refusal }
    calls.append("remove \(agent) \(cause.rawValue)")
  }

  func restart(_ agent: String) throws(FleetRefusal) {
    if let refusal = refusal(of: .restart(agent)) { throw refusal }
    calls.append("restart \(agent)")
  }

  func desiredStateIsLoaded() { calls.append("loaded") }

  func takeCalls() -> [String] {
    defer { calls = [] }
    return calls
  }
}

/// A keeper with a folder, a loop and a driver of its own.
final class KeptAgents {
  let folder: TemporaryFolder
  let loop: ControlLoop
  let fleet = RecordedFleet()
  var events: [LogEvent] = []
  var failures: [Explanation] = []
  private let configuration: SupervisorConfiguration
  private let environment: [String: String]

  /// - Parameters:
  ///   - config: what the config says at the start; nil: there is none.
  ///   - variables: of the supervisor's environment.
  init(
    config: String? = nil, folder: TemporaryFolder? = nil, variables: [String: String] = [:]
  ) throws {
    let folder = try folder ?? TemporaryFolder()
    var environment = ["SUPERVISOR_STATE_DIR": folder.path + "/state"]
    if let config {
      environment["SUPERVISOR_CONFIG"] = try folder.write("agents.yaml", config)
    }
    environment.merge(variables) { $1 }
    configuration = try SupervisorConfiguration.read(environment).get()
    self.folder = folder
    loop = try ControlLoop()
    self.environment = environment
  }

  private(set) lazy var keeper = DesiredAgents(
    configuration, environment: environment, inherited: [:], runID: "run", loop: loop,
    listener: DesiredAgents.Listener(
      log: { [unowned self] event, _ in events.append(event) },
      startFailed: { [unowned self] in failures.append($0) }))

  func start() { keeper.start(fleet) }

  func write(_ config: String) throws { try folder.write("agents.yaml", config) }

  /// The config is written and a SIGHUP came.
  func reload(_ config: String) throws {
    try write(config)
    keeper.reload()
  }

  /// What was logged since the last time, as far as the desired state goes.
  func takeLines() -> [String] {
    defer { events = [] }
    return events.map { event in
      switch event {
      case .supervisor(.desiredState(let facts)):
        "\(facts.source.rawValue) +\(facts.added) ~\(facts.changed) -\(facts.removed)"
          .filter { $0 != "\"" }
      case .supervisor(.desiredRefused(let source, let errors)):
        "refused \(source.rawValue): " + errors.joined(separator: "; ")
      case .supervisor(.adminRequest(let facts)):
        "\(facts.method) \(facts.path) \(facts.status) \(facts.agent ?? "-") \(facts.peer)"
      case .warning(let code, let message): "\(code): \(message)"
      default: "\(event)"
      }
    }
  }

  /// Runs what the loop has to do now, and what is due within `time`. Once.
  func runLoop(_ time: Interval = .zero) {
    _ = loop.schedule(at: Clock.now() + time) { [loop] in loop.stop() }
    loop.run()
  }

  func revision(_ id: String) -> String { keeper.state.agents[id]?.spec.revision ?? "none" }

  /// What stands in the state's file.
  var written: DesiredState? {
    (try? DesiredState(readFile(folder.path + "/state/state.json") ?? []))
  }
}
