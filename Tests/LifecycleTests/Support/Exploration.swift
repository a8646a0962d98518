import Lifecycle

/// Every situation that a machine with this policy can come into, found breadth first by giving each
/// machine every event, now, and by letting time pass. Written apart from the table that the program
/// prints, so that the two can be compared.
struct Exploration {
  /// One machine of each situation, in the order found.
  private(set) var machines: [Machine] = []
  /// When each of them came into it.
  private(set) var times: [Instant] = []

  init(policy: Policy) {
    var seen: Set<String> = []
    var queue: [(Machine, Instant)] = [(Machine(policy: policy), .start)]
    while !queue.isEmpty {
      let (machine, now) = queue.removeFirst()
      guard seen.insert(Self.situation(machine.state)).inserted else { continue }
      machines.append(machine)
      times.append(now)
      for (event, time) in Self.inputs(machine, now) {
        var next = machine
        _ = next.handle(event, at: time)
        queue.append((next, time))
      }
    }
  }

  /// What can happen to a machine: any event at once; its timers when they are due; any event after
  /// a while in which no timer is due.
  static func inputs(_ machine: Machine, _ now: Instant) -> [(Event, Instant)] {
    let events = events(for: machine.state)
    var inputs = events.map { ($0, now) }
    let timers = machine.timers
    for (timer, due) in timers { inputs.append((.timerFired(timer), max(now, due))) }
    let later = now + .seconds(2)
    if timers.values.allSatisfy({ $0 > later }) { inputs += events.map { ($0, later) } }
    return inputs
  }

  /// Every event but timers, for the attempt of the state, the one before and the one after.
  static func events(for state: State) -> [Event] {
    let attempt = state.attempt ?? 1
    var events: [Event] = [
      .started, .packageFetched, .environmentInstalled, .nothingInFlight,
      .packageVerified(Preparation(environment: .none, hasWorker: false)),
    ]
    events += Preparation.Environment.allCases.map {
      .packageVerified(Preparation(environment: $0, hasWorker: true))
    }
    for number in attempt - 1...attempt + 1 {
      events += [.workerReady(attempt: number), .workerLost(attempt: number, jitter: 7)]
    }
    events += Failure.allCases.map { .failed($0) }
    events += Signal.allCases.map { .terminationRequested($0) }
    return events
  }

  /// A state without its times and without the number of the attempt.
  static func situation(_ state: State) -> String {
    switch state {
    case .fetching(let fetching): "fetching \(fetching.begunAt == nil)"
    case .verifying: "verifying"
    case .installing(let installing): "installing \(installing.preparation)"
    case .loading(let loading):
      "loading \(state.wasReady) \(loading.hasWorker) \(loading.stage == .starting) "
        + "\(state.restartCount)"
    case .ready(let ready): "ready \(ready.hasWorker) \(state.restartCount)"
    case .draining(let draining):
      "draining \(draining.cause) \(Self.stage(draining.stage)) \(draining.workerRuns) "
        + "\(draining.isIdle) \(draining.hasStreams) \(draining.signalledAt == nil)"
    case .stopped(let stopped): "stopped \(stopped.cause) \(stopped.ending)"
    }
  }

  private static func stage(_ stage: Draining.Stage) -> String {
    if case .lameDuck = stage { "lame duck" } else { "\(stage)" }
  }

  /// What can be reached under each of the policies.
  static let all: [(name: String, exploration: Exploration)] = policies.map {
    ($0.name, Exploration(policy: $0.policy))
  }

  /// Policies that differ in what decides the way.
  static let policies: [(name: String, policy: Policy)] = {
    var policies: [(String, Policy)] = []
    for restarts in 0...3 {
      for limit: Interval? in [nil, .seconds(10)] {
        for (deadline, minimum) in [(30.0, 1.0), (30, 0), (0.5, 0.05), (0.5, 0), (120, 119.5)] {
          policies.append(
            (
              "restarts \(restarts), hard limit \(limit == nil ? "off" : "on"), "
                + "deadline \(deadline) s, minimum \(minimum) s",
              Policy(
                hardLimit: limit, restartsMaximum: restarts, drainDeadline: .seconds(deadline),
                terminateMinimum: .seconds(minimum), streamDrain: .seconds(deadline / 2))
            ))
        }
      }
    }
    return policies
  }()
}
