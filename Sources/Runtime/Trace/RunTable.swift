internal import Lifecycle

/// The runs of a log: each line goes to its own, which is replayed. A run that has ended is handed on and
/// forgotten, so that memory grows with the runs that are open.
struct RunTable {
  /// How far a run is.
  enum Standing: Equatable {
    case unknown
    /// Its latest line, and whether something was wrong already.
    case open(sequence: Int64, isTroubled: Bool)
    case ended
  }

  private let allowsDuplicates: Bool
  /// Of the inputs, for places.
  private let names: [String]
  private var runs: [OpenRun] = []
  private var indices: [RunKey: Int] = [:]
  /// Runs whose lines came lately, each in the place that its key gives it; many runs take turns.
  private var lately = [(key: RunKey, index: Int)?](repeating: nil, count: latelyCount)
  private static let latelyCount = 256
  private var ended: EndedRuns
  private var quota: RepairQuota
  private(set) var totals = Totals()

  /// - Parameter names: what places call the inputs.
  init(
    names: [String], allowsDuplicates: Bool = false, repairs limits: RepairLimits = RepairLimits()
  ) {
    (self.names, self.allowsDuplicates) = (names, allowsDuplicates)
    quota = RepairQuota(limits)
    ended = EndedRuns(
      recentLimit: allowsDuplicates ? EndedRuns.repeatedLimit : EndedRuns.recentLimit)
  }

  func text(_ place: Place) -> String { Self.text(place, names) }

  private static func text(_ place: Place, _ names: [String]) -> String {
    "\(names[place.input]):\(place.line)"
  }

  mutating func standing(_ key: RunKey) -> Standing {
    if let index = find(key) {
      return .open(
        sequence: runs[index].lastSequence, isTroubled: runs[index].replay.isTroubled)
    }
    return ended[key] == nil ? .unknown : .ended
  }

  var openRuns: Int { runs.count }

  // MARK: Lines

  /// Takes a line of a run. What is to be said of the run, when the line ends it, or comes after its end.
  /// - Parameters:
  ///   - key: made from the line's run id.
  ///   - hash: `lineHash` of the line.
  mutating func take(
    _ line: LogLine, _ key: RunKey, hash: UInt64, at place: Place
  ) -> RunReport? {
    totals.lines += 1
    guard let index = find(key) ?? begin(key, line.runID, place) else {
      return takeLate(line, key, hash, place)
    }
    if let earlier = runs[index].place(ofSame: line, hash) {
      if allowsDuplicates {
        totals.duplicates += 1
        return nil
      }
      runs[index].refuse(line, wording(place, earlier), at: place, &quota)
    } else {
      runs[index].take(line, hash: hash, at: place, &quota)
    }
    guard case .stopped = line.event else { return nil }
    return end(index)
  }

  /// The same for a line of which only this much was read.
  mutating func take(
    _ line: CountedLine, of owner: LineOwner, _ key: RunKey, hash: UInt64, at place: Place
  ) -> RunReport? {
    guard let index = find(key),
      runs[index].take(line, of: owner, hash: hash, at: place, &quota)
    else { return take(line.line(of: owner), key, hash: hash, at: place) }
    totals.lines += 1
    return nil
  }

  /// Takes a line that looks like ours and cannot be read. A report when it comes after its run's end.
  mutating func takeCorrupt(_ runID: String?, _ why: String, at place: Place) -> RunReport? {
    totals.lines += 1
    guard let runID else {
      totals.corrupt += 1
      totals.firstCorrupt = totals.firstCorrupt ?? "\(text(place)): \(why)"
      return nil
    }
    let key = RunKey(runID)
    guard let index = find(key) ?? begin(key, runID, place) else {
      return correct(
        key, runID, nil, .corrupt(why), place, History(),
        "drop the line that cannot be read (\(text(place))): it comes after the end")
    }
    runs[index].takeCorrupt(why, at: place, &quota)
    return nil
  }

  mutating func take(_ chunk: Chunk) {
    totals.foreign += chunk.foreign
    totals.tooLong += chunk.tooLong
  }
  mutating func takeCutOff() { totals.cutOff += 1 }
  mutating func takeUnreadable() { totals.unreadable += 1 }

