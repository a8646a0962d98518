import Lifecycle
import Testing

/// Long runs of events by chance, with the timers fired when they are due, as a driver does.
@Suite("Random walks")
struct RandomWalkTests {
  static let stepsPerWalk = 10_000

  @Test("never leave the states' rules", arguments: 0..<20)
  func walk(seed: Int) {
    var random = SplitMix(seed: UInt64(seed))
    var steps = 0
    var stops = 0
    while steps < Self.stepsPerWalk {
      let policies = Exploration.policies
      let policy = policies[Int.random(in: 0..<policies.count, using: &random)].policy
      var walk = Walk(policy: policy)
      while steps < Self.stepsPerWalk, walk.machine.state.name != .stopped {
        steps += 1
        if let broken = walk.step(&random) {
          Issue.record("seed \(seed), step \(steps): \(broken)")
          return
        }
      }
      stops += 1
    }
    #expect(stops > 10)
  }
}

/// One machine on its way, and the rules that it is held to.
private struct Walk {
  var machine: Machine
  private var now = Instant.start
  private var attempt = 0
  private var wasReady = false
  private var losses: [Instant] = []

  init(policy: Policy) { machine = Machine(policy: policy) }

  /// Lets a little time pass, or an event come; a sentence when a rule is broken.
  mutating func step(_ random: inout SplitMix) -> String? {
    let event: Event
    if Int.random(in: 0..<4, using: &random) == 0 {
      let pause = Interval.milliseconds(.random(in: 0...30_000, using: &random))
      guard let (timer, due) = machine.earliestTimer, due <= now + pause else {
        now = now + pause
        return nil
      }
      now = max(now, due)
      event = .timerFired(timer)
    } else {
      event = choose(&random)
    }
    let before = machine
    let step = machine.handle(event, at: now)
    return trouble(event, step, before)
  }

  /// Progress is likelier than an end, so that walks get far.
  private func choose(_ random: inout SplitMix) -> Event {
    let events = Exploration.events(for: machine.state)
    while true {
      let event = events[Int.random(in: 0..<events.count, using: &random)]
      let isEnd =
        switch event {
        case .failed, .terminationRequested: true
        default: false
        }
      if !isEnd || Int.random(in: 0..<30, using: &random) == 0 { return event }
    }
  }

  private mutating func trouble(_ event: Event, _ step: Step, _ before: Machine) -> String? {
    let state = machine.state
    guard step.from == before.state.name, step.to == state.name else { return "the step lies" }
    if step.verdict == .moved {
      guard ReachabilityTests.arrows.contains("\(step.from) \(step.to)") else {
        return "\(step.from) → \(step.to)"
      }
    } else if step.from != step.to {
      return "moved without saying so"
    }
    if step.verdict == .ignored || step.verdict == .illegal {
      guard machine == before, step.effects.isEmpty else { return "\(event) changed something" }
    }
    if let new = state.attempt {
      guard new >= attempt, new <= attempt + 1 else { return "attempt \(new) after \(attempt)" }
      attempt = new
    }
    if step.from == .loading, step.to == .loading || step.to == .draining, step.verdict == .moved,
      step.cause == "worker_lost", !wasReady
    {
      return "a first boot is retried"
    }
    if state.name == .ready { wasReady = true }
    guard state.wasReady == (wasReady && state.attempt != nil) else {
      return "forgot that it was ready"
    }
    if step.to == .loading, step.from != .installing, step.verdict == .moved {
      losses = losses.filter { now - $0 < machine.policy.restartsWindow } + [now]
      guard losses.count <= machine.policy.restartsMaximum else { return "restarted too often" }
      guard losses.count == state.restartCount else { return "miscounted its restarts" }
    }
    return timerTrouble()
  }

  private func timerTrouble() -> String? {
    let policy = machine.policy
    let timers = machine.timers
    let allowed: Set<Timer> =
      switch machine.state.name {
      case .fetching: [.fetchTimeout]
      case .verifying: [.hardLimit]
      case .installing: [.hardLimit, .installTimeout]
      case .loading: [.hardLimit, .loadTimeout, .restartDelay]
      case .ready, .stopped: []
      case .draining: [.drainMinimum, .streamDrain, .agentStop, .agentKill, .drainDeadline]
      }
    guard allowed.isSuperset(of: timers.keys) else { return "armed \(timers.keys)" }
    if policy.hardLimit == nil, timers[.hardLimit] != nil { return "armed an absent limit" }
    if machine.state.name == .draining {
      guard let deadline = timers[.drainDeadline] else { return "drains without a deadline" }
      for timer in [Timer.agentStop, .agentKill] where timers[timer] ?? .start > deadline {
        return "\(timer) after the deadline"
      }
    }
    if machine.state.name == .loading, timers.count != 1 { return "loads with \(timers)" }
    return nil
  }
}
