import Lifecycle
import Testing

/// What holds in everything that a machine can come into, for many policies.
@Suite("Whatever happens")
struct ReachabilityTests {
  /// The arrows between states, and no others.
  static let arrows: Set<String> = [
    "fetching fetching", "fetching verifying", "verifying installing", "installing loading",
    "loading ready", "loading loading", "ready loading", "fetching draining",
    "verifying draining", "installing draining", "loading draining", "ready draining",
    "draining stopped",
  ]

  @Test("all seven states are reached", arguments: [0, 3])
  func allStates(restarts: Int) {
    let reached = Exploration(policy: Policy(restartsMaximum: restarts)).machines
    #expect(Set(reached.map(\.state.name)) == Set(StateName.allCases))
  }

  @Test("a machine moves along the arrows alone: only draining leads to stopped, which is final")
  func moves() {
    for (name, exploration) in Exploration.all {
      for (machine, now) in zip(exploration.machines, exploration.times) {
        for (event, time) in Exploration.inputs(machine, now) {
          var next = machine
          let step = next.handle(event, at: time)
          #expect(step.to == next.state.name)
          #expect(step.from == machine.state.name)
          guard step.verdict == .moved else {
            #expect(step.to == step.from)
            continue
          }
          #expect(Self.arrows.contains("\(step.from) \(step.to)"), "\(name): \(event)")
          #expect(!step.cause.isEmpty)
          #expect((step.to == .stopped) == step.effects.contains { $0.name.hasPrefix("exit") })
          if step.to == .ready {
            #expect(event == .workerReady(attempt: machine.state.attempt ?? 0))
          }
        }
      }
    }
  }

  @Test("stopped is reached after a termination, in time, when nothing happens but the timers")
  func stops() {
    for (name, exploration) in Exploration.all {
      for (machine, now) in zip(exploration.machines, exploration.times) {
        for signal in Signal.allCases {
          var machine = machine
          _ = machine.handle(.terminationRequested(signal), at: now)
          if case .stopped = machine.state { continue }
          guard case .draining(let draining) = machine.state else {
            Issue.record("\(name): \(machine.state)")
            continue
          }
          let deadline = draining.startedAt + machine.policy.drainDeadline
          var fired = 0
          while machine.state.name != .stopped, let (timer, due) = machine.earliestTimer {
            // A drain that ended in time was asked to before; the search may be late by its steps.
            _ = machine.handle(.timerFired(timer), at: max(due, now))
            fired += 1
            #expect(due < deadline, "\(name): \(timer)")
            if fired > Timer.allCases.count { break }
          }
          #expect(machine.state.name == .stopped, "\(name)")
        }
      }
    }
  }

  @Test("no event puts the deadline of a drain off")
  func deadlineStays() {
    for (name, exploration) in Exploration.all {
      for (machine, now) in zip(exploration.machines, exploration.times) {
        guard machine.state.name == .draining else { continue }
        for (event, time) in Exploration.inputs(machine, now) {
          var next = machine
          _ = next.handle(event, at: time)
          if next.state.name == .stopped { continue }
          #expect(
            next.timers[.drainDeadline] == machine.timers[.drainDeadline], "\(name): \(event)")
        }
      }
    }
  }

  @Test("a timer that is not armed changes nothing")
  func unarmed() {
    for (name, exploration) in Exploration.all {
      for (machine, now) in zip(exploration.machines, exploration.times) {
        for timer in Timer.allCases where machine.timers[timer] == nil {
          var next = machine
          let step = next.handle(.timerFired(timer), at: now)
          #expect(next == machine, "\(name): \(timer) in \(machine.state)")
          #expect(step.effects.isEmpty)
        }
      }
    }
  }

  @Test("a timer that is armed is never illegal")
  func armed() {
    for (name, exploration) in Exploration.all {
      for machine in exploration.machines {
        for (timer, due) in machine.timers {
          var next = machine
          let step = next.handle(.timerFired(timer), at: due)
          #expect(
            step.verdict == .moved || step.verdict == .stayed,
            "\(name): \(timer) in \(machine.state)")
        }
      }
    }
  }
}

extension Machine {
  /// The timer that is due first; of several the one whose name comes first.
  var earliestTimer: (timer: Timer, due: Instant)? {
    timers.min { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }
      .map { ($0.key, $0.value) }
  }
}
