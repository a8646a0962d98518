import Lifecycle
import Testing

@Suite("A timer that fired")
struct FiredTimerTests {
  @Test("is armed no more, or later: it cannot fire for ever", arguments: Timer.allCases)
  func isNotArmedAgain(timer: Timer) {
    for machine in Self.reachable() {
      guard let due = machine.state.timers(machine.policy)[timer] else { continue }
      var next = machine
      let step = next.handle(.timerFired(timer), at: due)
      #expect(step.verdict != .ignored && step.verdict != .illegal)
      if let again = next.state.timers(next.policy)[timer] { #expect(again > due) }
    }
  }

  /// Machines in every state that events at one instant lead to.
  static func reachable() -> [Machine] {
    var machines = [Machine(policy: Policy(restartsMaximum: 2))]
    let events: [Event] =
      [
        .started, .packageFetched, .environmentInstalled, .nothingInFlight, .failed(.failure),
        .terminationRequested(.terminate), .terminationRequested(.interrupt),
        .packageVerified(Preparation(environment: .miss, hasWorker: true)),
        .packageVerified(Preparation(environment: .none, hasWorker: true)),
        .packageVerified(Preparation(environment: .none, hasWorker: false)),
      ] + (1...4).flatMap { [.workerReady(attempt: $0), .workerLost(attempt: $0, jitter: 0)] }
      + Timer.allCases.map { .timerFired($0) }
    var index = 0
    while index < machines.count {
      for event in events {
        var next = machines[index]
        _ = next.handle(event, at: .start)
        if !machines.contains(next) { machines.append(next) }
      }
      index += 1
    }
    return machines
  }
}
