import ControlPlane
import DataPlane
import Lifecycle
import RunConfiguration
import Testing

@testable import Controller

@Suite("The gate's snapshot")
struct SnapshotTests {
  /// Machines on every way that a run can go, found by trying all events.
  static let machines: [Machine] = {
    var found: [Machine] = []
    for policy in [Policy(), Policy(restartsMaximum: 1, terminateMinimum: .zero)] {
      var queue = [Machine(policy: policy)]
      var depth = 0
      while depth < 12, !queue.isEmpty {
        depth += 1
        var next: [Machine] = []
        for machine in queue where !found.contains(machine) {
          found.append(machine)
          for event in events(machine.state) {
            var copy = machine
            if copy.handle(event, at: Instant(nanoseconds: Int64(depth) * 1_000_000)).verdict
              == .moved
              || copy != machine
            {
              next.append(copy)
            }
          }
        }
        queue = Array(next.prefix(300))
      }
    }
    return found
  }()

  private static func events(_ state: State) -> [Event] {
    let attempt = state.attempt ?? 1
    return [
      .started, .packageFetched, .environmentInstalled, .nothingInFlight,
      .packageVerified(Preparation(environment: .hit, hasWorker: true)),
      .packageVerified(Preparation(environment: .none, hasWorker: false)),
      .workerReady(attempt: attempt), .workerLost(attempt: attempt, jitter: 0),
      .failed(.failure), .terminationRequested(.terminate), .terminationRequested(.interrupt),
    ] + Timer.allCases.map { .timerFired($0) }
  }

  @Test("lets health be 200 in ready, and in no other situation of the machine")
  func readyAlone() throws {
    let composer = SnapshotComposer(configuration: try configuration())
    var gates: Set<Gate> = []
    for machine in Self.machines {
      let snapshot = composer.snapshot(of: machine.state)
      gates.insert(snapshot.gate)
      let isReady = machine.state.name == .ready
      #expect((snapshot.gate == .ready) == isReady)
      #expect((snapshot.reason == nil) == isReady)
      #expect(snapshot.surfaces.allSatisfy { $0.ready == isReady })
      #expect(snapshot.state == machine.state.name.rawValue)
    }
    #expect(gates == Set(Gate.allCases))
    #expect(Set(Self.machines.map(\.state.name)) == Set(StateName.allCases))
  }

  @Test("serves new work in a drain only as long as the machine does")
  func draining() throws {
    let composer = SnapshotComposer(configuration: try configuration())
    for machine in Self.machines {
      guard case .draining(let draining) = machine.state else { continue }
      let gate = composer.gate(of: machine.state)
      if case .lameDuck = draining.stage {
        #expect(gate == .lameDuck)
        #expect(machine.state.timers(machine.policy)[.drainMinimum] != nil)
      } else {
        #expect(gate == .closing)
      }
    }
  }

  @Test("gives reasons from a closed list")
  func reasons() throws {
    let composer = SnapshotComposer(configuration: try configuration())
    let reasons = Set(Self.machines.compactMap { composer.reason(of: $0.state) })
    #expect(
      reasons == [
        "fetching", "verifying", "installing", "loading", "restarting", "draining", "stopped",
        "failed",
      ])
  }

  @Test(
    "lets the first boot hold requests where the listener was passed", arguments: [true, false])
  func passedListener(wasPassed: Bool) throws {
    let composer = SnapshotComposer(
      configuration: try configuration(), restListenerWasPassed: wasPassed)
    #expect(
      Self.machines.allSatisfy { composer.snapshot(of: $0.state).holdsBoot == wasPassed })
  }

  @Test("takes the bounds of held requests from the configuration")
  func holdBounds() throws {
    let standard = DataPlaneOptions(try configuration())
    #expect(standard.limits.heldRequests == 256 && standard.holdTime == .seconds(10))
    let changed = DataPlaneOptions(
      try configuration(["HOLD_MAX_REQUESTS": "0", "HOLD_MAX_SEC": "2.5"]))
    #expect(changed.limits.heldRequests == 0 && changed.holdTime == .milliseconds(2500))
  }

  @Test("shows where an agent is only where something is forwarded")
  func socket() throws {
    var composer = SnapshotComposer(configuration: try configuration())
    composer.worker = Worker(restSocket: "/run/rest.sock", a2a: .unix("/run/a2a.sock"))
    for machine in Self.machines {
      let snapshot = composer.snapshot(of: machine.state)
      let socket = snapshot.worker?.rest
      switch machine.state {
      case .ready: #expect(socket != nil)
      case .draining(let draining): #expect((socket != nil) == draining.workerRuns)
      case .fetching, .verifying, .installing, .loading, .stopped: #expect(socket == nil)
      }
    }
  }
}

@Suite("The control group")
struct ControlGroupTests {
  @Test("tells a number of kills, or nothing where there is no such group")
  func kills() {
    if let kills = ControlGroup.oomKills() { #expect(kills >= 0) }
  }
}
