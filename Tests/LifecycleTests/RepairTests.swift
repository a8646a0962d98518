import Testing

@testable import Lifecycle

/// What is proposed for damaged logs.
@Suite("A repair")
struct RepairTests {
  /// As the table of runs does it: nil when there is nothing to repair.
  static func repair(
    of lines: [LogLine], unreadable: Int? = nil, limits: RepairLimits = RepairLimits()
  ) -> Repair? {
    var replay = Replay()
    var history = History()
    var last: Int64 = 0
    var aftermath: Aftermath?
    var place = ""
    for (index, line) in lines.enumerated() {
      if aftermath != nil {
        aftermath?.take(line)
        continue
      }
      if index == unreadable { replay.takeCorrupt("it is no JSON") } else { replay.take(line) }
      if [.conforms, .incomplete].contains(replay.verdict) {
        history.take(line)
        last = line.sequence
      } else {
        place = "a.log:\(index + 1)"
        aftermath = Aftermath(
          trouble: index == unreadable ? nil : line, after: history,
          lastSequence: last, runID: line.runID, agentAppID: lines[0].agentAppID,
          deploymentID: lines[0].deploymentID, limits: limits)
      }
    }
    return aftermath.map { Repair(of: $0, at: place, limits: limits) }
  }

  static func isLegal(_ lines: [LogLine]) -> Bool {
    [.conforms, .incomplete].contains(ReplayTests.verdict(lines))
  }

  /// A repair is right when the lines with its edit replay: whether it undoes what was done nobody can
  /// know, but mostly it does.
  @Test("is proposed for nearly every damage, makes the run legal, and mostly undoes the damage")
  func rates() {
    var random = SplitMix(seed: 20_261_123)
    var rows: [String] = []
    var all = (violating: 0, proposed: 0, undone: 0)
    for kind in Damage.kinds {
      var counts = (violating: 0, proposed: 0, undone: 0)
      for (_, good) in GoodRuns.all {
        let damage = Damage(kind, good, &random)
        guard let repair = Self.repair(of: damage.lines) else { continue }
        counts.violating += 1
        guard !repair.repaired.isEmpty else { continue }
        counts.proposed += 1
        #expect(Self.isLegal(repair.repaired), "\(repair.sentences)")
        let hasTimes = !kind.hasPrefix("drop")
        if Self.isSame(repair.repaired, good, times: hasTimes) { counts.undone += 1 }
      }
      rows.append("\(kind): \(counts.violating), \(counts.proposed), \(counts.undone)")
      all.violating += counts.violating
      all.proposed += counts.proposed
      all.undone += counts.undone
    }
    print("damage: runs that violate, repairs, damage undone\n" + rows.joined(separator: "\n"))
    print("all: \(all)")
    #expect(all.proposed * 100 >= all.violating * 97)
    #expect(all.undone * 100 >= all.violating * 90)
  }

  /// Whether the lines that matter tell the same; of a line that was lost nobody knows the rest.
  private static func isSame(_ repaired: [LogLine], _ good: [LogLine], times: Bool) -> Bool {
    let (left, right) = (repaired.filter { $0.event.matters }, good.filter { $0.event.matters })
    return left.count == right.count
      && zip(left, right).allSatisfy {
        $0.event.name == $1.event.name && $0.event.transition == $1.event.transition
          && (!times || $0.uptimeMilliseconds == $1.uptimeMilliseconds)
      }
  }

  // MARK: Sentences

  struct Case: CustomTestStringConvertible, Sendable {
    let sentence: String
    let lines: [LogLine]
    var unreadable: Int?
    var testDescription: String { sentence }
  }

