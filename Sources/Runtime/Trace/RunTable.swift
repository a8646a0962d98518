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
  /// Open runs of supervisors, and what is kept because of them.
  private var supervisors = 0
  private var workers = SupervisedWorkers()
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
        sequence: runs[index].lastSequence, isTroubled: runs[index].isTroubled)
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
    if case .supervisor(let told) = line.event {
      return take(told, of: index, line, at: place)
    }
    if workers.isListening { listen(line, key, at: place) }
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
    if run.isSupervisor {
      supervisors -= 1
      if supervisors == 0 { workers.clear() }
    } else if supervisors > 0, run.verdict == .conforms {
      workers.ended(run.key, run.history, run.recent, lastSequence: run.lastSequence)
    }
    if index < runs.count {
      indices[runs[index].key] = index
      forget(runs[index].key)
    }
    indices[run.key] = nil
    forget(run.key)
    ended.take(run.key, run.verdict.name, run.recent)
    return report(run)
  }

  private mutating func report(_ run: OpenRun) -> RunReport {
    totals.runs[run.verdict.name, default: 0] += 1
    if run.verdict == .incomplete, run.excuse != nil { totals.excused += 1 }
    let names = names
    return run.report(&quota) { Self.text($0, names) }
  }

  // MARK: What supervisors say of their workers

  /// A supervisor's line was taken: what it says of a worker is held against the worker's own log. The
  /// report of a run that it ends: its own, or that of a worker without an end of its own.
  private mutating func take(
    _ told: SupervisorLine, of index: Int, _ line: LogLine, at place: Place
  ) -> RunReport? {
    if !runs[index].isCounted {
      runs[index].isCounted = true
      supervisors += 1
    }
    var ended: RunReport?
    if let claim = runs[index].supervision?.claim {
      ended = check(claim, of: index, line, at: place)
    }
    guard told.isLast, let own = find(RunKey(line.runID)) else { return ended }
    return end(own)
  }

  private mutating func check(
    _ claim: WorkerClaim, of index: Int, _ line: LogLine, at place: Place
  ) -> RunReport? {
    let key = RunKey(claim.runID)
    let supervisor = runs[index].key
    func note(upTo sequence: Int64) {
      workers.note(
        SupervisedWorkers.Word(
          supervisor: supervisor, sequence: line.sequence, event: line.event.name, place: place,
          upTo: sequence),
        about: key)
    }
    if let worker = find(key) {
      if runs[worker].isSupervisor { return nil }
      if let sequence = claim.sequence, sequence > runs[worker].lastSequence {
        note(upTo: sequence)
      }
      if !runs[worker].isTroubled {
        compare(claim, runs[worker].view(claim), runs[worker].recent, of: index, line, place)
      }
      guard claim.isEnd else { return nil }
      note(upTo: .max)
      runs[worker].excuse = claim.excuse.map { "\($0) (\(text(place)))" }
      return end(worker)
    }
    if let account = workers[key] {
      compare(claim, account.view(claim), account.lines, of: index, line, place)
      return nil
    }
    guard ended[key] == nil else { return nil }
    // Its log is not here, or comes too late.
    runs[index].unseenWorkers.insert(claim.runID)
    note(upTo: claim.isEnd ? .max : claim.sequence ?? 1)
    return nil
  }

  private mutating func compare(
    _ claim: WorkerClaim, _ view: WorkerView, _ lines: RecentLines, of index: Int,
    _ line: LogLine, _ place: Place
  ) {
    guard !runs[index].isTroubled, var violation = claim.violation(view, of: line) else { return }
    if let witness = violation.witness, let place = lines.place(of: witness.sequence) {
      violation.witness?.place = text(place)
    }
    runs[index].contradict(violation, by: line, at: place, &quota)
  }

  /// A line of a worker comes after its supervisor spoke of it.
  private mutating func listen(_ line: LogLine, _ key: RunKey, at place: Place) {
    guard let word = workers.word(about: key) else { return }
    guard line.sequence <= word.upTo else { return workers.forgetWord(about: key) }
    // What other inputs hold comes in an order of its own.
    guard word.place.input == place.input, word.place.line < place.line else { return }
    workers.forgetWord(about: key)
    guard let index = find(word.supervisor), !runs[index].isTroubled else { return }
    runs[index].contradict(
      .late(line, at: text(place), saidBy: word.sequence, word.event), by: line, at: word.place,
      &quota)
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
    if earlier == nil, workers.isListening { listen(line, key, at: place) }
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
