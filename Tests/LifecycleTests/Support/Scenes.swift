import Lifecycle

/// Machines brought into a state by the events that lead there.
enum Scene {
  static let prepared = Preparation(environment: .hit, hasWorker: true)

  static func fetching(_ policy: Policy = Policy()) -> Machine {
    after([(.started, 0)], Machine(policy: policy))
  }

  static func verifying(_ policy: Policy = Policy()) -> Machine {
    after([(.packageFetched, 100)], fetching(policy))
  }

  static func installing(
    _ policy: Policy = Policy(), _ preparation: Preparation = prepared
  ) -> Machine {
    after([(.packageVerified(preparation), 300)], verifying(policy))
  }

  static func loading(
    _ policy: Policy = Policy(), _ preparation: Preparation = prepared
  ) -> Machine {
    after([(.environmentInstalled, 700)], installing(policy, preparation))
  }

  /// Ready at 1.5 s.
  static func ready(_ policy: Policy = Policy(), _ preparation: Preparation = prepared) -> Machine {
    after([(.workerReady(attempt: 1), 1500)], loading(policy, preparation))
  }

  /// Loading again without a delay, at 2 s.
  static func loadingAgain(_ policy: Policy = Policy()) -> Machine {
    after([(.workerLost(attempt: 1, jitter: 0), 2000)], ready(policy))
  }

  /// Waiting before the third attempt, from 3 s to 3.5 s.
  static func waiting(_ policy: Policy = Policy()) -> Machine {
    after(
      [(.workerReady(attempt: 2), 2500), (.workerLost(attempt: 2, jitter: 0), 3000)],
      loadingAgain(policy))
  }

  /// Asked to stop at 10 s, from ready.
  static func draining(
    _ policy: Policy = Policy(), _ signal: Signal = .terminate,
    _ preparation: Preparation = prepared
  ) -> Machine {
    after([(.terminationRequested(signal), 10_000)], ready(policy, preparation))
  }

  static func stopped(_ policy: Policy = Policy()) -> Machine {
    after([(.timerFired(.drainDeadline), 40_000)], draining(policy))
  }

  /// One machine of each state.
  static let all: [Machine] = [
    fetching(), verifying(), installing(), loading(), ready(), draining(), stopped(),
  ]

  static func after(_ events: [(Event, Int64)], _ machine: Machine) -> Machine {
    var machine = machine
    for (event, milliseconds) in events { _ = machine.handle(event, at: .at(milliseconds)) }
    return machine
  }
}

extension Instant {
  /// Milliseconds since the start.
  static func at(_ milliseconds: Int64) -> Instant { .start + .milliseconds(milliseconds) }

  var milliseconds: Int64 { (self - .start).milliseconds }
}

extension Machine {
  /// A copy after an event, and what came of it.
  func after(_ event: Event, at milliseconds: Int64) -> (machine: Machine, step: Step) {
    var next = self
    let step = next.handle(event, at: .at(milliseconds))
    return (next, step)
  }

  var timers: [Timer: Instant] { state.timers(policy) }
}