  /// The clean run: run_started, fetch, verify, install, load, worker_started, runtime_ready,
  /// agent_output, warning, slow_request, drain, worker_exited, stopped.
  static let cases: [Case] = [
    Case(
      sentence: "drop seq 3, verify (a.log:4): it repeats an earlier one",
      lines: clean { $0.insert($0[2], at: 2) }),
    Case(
      sentence: "drop seq 4, verify (a.log:4): it repeats seq 3",
      lines: renumbered(clean { $0.insert($0[2], at: 2) })),
    Case(
      sentence: "insert install (verifying → installing, package_verified) before seq 5, load "
        + "(a.log:4); the numbers say that one line was lost there",
      lines: clean { $0.remove(at: 3) }),
    Case(
      sentence: "insert install (verifying → installing, package_verified) before seq 4, load "
        + "(a.log:4)",
      lines: renumbered(clean { $0.remove(at: 3) })),
    Case(
      sentence: "insert install (verifying → installing, package_verified) and load "
        + "(installing → loading, environment_installed) before seq 6, worker_started (a.log:4); "
        + "the numbers say that 2 lines were lost there",
      lines: clean { $0.removeSubrange(3...4) }),
    Case(
      sentence: "insert run_started before seq 2, fetch (a.log:1); the numbers say that one line "
        + "was lost there",
      lines: clean { $0.removeFirst() }),
    Case(
      sentence: "insert a line that moves nothing before seq 9, warning (a.log:8); the numbers "
        + "say that one line was lost there",
      lines: clean { $0.remove(at: 7) }),
    Case(
      sentence: "move seq 4, install (a.log:3), after seq 3, verify",
      lines: clean { $0.swapAt(2, 3) }),
    Case(
      sentence: "move seq 6, runtime_ready (a.log:6), after seq 7, worker_started",
      lines: renumbered(clean { $0.swapAt(5, 6) })),
    Case(
      sentence: "move seq 3, verify, before seq 4, install (a.log:3)",
      lines: clean { $0.insert($0.remove(at: 2), at: 5) }),
    Case(
      sentence: "change from of seq 7, runtime_ready (a.log:7), from installing to loading",
      lines: clean { $0[6].event.changeTransition { $0.from = .installing } }),
    Case(
      sentence: "change to of seq 7, runtime_ready (a.log:7), from draining to ready",
      lines: clean { $0[6].event.changeTransition { $0.to = .draining } }),
    Case(
      sentence: "change attempt of seq 5, load (a.log:5), from null to 1",
      lines: clean { $0[4].event.changeTransition { $0.attempt = nil } }),
    Case(
      sentence: "change cause of seq 13, stopped (a.log:13), from boredom to drained",
      lines: clean { $0[12].event.changeTransition { $0.cause = "boredom" } }),
    Case(
      sentence: "change seq of seq 40, worker_started (a.log:6), from 40 to 6",
      lines: clean { $0[5].sequence = 40 }),
    Case(
      sentence: "change uptime_ms of seq 4, install, from 309 to 302",
      lines: clean { $0[3].uptimeMilliseconds += 7 }),
    Case(
      sentence: "change pid of seq 12, worker_exited (a.log:12), from 102 to 101",
      lines: clean { $0[11].event = Damage.changeProcess($0[11].event) }),
    Case(
      sentence: "change agentAppId of seq 4, install (a.log:4), from other to my-agent",
      lines: clean { $0[3].agentAppID = "other" }),
    Case(
      sentence: "mend the line that cannot be read (a.log:4): install (verifying → installing, "
        + "package_verified) is missing there",
      lines: clean { _ in }, unreadable: 3),
    Case(
      sentence: "mend the line that cannot be read (a.log:8): it moves nothing",
      lines: clean { _ in }, unreadable: 7),
    Case(
      sentence: "change from of seq 5, load (a.log:5), from ready to installing, and change "
        + "exit_code of seq 13, stopped, from 3 to 0",
      lines: clean {
        $0[4].event.changeTransition { $0.from = .ready }
        guard case .stopped(let transition, var facts) = $0[12].event else { return }
        facts.exitCode = 3
        $0[12].event = .stopped(transition, facts)
      }),
    Case(
      sentence: "no small edit makes this run legal; the best, change from of seq 3, verify "
        + "(a.log:3), from ready to fetching, helps until seq 5",
      lines: clean { lines in
        for index in [2, 4, 6] { lines[index].event.changeTransition { $0.from = .stopped } }
        lines[2].event.changeTransition { $0.from = .ready }
      }),
  ]

