import AgentPackages
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Maps the machine's state to the words of the HTTP gate. A subscriber: it decides nothing.
struct SnapshotComposer {
  let configuration: Configuration
  /// Somebody else opened the REST port and counts on it being served from then on: the first boot
  /// holds requests like a restart.
  let restListenerWasPassed: Bool
  /// What is hosted, once it is verified.
  var package: VerifiedPackage?
  /// The surfaces that are really served.
  var surfaces: [String] = ["rest"]
  /// Who serves, from its readiness on.
  var worker: Worker?
  /// The first boot, once it is over.
  private var boot: Boot?
  private var restarts = 0
  /// Workers that were killed because their event loop stood still.
  var stuckWorkers = 0
  /// Reloads: those that replaced the worker, and those that did not.
  var reloads = (finished: 0, failed: 0)
  private let droppedLines: @Sendable () -> Int64

  init(
    configuration: Configuration, restListenerWasPassed: Bool = false,
    droppedLines: @escaping @Sendable () -> Int64 = { 0 }
  ) {
    self.configuration = configuration
    self.restListenerWasPassed = restListenerWasPassed
    self.droppedLines = droppedLines
  }

  /// Keeps what later states no longer tell.
  mutating func learn(_ state: State) {
    if case .ready(let ready) = state { boot = ready.boot }
    restarts = max(restarts, (state.attempt ?? 1) - 1)
  }

  func snapshot(of state: State) -> Snapshot {
    let (restarts, droppedLines, stuckWorkers) = (restarts, droppedLines, stuckWorkers)
    let (reloads, lag) = (reloads, loopLag(of: state))
    let isReady = state.name == .ready
    // Before the first Ready nothing of the package is shown.
    let wasReady = boot != nil
    return Snapshot(
      gate: gate(of: state), state: state.name.rawValue, reason: reason(of: state),
      surfaces: surfaces.map { SurfaceState(name: $0, ready: isReady) },
      meta: wasReady ? meta : nil, holdsBoot: restListenerWasPassed,
      worker: servesAgent(state) ? worker : nil,
      uiFolder: wasReady ? package?.manifest.uiFolder : nil,
      bootMilliseconds: boot?.total.milliseconds,
      budgetMilliseconds: configuration.bootBudget.milliseconds,
      gauges: [
        Gauge(
          name: "par_worker_restarts_total", help: "Restarts of the agent since the first Ready.",
          value: { Double(restarts) }),
        Gauge(
          name: "par_workers_stuck_total",
          help: "Workers killed because the agent's event loop stood still.",
          value: { Double(stuckWorkers) }),
        Gauge(
          name: "par_agent_loop_lag_seconds",
          help: "How late the agent's event loop runs: its last beat, or one that is due.",
          value: lag),
        Gauge(
          name: "par_reloads_total", help: "Workers replaced by a reload.",
          value: { Double(reloads.finished) }),
        Gauge(
          name: "par_reloads_failed_total", help: "Reloads that left the worker in its place.",
          value: { Double(reloads.failed) }),
        Gauge(
          name: "par_log_dropped_lines_total", help: "Log lines lost to a slow reader.",
          value: { Double(droppedLines()) }),
      ])
  }

  /// 0 while nobody serves, or nothing is measured.
  private func loopLag(of state: State) -> @Sendable () -> Double {
    guard servesAgent(state), let memory = worker?.memory, let limits = configuration.beatLimits
    else { return { 0 } }
    return {
      let last = memory.lastBeat
      guard last > 0 else { return 0 }
      let overdue = Clock.now() - Clock.instant(ofMonotonic: last) - limits.interval
      return max(Double(memory.lateness) / 1e9, overdue.seconds, 0)
    }
  }

  func gate(of state: State) -> Gate {
    switch state {
    case .fetching, .verifying, .installing: .booting
    case .loading(let loading):
      if case .again = loading.course { .restarting } else { .booting }
    case .ready: .ready
    case .draining(let draining):
      // Without its worker an agent has nothing to serve new work with.
      if case .lameDuck = draining.stage, draining.workerRuns || !hasCode {
        .lameDuck
      } else {
        .closing
      }
    case .stopped: .closing
    }
  }

  /// Why health is not 200, from this closed list.
  func reason(of state: State) -> String? {
    switch state {
    case .fetching, .verifying, .installing: state.name.rawValue
    case .loading(let loading):
      if case .again = loading.course { "restarting" } else { "loading" }
    case .ready: nil
    case .draining(let draining): draining.cause.isAsked ? "draining" : "failed"
    case .stopped(let stopped): stopped.cause.isAsked ? "stopped" : "failed"
    }
  }

  private var hasCode: Bool { package?.manifest.needsPython ?? false }

  private func servesAgent(_ state: State) -> Bool {
    switch state {
    case .ready: true
    case .draining(let draining): draining.workerRuns
    case .fetching, .verifying, .installing, .loading, .stopped: false
    }
  }

  /// The body of `P/meta`.
  private var meta: [UInt8]? {
    guard let package, let boot else { return nil }
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return JSONWriter.encode(
      .members([
        "name": .string(package.manifest.name), "version": .string(package.manifest.version),
        "description": .string(package.manifest.description),
        "author": .string(package.manifest.author), "sha256": text(package.sha256),
        "deployment_id": text(configuration.deploymentID),
        "surfaces": .array(surfaces.map { .string($0) }),
        "boot": .members([
          "total_ms": .integer(boot.total.milliseconds),
          "phases_ms": PhaseTimes(boot.phases).json,
        ]),
      ]))
  }
}
