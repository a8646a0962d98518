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

  @Test("is proposed for nearly every damage, makes the run legal, and mostly undoes the damage")
  func rates() {
    var random = SplitMix(seed: 20_261_123)
    var table: [String] = []
    var (violating, proposed, undone) = (0, 0, 0)
    for kind in Damage.kinds {
      var counts = (violating: 0, proposed: 0, undone: 0)
      for round in 0..<(GoodRuns.all.count * 10) {
        let good = GoodRuns.all[round % GoodRuns.all.count].lines
        let damage = Damage(kind, good, &random)
        guard let repair = Self.repair(of: damage.lines) else { continue }
        counts.violating += 1
        guard !repair.repaired.isEmpty else {
          print(
            "NONE \(kind): \(GoodRuns.all[round % GoodRuns.all.count].name) \(repair.sentences)")
          continue
        }
        counts.proposed += 1
        let verdict = ReplayTests.verdict(repair.repaired)
        #expect(verdict == .conforms || verdict == .incomplete, "\(repair.sentences)")
        if Self.isSame(repair.repaired, good, times: !kind.hasPrefix("drop")) {
          counts.undone += 1
        } else {
          print(
            "OTHER \(kind): \(GoodRuns.all[round % GoodRuns.all.count].name) \(repair.sentences)")
        }
      }
      table.append("\(kind): \(counts.violating) \(counts.proposed) \(counts.undone)")
      violating += counts.violating
      proposed += counts.proposed
      undone += counts.undone
    }
    print("kind: violating, proposed, undone\n" + table.joined(separator: "\n"))
    print("all: \(violating) \(proposed) \(undone)")
    #expect(proposed * 100 >= violating * 95)
  }

  /// Whether the lines that matter tell the same; of an inserted line the transition is compared alone,
  /// as nobody can know the rest.
  static func isSame(_ repaired: [LogLine], _ good: [LogLine], times: Bool) -> Bool {
    let (left, right) = (
      repaired.filter { $0.event.matters }, good.filter { $0.event.matters }
    )
    return left.count == right.count
      && zip(left, right).allSatisfy {
        $0.event.name == $1.event.name && $0.event.transition == $1.event.transition
          && (!times || $0.uptimeMilliseconds == $1.uptimeMilliseconds)
      }
  }
}