  static func clean(_ change: (inout [LogLine]) -> Void) -> [LogLine] {
    var lines = GoodRuns.clean()
    change(&lines)
    return lines
  }

  @Test("is one sentence", arguments: cases)
  func sentence(_ example: Case) {
    let repair = Self.repair(of: example.lines, unreadable: example.unreadable)
    #expect(repair?.sentences.first == example.sentence)
    #expect((repair?.sentences.count ?? 0) <= RepairLimits().named)
  }

  @Test("is not sought where nothing is wrong", arguments: 0..<GoodRuns.all.count)
  func nothing(index: Int) {
    #expect(Self.repair(of: GoodRuns.all[index].lines) == nil)
  }

  // MARK: Bounds

  @Test("ends after its steps and says so")
  func steps() {
    var limits = RepairLimits()
    limits.steps = 10
    let repair = Self.repair(of: renumbered(Self.clean { $0.remove(at: 3) }), limits: limits)
    #expect(repair?.sentences == ["the search for a repair was given up after 10 steps"])
    #expect(repair.map { $0.steps < 40 } == true)
  }

  @Test("is of one edit when two are not allowed")
  func edits() {
    var limits = RepairLimits()
    limits.edits = 1
    let lines = Self.clean {
      $0[4].event.changeTransition { $0.from = .ready }
      $0[6].event.changeTransition { $0.from = .ready }
    }
    #expect(Self.repair(of: lines)?.sentences.first?.contains(", and change from of") == true)
    #expect(
      Self.repair(of: lines, limits: limits)?.sentences.first?.contains("helps until seq 7")
        == true)
  }

  @Test("is judged by the lines that are kept, and says that there were more")
  func linesAfter() {
    var limits = RepairLimits()
    limits.linesAfter = 3
    let lines = Self.clean { $0[2].event.changeTransition { $0.from = .ready } }
    #expect(
      Self.repair(of: lines, limits: limits)?.sentences.first
        == "change from of seq 3, verify (a.log:3), from ready to fetching"
        + " (as far as the lines after it were kept)")
  }

  @Test("moves a line as far as the reach ahead")
  func reachAhead() {
    let lines = Self.clean { $0.insert($0.remove(at: 2), at: 5) }
    var limits = RepairLimits()
    limits.reachAhead = 2
    let sentence = Self.repair(of: lines, limits: limits)?.sentences.first
    #expect(sentence?.hasPrefix("move") == false)
  }

  @Test("touches earlier lines as far as the reach back")
  func reachBack() {
    let lines = Self.clean { $0[3].uptimeMilliseconds += 7 }
    var limits = RepairLimits()
    limits.reachBack = 2
    let sentence = Self.repair(of: lines, limits: limits)?.sentences.first
    #expect(sentence?.contains("install, from 309") == false)
  }

  @Test("inserts no more lines in one place than the chain has")
  func chain() {
    let lines = Self.clean { $0.removeSubrange(3...4) }
    var limits = RepairLimits()
    limits.chain = 1
    let sentence = Self.repair(of: lines, limits: limits)?.sentences.first
    #expect(
      sentence?.hasPrefix("insert install (verifying → installing, package_verified) and")
        == false)
  }

  @Test("is not sought after more lines than a history keeps")
  func blind() {
    let start = GoodRuns.clean().prefix(7)
    var lines = Array(start)
    while lines.count <= History.limit + 1 {
      var line = lines[6]
      line.event = .warning(code: "x", message: "")
      lines.append(line)
    }
    var end = lines[0]
    end.event = .fetch(
      Transition(from: nil, to: .fetching, cause: "started"), source: "file", url: "")
    lines.append(end)
    #expect(
      Self.repair(of: renumbered(lines))?.sentences
        == ["no repair was sought: the run had too many lines before"])
  }
}
