@testable import Lifecycle

/// One damage to a good log, drawn by chance.
struct Damage {
  /// The kinds, as a table of rates has them.
  static let kinds = [
    "drop", "drop, renumbered", "duplicate", "duplicate, renumbered", "swap", "swap, renumbered",
    "from", "to", "cause", "attempt", "seq", "uptime", "pid", "number",
  ]

  let kind: String
  let lines: [LogLine]

  init(_ kind: String, _ good: [LogLine], _ random: inout SplitMix) {
    self.kind = kind
    var lines = good
    let any = Int.random(in: lines.indices, using: &random)
    let transitions = lines.indices.filter { lines[$0].event.transition != nil }
    let moving = transitions[Int.random(in: transitions.indices, using: &random)]
    let other = Int.random(in: 0..<lines.count - 1, using: &random)
    switch kind {
    case "drop": lines.remove(at: any)
    case "drop, renumbered":
      lines.remove(at: any)
      lines = renumbered(lines)
    case "duplicate": lines.insert(lines[any], at: any)
    case "duplicate, renumbered":
      lines.insert(lines[any], at: any)
      lines = renumbered(lines)
    case "swap": lines.swapAt(other, other + 1)
    case "swap, renumbered":
      lines.swapAt(other, other + 1)
      lines = renumbered(lines)
    case "from":
      let state = StateName.allCases[Int.random(in: 0..<7, using: &random)]
      lines[moving].event.changeTransition { $0.from = state }
    case "to":
      let state = StateName.allCases[Int.random(in: 0..<7, using: &random)]
      lines[moving].event.changeTransition { $0.to = state }
    case "cause":
      let causes = [
        "started", "package_fetched", "worker_ready", "worker_lost", "load_timed_out", "failure",
        "hard_limit", "drained", "deadline", "second_signal", "other",
      ]
      let cause = causes[Int.random(in: causes.indices, using: &random)]
      lines[moving].event.changeTransition { $0.cause = cause }
    case "attempt":
      let attempt = [nil, 1, 2, 3, 9][Int.random(in: 0..<5, using: &random)]
      lines[moving].event.changeTransition { $0.attempt = attempt }
    case "seq": lines[any].sequence += Int64.random(in: 1...5, using: &random)
    case "uptime":
      lines[moving].uptimeMilliseconds +=
        [-5000, -1, 1, 7, 5000][Int.random(in: 0..<5, using: &random)]
    case "pid":
      let named = lines.indices.filter { lines[$0].event.process != nil }
      if let index = named.randomElement(using: &random) {
        lines[index].event = Self.changeProcess(lines[index].event)
      }
    default:
      lines[moving].event = Self.changeNumber(lines[moving].event, &random)
    }
    self.lines = lines
  }

  /// Names another process, where a line names one.
  static func changeProcess(_ event: LogEvent) -> LogEvent {
    switch event {
    case .workerStarted(let pid, let attempt): return .workerStarted(pid: pid + 1, attempt: attempt)
    case .workerExited(var end):
      end.pid += 1
      return .workerExited(end)
    case .reloadStarted(let pid): return .reloadStarted(pid: pid + 1)
    case .reloadFinished(var facts):
      facts.replaced += 1
      return .reloadFinished(facts)
    default: return event
    }
  }

  /// Changes one of the numbers that say something about the lifecycle.
  static func changeNumber(_ event: LogEvent, _ random: inout SplitMix) -> LogEvent {
    let change = Int64.random(in: 1...50, using: &random)
    switch event {
    case .verify(let transition, let bytes, let time):
      return .verify(transition, bytes: bytes, fetchMilliseconds: time + change)
    case .runtimeReady(let transition, var facts):
      switch Int.random(in: 0..<4, using: &random) {
      case 0: facts.bootMilliseconds += change
      case 1: facts.phases.load += change
      case 2: facts.phases.verify -= change
      default: facts.loadMilliseconds += change
      }
      return .runtimeReady(transition, facts)
    case .drain(let transition, let count, let deadline):
      return .drain(transition, inFlight: count, deadlineMilliseconds: deadline + change)
    case .stopped(let transition, var facts):
      switch Int.random(in: 0..<3, using: &random) {
      case 0: facts.drainMilliseconds += change
      case 1: facts.exitCode = 1 - facts.exitCode
      default: facts.outcome = facts.outcome == .failed ? .clean : .failed
      }
      return .stopped(transition, facts)
    default: return event
    }
  }
}
