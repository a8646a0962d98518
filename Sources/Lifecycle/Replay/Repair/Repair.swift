/// The smallest edits that would make a run legal, the best first; each one sentence.
public struct Repair: Sendable {
  public private(set) var sentences: [String] = []
  /// Lines that were replayed to find them.
  public private(set) var steps = 0
  /// The lines before, at and after the trouble as the best repair leaves them, numbered from 1; empty
  /// without one. What is left of them replays without a violation: this is what a repair is.
  private(set) var repaired: [LogLine] = []

  /// - Parameter place: of the trouble, as `a.log:12`.
  public init(of aftermath: Aftermath, at place: String, limits: RepairLimits = RepairLimits()) {
    guard !aftermath.isBlind else {
      sentences = ["no repair was sought: the run had too many lines before"]
      return
    }
    var entries = aftermath.before
    entries.append(aftermath.trouble ?? Self.unreadable(aftermath))
    entries += aftermath.after
    guard entries.contains(where: { !$0.line.runID.isEmpty }) else { return }
    let findings = Self.search(
      entries.map(\.line), told: entries.map(\.told), trouble: aftermath.before.count,
      isUnreadable: aftermath.trouble == nil, place: place, limits)
    steps = findings.steps
    conclude(findings, aftermath, limits)
  }

  /// Stands for a line that says nothing.
  private static func unreadable(_ aftermath: Aftermath) -> Aftermath.Entry {
    var line =
      aftermath.before.last?.line ?? aftermath.after.first?.line
      ?? LogLine(
        wallNanoseconds: 0, sequence: 0, runID: "", agentAppID: nil, deploymentID: nil,
        uptimeMilliseconds: 0, event: .logDropped(count: 0))
    line.sequence = Int64(aftermath.before.count + 1)
    return Aftermath.Entry(line: line, told: (aftermath.before.last?.told ?? 0) &+ 1)
  }

  // MARK: One edit, or more

  /// A repair: edits one after the other.
  private struct Plan {
    var edits: [Edit]
    var lines: [LogLine]
    var cost: Int
  }

  private struct Findings {
    var plans: [Plan] = []
    /// The edit that came farthest, and the number of the line at which it failed.
    var farthest: (sentence: String, told: Int64)?
    var isExhausted = false
    var steps = 0
  }

  private static func search(
    _ lines: [LogLine], told: [Int64], trouble: Int, isUnreadable: Bool, place: String,
    _ limits: RepairLimits
  ) -> Findings {
    var search = RepairSearch(
      lines, told: told, trouble: trouble, isUnreadable: isUnreadable, place: place, limits)
    var findings = Findings()
    guard search.isFounded else { return findings }
    search.run()
    findings.isExhausted = search.isExhausted
    findings.steps = search.steps
    findings.plans = search.found.map {
      Plan(edits: [$0], lines: $0.apply(to: lines), cost: $0.cost)
    }
    if let best = search.best.first, best.reach < told.count {
      findings.farthest = (best.edit.sentence, told[best.reach])
    }
    guard findings.plans.isEmpty, limits.edits > 1, !search.isExhausted else { return findings }
    var rest = limits
    rest.edits -= 1
    rest.steps -= search.steps
    for (edit, reach) in search.best where rest.steps > 0 {
      let edited = edit.apply(to: lines)
      var names = Array(told[..<edit.range.lowerBound])
      names += edit.patch.indices.map { offset in
        let index = edit.range.lowerBound + offset
        return index < edit.range.upperBound ? told[index] : edit.patch[offset].sequence
      }
      names += told[edit.range.upperBound...]
      let next = reach + edit.patch.count - edit.range.count
      var share = rest
      share.steps = rest.steps / 2
      let second = Self.search(
        edited, told: names, trouble: next, isUnreadable: false, place: "", share)
      findings.isExhausted = findings.isExhausted || second.isExhausted
      findings.steps += second.steps
      rest.steps -= second.steps
      findings.plans += second.plans.map {
        Plan(
          edits: [edit] + $0.edits, lines: $0.lines, cost: edit.cost + $0.cost + Edit.Cost.another)
      }
    }
    return findings
  }

  private mutating func conclude(
    _ findings: Findings, _ aftermath: Aftermath, _ limits: RepairLimits
  ) {
    let plans = findings.plans.sorted { $0.cost < $1.cost }
    repaired = plans.first?.lines ?? []
    let bound = aftermath.isWhole ? "" : " (as far as the lines after it were kept)"
    for plan in plans where sentences.count < limits.named {
      let sentence = plan.edits.map(\.sentence).joined(separator: ", and ") + bound
      // Two plans may differ in what no sentence tells, as how long a drain took.
      if !sentences.contains(sentence) { sentences.append(sentence) }
    }
    guard sentences.isEmpty else { return }
    if findings.isExhausted {
      sentences = ["the search for a repair was given up after \(limits.steps) steps"]
    } else if let farthest = findings.farthest {
      sentences = [
        "no small edit makes this run legal; the best, \(farthest.sentence), helps until seq"
          + " \(farthest.told)"
      ]
    } else {
      sentences = ["no small edit makes this run legal"]
    }
  }
}
