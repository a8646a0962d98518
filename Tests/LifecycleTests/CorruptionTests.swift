import Lifecycle
import Testing

/// Good logs, damaged by chance.
///
/// What survives must be harmless: a change after which the log could have been written by a machine
/// with another life. Such are numbers that nothing else in the log repeats. They are listed here.
@Suite("A corrupted log")
struct CorruptionTests {
  /// Survivors that are no lies about the lifecycle: beginnings of what was done, and the reasons.
  static let harmless: [(what: String, why: String)] = [
    ("swap", "a report stands a line earlier or later, at an instant that allows both"),
    ("pid of worker_started", "no other line of that run names the process"),
    ("a number of runtime_ready", "what a restart took: its delay, which is drawn, ends unseen"),
    ("uptime of", "of a run that was never ready: what its phases took is told nowhere else"),
    ("cause of stopped from d", "to second_signal: that may come at any time in a drain"),
  ]

  @Test("is caught in at least 99 of 100 cases")
  func caught() throws {
    var random = SplitMix(seed: 20_261_122)
    var survivors: [String: Int] = [:]
    let count = 4000
    for _ in 0..<count {
      let run = GoodRuns.all[Int.random(in: 0..<GoodRuns.all.count, using: &random)]
      let (lines, what) = damage(run.lines, &random)
      // Nothing counts from the fetch, the boot does from the process's start: no lie to be caught.
      guard lines != run.lines, what != "uptime of fetch" else { continue }
      if case .conforms = ReplayTests.verdict(lines) { survivors[what, default: 0] += 1 }
    }
    let unexplained = survivors.filter { survivor in
      !Self.harmless.contains { survivor.key.hasPrefix($0.what) }
    }
    #expect(unexplained.isEmpty, "\(unexplained)")
    #expect(survivors.values.reduce(0, +) * 100 <= count, "\(survivors)")
  }

  private func damage(_ lines: [LogLine], _ random: inout SplitMix) -> ([LogLine], String) {
    var lines = lines
    let transitions = lines.indices.filter { lines[$0].event.transition != nil }
    let index = transitions[Int.random(in: 0..<transitions.count, using: &random)]
    let name = lines[index].event.name
    switch Int.random(in: 0..<13, using: &random) {
    case 0:
      lines.remove(at: Int.random(in: lines.indices, using: &random))
      return (lines, "drop")
    case 1:
      let any = Int.random(in: lines.indices, using: &random)
      lines.insert(lines[any], at: any)
      return (lines, "duplicate")
    case 2:
      lines.remove(at: index)
      return (renumbered(lines), "drop \(name) and renumber")
    case 3:
      lines.insert(lines[index], at: index)
      return (renumbered(lines), "duplicate \(name) and renumber")
    case 4:
      let first = Int.random(in: 0..<lines.count - 1, using: &random)
      let what = "swap \(lines[first].event.name) \(lines[first + 1].event.name)"
      lines.swapAt(first, first + 1)
      return (renumbered(lines), what)
    case 5:
      let state = StateName.allCases[Int.random(in: 0..<7, using: &random)]
      lines[index].event.changeTransition { $0.from = state }
      return (lines, "from of \(name)")
    case 6:
      let state = StateName.allCases[Int.random(in: 0..<7, using: &random)]
      lines[index].event.changeTransition { $0.to = state }
      return (lines, "to of \(name)")
    case 7:
      let causes = [
        "started", "package_fetched", "package_verified", "environment_installed",
        "worker_ready", "worker_lost", "load_timed_out", "failure", "hard_limit",
        "configuration", "drained", "deadline", "second_signal", "other",
      ]
      let cause = causes[Int.random(in: 0..<causes.count, using: &random)]
      let old = lines[index].event.transition?.cause ?? ""
      lines[index].event.changeTransition { $0.cause = cause }
      return (lines, "cause of \(name) from \(old) to \(cause)")
    case 8:
      let attempt = [nil, 1, 2, 3, 9][Int.random(in: 0..<5, using: &random)]
      lines[index].event.changeTransition { $0.attempt = attempt }
      return (lines, "attempt of \(name)")
    case 9:
      lines[Int.random(in: lines.indices, using: &random)].sequence += Int64.random(
        in: 1...5, using: &random)
      return (lines, "seq")
    case 10:
      lines[index].uptimeMilliseconds +=
        [-5000, -1, 1, 7, 5000][
          Int.random(in: 0..<5, using: &random)]
      return (lines, "uptime of \(name)")
    case 11:
      let any = Int.random(in: lines.indices, using: &random)
      lines[any].event = changeProcess(lines[any].event)
      return (lines, "pid of \(lines[any].event.name)")
    default:
      lines[index].event = changeNumber(lines[index].event, &random)
      return (lines, "a number of \(name)")
    }
  }

  /// Names another process, where a line names one.
  private func changeProcess(_ event: LogEvent) -> LogEvent {
    switch event {
    case .workerStarted(let pid, let attempt): .workerStarted(pid: pid + 1, attempt: attempt)
    case .workerExited(var end):
      {
        end.pid += 1
        return .workerExited(end)
      }()
    case .reloadStarted(let pid): .reloadStarted(pid: pid + 1)
    case .reloadFinished(var facts):
      {
        facts.replaced += 1
        return .reloadFinished(facts)
      }()
    default: event
    }
  }

  /// Changes one of the numbers that say something about the lifecycle.
  private func changeNumber(_ event: LogEvent, _ random: inout SplitMix) -> LogEvent {
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
