extension Machine {
  /// The transitions that the machine can make from here, now or when a timer is due, as an operator
  /// would write them: `drain (SIGTERM | SIGINT | failure | hard_limit from 10134 ms on)`. What stays
  /// inside the state on the way is passed through.
  func allowed(at now: Instant) -> [String] {
    var ways: [(machine: Machine, at: Instant)] = [(self, now)]
    var seen: Set<String> = [state.situation(policy)]
    var moves: [(event: String, causes: [String: Instant])] = []
    while let index = ways.indices.min(by: { ways[$0].at < ways[$1].at }) {
      let (machine, time) = ways.remove(at: index)
      for (event, due) in machine.inputs(at: time) {
        var next = machine
        let step = next.handle(event, at: due)
        switch step.verdict {
        case .moved:
          let name = step.to.transitionName
          let place = moves.firstIndex { $0.event == name } ?? moves.count
          if place == moves.count { moves.append((name, [:])) }
          moves[place].causes[step.cause] = min(due, moves[place].causes[step.cause] ?? due)
        case .stayed:
          if seen.insert(next.state.situation(policy)).inserted { ways.append((next, due)) }
        case .ignored, .illegal: break
        }
      }
    }
    return moves.map { "\($0.event) (\(Self.list($0.causes, after: now)))" }
  }

  /// Every event that can come here, and when: a timer when it is due, a second signal also later.
  private func inputs(at now: Instant) -> [(event: Event, at: Instant)] {
    let timers = state.timers(policy)
    return MachineTable.events.compactMap { _, event, offset in
      switch event {
      case .timerFired(let timer): return timers[timer].map { (event, max(now, $0)) }
      // The configuration is read before the boot.
      case .failed(.configuration) where state.hasBegun: return nil
      default: return (event.addressed(to: state), now + (offset - .start))
      }
    }
  }

  private static func list(_ causes: [String: Instant], after now: Instant) -> String {
    causes.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
      .map { cause, due in
        due > now ? "\(cause) from \(due.milliseconds) ms on" : cause
      }
      .joined(separator: " | ")
  }
}

extension StateName {
  /// The event of the line that tells of a transition to this state.
  var transitionName: String {
    switch self {
    case .fetching: "fetch"
    case .verifying: "verify"
    case .installing: "install"
    case .loading: "load"
    case .ready: "runtime_ready"
    case .draining: "drain"
    case .stopped: "stopped"
    }
  }
}
