import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Maps the machine's state to what the gate lets through. A subscriber: it decides nothing.
extension SupervisorRun {
  /// Requests of an agent go to another worker from here on.
  func route(_ agent: String, to number: Int?) {
    guard let record = records[agent] else { return }
    let former = record.routed
    let next = number.flatMap { workers[$0] }
    records[agent]?.routed = next
    publish(agent)
    if let former, former !== next { dataPlane?.retire(former.upstream) }
  }

  /// Nothing of an agent is left.
  func forget(_ agent: String) {
    records[agent] = nil
    releases[agent] = nil
    places.forget(agent)
    publishDirectory()
  }

  /// What a step changed for requests.
  func publish(_ step: SupervisionStep) {
    for transition in step.transitions { publish(transition.agent) }
    if step.verdict == .moved { publishOwn() }
  }

  func publishDirectory() {
    let entries = records.map { id, record in
      BackendEntry(record.backend, deploymentID: deploymentID(of: id))
    }
    dataPlane?.publish(directory: entries)
  }

  private func deploymentID(of id: String) -> String? {
    guard let agent = supervision.agent(id) else { return nil }
    let revision = agent.active?.revision ?? agent.target?.deployment.revision
    return revision.flatMap { releases[id]?[$0]?.deploymentID }
  }

  func publish(_ id: String) {
    guard let record = records[id] else { return }
    dataPlane?.publish(snapshot(of: id, record), for: record.backend)
  }

  func publishAll() { for id in records.keys { publish(id) } }

  private func snapshot(of id: String, _ record: AgentRecord) -> Snapshot {
    let state = supervision.agent(id)?.name ?? .stopped
    let restarts = record.restarts.count
    return Snapshot(
      gate: gate(state, isRouted: record.routed != nil), state: state.rawValue,
      reason: state == .ready ? nil : state.rawValue,
      worker: (record.routed ?? listening(id))?.upstream,
      gauges: [
        Gauge(
          name: "par_worker_restarts_total", help: "Workers started again after their end.",
          value: { Double(restarts) })
      ])
  }

  private func gate(_ state: AgentStateName, isRouted: Bool) -> Gate {
    if isClosing { return .closing }
    if isRouted { return isDraining ? .lameDuck : .ready }
    switch state {
    case .booting, .failed: return .booting
    case .ready, .restarting: return .restarting
    case .draining, .stopped: return .closing
    }
  }

  /// A worker that boots, when none serves: it tells of its own health.
  private func listening(_ id: String) -> FleetWorker? {
    let numbers = supervision.agent(id)?.workers ?? []
    return numbers.last.flatMap { workers[$0] }.flatMap { $0.testimony.runID == nil ? nil : $0 }
  }

  // MARK: The supervisor's own health

  var isDraining: Bool {
    switch supervision.phase {
    case .draining, .stopped: true
    case .starting, .serving: false
    }
  }

  func publishOwn() { dataPlane?.publish(ownSnapshot) }

  var ownSnapshot: Snapshot {
    let phase = supervision.phase.name
    let gate: Gate =
      switch phase {
      case .starting: .booting
      case .serving: .ready
      case .draining, .stopped: isClosing ? .closing : .lameDuck
      }
    let log = log
    let counts = supervision.counts
    var snapshot = Snapshot(
      gate: gate, state: phase.rawValue, reason: phase == .serving ? nil : phase.rawValue,
      surfaces: [],
      gauges: [
        Gauge(
          name: "par_log_dropped_lines_total", help: "Log lines lost to a slow reader.",
          value: { Double(log.dropped) })
      ])
    snapshot.healthMembers = [
      JSONMember(
        "agents",
        .object(
          AgentStateName.allCases.map { JSONMember($0.rawValue, .integer(Int64(counts[$0] ?? 0))) })
      )
    ]
    return snapshot
  }

  // MARK: The drain

  /// New requests are served for `DRAIN_MIN_SEC`, then refused. The workers refuse them a little
  /// later, so that none that was let through finds its worker gone.
  func closeLater(at now: Instant) {
    publishAll()
    let minimum =
      drainCause == Signal.interrupt.rawValue
      ? configuration.common.interruptDrainMinimum : configuration.common.drainMinimum
    guard minimum > .zero else { return close() }
    if minimum > Self.lastAccept {
      _ = loop.schedule(at: now + (minimum - Self.lastAccept)) { [unowned self] in
        dataPlane?.leaveBacklog()
      }
    }
    _ = loop.schedule(at: now + minimum) { [unowned self] in close() }
  }

  /// So long before new work is refused the last connection is accepted from a passed socket.
  static let lastAccept = Interval.milliseconds(100)

  private func close() {
    guard !isClosing else { return }
    isClosing = true
    publishOwn()
    publishAll()
  }
}
