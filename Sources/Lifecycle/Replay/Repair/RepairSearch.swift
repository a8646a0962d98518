/// Looks for the smallest edit that makes the lines of a run legal. Nothing is known about promises here:
/// edits are made up, the lines are replayed with each, and those that replay to the end are kept.
struct RepairSearch {
  /// What came of an edit.
  enum Outcome: Equatable {
    case legal
    /// Legal up to that line of the edited ones.
    case failsAt(Int)
  }

  let lines: [LogLine]
  /// What the log calls each line.
  let told: [Int64]
  /// The first line that is not legal.
  let trouble: Int
  /// Whether that one cannot be read: it stands for no event at all.
  let isUnreadable: Bool
  /// Where the trouble is, as a reader finds it: `a.log:12`.
  let place: String
  let limits: RepairLimits
  let testimony: Testimony
  /// Lines that an edit may begin at, the trouble the last.
  let window: [Int]
  private let stages: [Int: Replay]
  /// Whether the lines before are legal as they are kept, and the trouble is none: else nothing can
  /// be found out with them.
  let isFounded: Bool
  /// Lines replayed so far.
  var steps = 0
  /// Edits after which all lines are legal.
  private(set) var found: [Edit] = []
  /// Of the others, those that came farthest.
  private(set) var best: [(edit: Edit, reach: Int)] = []
  /// Sentences that need not be tried once more.
  private var said: Set<String> = []

  /// Of edits that did not come to the end, how many are kept.
  static let bestKept = 4

  init(
    _ lines: [LogLine], told: [Int64], trouble: Int, isUnreadable: Bool, place: String,
    _ limits: RepairLimits
  ) {
    self.lines = lines
    self.place = place
    self.told = told
    self.trouble = trouble
    self.isUnreadable = isUnreadable
    self.limits = limits
    var known = lines
    if isUnreadable { known.remove(at: trouble) }
    testimony = Testimony(known)
    let earlier = lines[..<trouble].indices.reversed().filter { lines[$0].event.matters }
    window = earlier.prefix(limits.reachBack).reversed() + [trouble]
    var replay = Replay()
    var stages: [Int: Replay] = [:]
    var isFounded = true
    for index in 0...trouble {
      if index >= window[0] { stages[index] = replay }
      if index < trouble { isFounded = replay.accepts(lines[index]) && isFounded }
    }
    self.stages = stages
    self.isFounded = isFounded && (isUnreadable || !replay.accepts(lines[trouble]))
    steps = trouble
  }

  /// The replay of all lines before this one, which lies in the window.
  func replay(before index: Int) -> Replay { stages[index] ?? Replay() }

  /// The number of the line before.
  func number(before index: Int) -> Int64 { index == 0 ? 0 : lines[index - 1].sequence }

  var isExhausted: Bool { steps >= limits.steps }

  mutating func run() {
    tryRepeated()
    guard found.isEmpty else { return }
    tryChanges()
    tryMoves()
    tryDrops()
    tryInserts()
  }

  /// How the lines after an edit count on, which may change their numbers by one of `allowed`; nil when
  /// they do not.
  func shift(after range: Range<Int>, _ patch: [LogLine], allowed: [Int64]) -> Int64? {
    guard range.upperBound < lines.count else { return 0 }
    let last = patch.last?.sequence ?? number(before: range.lowerBound)
    let needed = last &+ 1 &- lines[range.upperBound].sequence
    return allowed.contains(needed) ? needed : nil
  }

  /// Replays the lines with the edit. An edit that is said in the same words as one that is legal
  /// already is passed over.
  @discardableResult
  mutating func attempt(
    _ range: Range<Int>, _ patch: [LogLine], shifts: [Int64], cost: Int, _ sentence: String
  ) -> Outcome? {
    guard !isExhausted, !said.contains(sentence),
      let shift = shift(after: range, patch, allowed: shifts)
    else { return nil }
    var edit = Edit(range: range, patch: patch, shift: shift, sentence: sentence, cost: cost)
    let (outcome, isEnded) = judge(edit)
    switch outcome {
    case .legal:
      if !isEnded, hasEnd { edit.cost += Edit.Cost.endless }
      said.insert(sentence)
      found.append(edit)
    case .failsAt(let reach): keep(edit, reach)
    }
    return outcome
  }

  private var hasEnd: Bool { lines.contains { $0.event.name == "stopped" } }

  private mutating func judge(_ edit: Edit) -> (Outcome, isEnded: Bool) {
    var replay = replay(before: edit.range.lowerBound)
    var index = edit.range.lowerBound
    for line in edit.patch {
      steps += 1
      guard replay.accepts(line) else { return (.failsAt(index), false) }
      index += 1
    }
    for line in lines[edit.range.upperBound...] {
      steps += 1
      guard replay.accepts(line.shifted(by: edit.shift)) else { return (.failsAt(index), false) }
      index += 1
    }
    return (.legal, replay.state == .stopped)
  }

  private mutating func keep(_ edit: Edit, _ reach: Int) {
    // Measured in the lines that were left behind, so that inserted ones are no progress.
    let reach = reach - edit.patch.count + edit.range.count
    guard reach > trouble else { return }
    best.append((edit, reach))
    guard best.count > Self.bestKept else { return }
    best.sort { ($1.reach, $0.edit.cost) < ($0.reach, $1.edit.cost) }
    best.removeLast(best.count - Self.bestKept)
  }
}

extension LogEvent {
  /// Whether a later line depends on this one.
  var matters: Bool {
    switch self {
    case .agentOutput, .request, .slowRequest, .warning, .bootProgress, .fetchRetry, .logDropped,
      .illegalEvent:
      false
    default: true
    }
  }
}