  /// Reports every run that is still open, in the order in which they began.
  mutating func finish() -> [RunReport] {
    let open = runs.sorted {
      ($0.place.input, $0.place.line) < ($1.place.input, $1.place.line)
    }
    (runs, indices) = ([], [:])
    for place in lately.indices { lately[place] = nil }
    return open.map { report($0) }
  }

  /// What is to be said of an open run so far.
  mutating func report(soFar key: RunKey) -> RunReport? {
    guard let index = find(key) else { return nil }
    // The run goes on, and so does what it holds of the quota.
    var quota = quota
    return runs[index].report(&quota) { text($0) }
  }

  /// Ends an open run of which nothing more is awaited.
  mutating func close(_ key: RunKey) -> RunReport? { find(key).map { end($0) } }

  // MARK: Runs

  /// After this, the run is not where it was.
  private mutating func forget(_ key: RunKey) { lately[key.place(in: Self.latelyCount)] = nil }

  private mutating func find(_ key: RunKey) -> Int? {
    let place = key.place(in: Self.latelyCount)
    if let last = lately[place], last.key == key { return last.index }
    guard let index = indices[key] else { return nil }
    lately[place] = (key, index)
    return index
  }

  /// Nil for a run that has ended before.
  private mutating func begin(_ key: RunKey, _ runID: String, _ place: Place) -> Int? {
    guard ended[key] == nil else { return nil }
    let index = runs.count
    let limit = allowsDuplicates ? RecentLines.repeatedLimit : RecentLines.limit
    runs.append(OpenRun(key, runID, at: place, remembering: limit))
    indices[key] = index
    lately[key.place(in: Self.latelyCount)] = (key, index)
    return index
  }

  private mutating func end(_ index: Int) -> RunReport {
    runs.swapAt(index, runs.count - 1)
    let run = runs.removeLast()
    if index < runs.count {
      indices[runs[index].key] = index
      forget(runs[index].key)
    }
    indices[run.key] = nil
    forget(run.key)
    ended.take(run.key, run.replay.verdict.name, run.recent)
    return report(run)
  }

  private mutating func report(_ run: OpenRun) -> RunReport {
    totals.runs[run.replay.verdict.name, default: 0] += 1
    let names = names
    return run.report(&quota) { Self.text($0, names) }
  }

  // MARK: Lines that stand twice, and lines after the end

  private func wording(_ place: Place, _ earlier: Place) -> String {
    earlier == Place(input: place.input, line: place.line - 1)
      ? "it is the line before, word for word"
      : "it is the line at \(text(earlier)), word for word"
  }

  private mutating func takeLate(
    _ line: LogLine, _ key: RunKey, _ hash: UInt64, _ place: Place
  ) -> RunReport? {
    let earlier = ended.recentLines(key)?.place(of: line.sequence, hash)
    if earlier != nil, allowsDuplicates {
      totals.duplicates += 1
      return nil
    }
    let what = earlier.map { wording(place, $0) } ?? "stopped is the last line"
    var history = History()
    history.take(line)
    return correct(
      key, line.runID, line.agentAppID,
      .violates(
        Violation(
          promise: earlier == nil ? .nothingAfterStopped : .noLineTwice,
          sequence: line.sequence, state: .stopped, event: line.event.name,
          problem: what)), place, history,
      "drop seq \(line.sequence), \(line.event.name) (\(text(place))): "
        + (earlier == nil ? "it comes after the end" : "it repeats an earlier one"))
  }

  /// A second report of a run whose first one said that it conforms.
  private mutating func correct(
    _ key: RunKey, _ runID: String, _ agentAppID: String?, _ verdict: Replay.Verdict,
    _ place: Place, _ history: History, _ repair: String
  ) -> RunReport? {
    guard let before = ended[key], before == Replay.Verdict.conforms.name else {
      return nil
    }
    ended.correct(key, verdict.name)
    totals.runs[before, default: 1] -= 1
    if totals.runs[before] == 0 { totals.runs[before] = nil }
    totals.runs[verdict.name, default: 0] += 1
    var report = RunReport(
      runID: runID, agentAppID: agentAppID, deploymentID: nil, verdict: verdict, state: .stopped,
      lines: 1, history: history, place: text(place), troublePlace: text(place), before: [],
      repairs: [repair])
    report.isCorrection = true
    return report
  }
}
