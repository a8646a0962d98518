internal import Lifecycle

/// The runs of a growing log: each line is judged as it comes, and what a person should know of it becomes
/// a row at once.
struct FollowedRuns {
  /// Runs that are open at once. Beyond it those that were silent longest are given up, as killed ones
  /// never end.
  static let openLimit = 10_000

  /// What is kept of an open run for its rows.
  private struct Known {
    var agent: String
    var state: StateName?
    /// When the state was entered.
    var since: Int64 = 0
    var wallNanoseconds: Int64
    /// Its beginning was not seen: it is shown and not judged.
    let isJoined: Bool
    var isTroubleTold = false
    /// Counts up with each line of any run.
    var touched = 0
  }

  private let options: TraceOptions
  private let layout: TextLayout
  private let openLimit: Int
  private var table: RunTable
  private var known: [RunKey: (runID: String, run: Known)] = [:]
  private var lines = 0
  private(set) var joined = 0
  /// Whether lines are read that were there before: they are judged, and only their outcome is shown.
  var isCatchingUp = false

  init(_ options: TraceOptions, names: [String], openLimit: Int = openLimit) {
    self.options = options
    self.openLimit = openLimit
    layout = TextLayout(columns: options.width)
    table = RunTable(names: names, allowsDuplicates: options.allowsDuplicates)
  }

  var totals: Totals { table.totals }

  mutating func takeUnreadable() { table.takeUnreadable() }

  /// Rows for what a chunk says.
  mutating func take(_ chunk: Chunk, input: Int, linesBefore: Int) -> [TextLine] {
    table.take(chunk)
    var rows: [TextLine] = []
    var (line, corrupt) = (0, 0)
    for mark in chunk.marks {
      let place = Place(input: input, line: linesBefore + Int(mark.number))
      switch mark.kind {
      case .line:
        rows += take(chunk.lines[line], chunk.keys[Int(mark.run)], mark.hash, place)
        line += 1
      case .corrupt:
        rows += take(chunk.corrupt[corrupt], chunk.keys[Int(mark.run)], place)
        corrupt += 1
      // Each line is shown, so that none is read for a count alone.
      case .counted: break
      case .cutOff: table.takeCutOff()
      }
    }
    return rows
  }

  private mutating func take(
    _ line: LogLine, _ key: RunKey, _ hash: UInt64, _ place: Place
  ) -> [TextLine] {
    lines += 1
    var run = known[key]?.run ?? begin(line, key)
    run.agent = line.agentAppID ?? run.agent
    run.touched = lines
    run.wallNanoseconds = line.wallNanoseconds
    var rows = isCatchingUp ? [] : self.rows(line, run)
    if let transition = line.event.transition {
      (run.state, run.since) = (transition.to, line.uptimeMilliseconds)
    }
    known[key] = (line.runID, run)
    let isStopped = if case .stopped = line.event { true } else { false }
    if run.isJoined {
      if isStopped { known[key] = nil }
      return rows
    }
    if let report = table.take(line, key, hash: hash, at: place) {
      // It may be another's: a supervisor's line can end the run of a worker.
      let ended = RunKey(report.runID)
      let isTold = known[ended]?.run.isTroubleTold ?? run.isTroubleTold
      known[ended] = nil
      rows += self.ended(report, isTold: isTold)
      if ended == key { return rows }
    }
    if isStopped { known[key] = nil }
    rows += trouble(key)
    return rows + makeRoom()
  }

  private mutating func begin(_ line: LogLine, _ key: RunKey) -> Known {
    // A run that is in the middle already cannot be judged; one that has ended can.
    let isJoined = line.sequence > 1 && table.standing(key) == .unknown
    if isJoined { joined += 1 }
    return Known(
      agent: line.event.isSupervisors ? "supervisor" : line.agentAppID ?? "-",
      wallNanoseconds: line.wallNanoseconds, isJoined: isJoined)
  }

  private mutating func take(
    _ corrupt: Chunk.Corrupt, _ key: RunKey, _ place: Place
  ) -> [TextLine] {
    if known[key]?.run.isJoined == true { return [] }
    if let report = table.takeCorrupt(corrupt.runID, corrupt.why, at: place) {
      return ended(report, isTold: false)
    }
    guard let runID = corrupt.runID else {
      return TextLine().wrapping(
        "\(table.text(place)) cannot be read: \(corrupt.why)", .boldRed, columns: layout.columns)
    }
    lines += 1
    var run = known[key]?.run ?? Known(agent: "-", wallNanoseconds: 0, isJoined: false)
    run.touched = lines
    known[key] = (runID, run)
    return trouble(key) + makeRoom()
  }

  /// The trouble of a run in full, once.
  private mutating func trouble(_ key: RunKey) -> [TextLine] {
    guard case .open(_, isTroubled: true) = table.standing(key),
      known[key]?.run.isTroubleTold != true, var report = table.report(soFar: key)
    else { return [] }
    known[key]?.run.isTroubleTold = true
    // What would repair it is known when all of it is.
    report.repairs = []
    return RunText(report, layout).lines + [TextLine()]
  }

  private func ended(_ report: RunReport, isTold: Bool) -> [TextLine] {
    switch report.verdict {
    case .conforms, .incomplete: return isCatchingUp ? [] : [RunText(report, layout).short]
    case .violates, .corrupt, .unknownVersion:
      guard isTold else { return RunText(report, layout).lines + [TextLine()] }
      return [RunText(report, layout).short]
        + report.repairs.flatMap {
          TextLine(indent: 2).wrapping($0, columns: layout.columns)
        }
    }
  }

  /// Gives up a tenth of the runs when there are too many.
  private mutating func makeRoom() -> [TextLine] {
    guard known.count > openLimit else { return [] }
    let oldest = known.sorted { $0.value.run.touched < $1.value.run.touched }
      .prefix(max(1, openLimit / 10)).map(\.key)
    return oldest.flatMap { key -> [TextLine] in
      let isTold = known[key]?.run.isTroubleTold ?? false
      known[key] = nil
      return table.close(key).map { ended($0, isTold: isTold) } ?? []
    }
  }

  // MARK: Rows

  /// What the input held when it was opened, in a few rows; from now on each line has its own.
  mutating func caughtUp() -> [TextLine] {
    isCatchingUp = false
    let ended = table.totals.runs.values.reduce(0, +)
    var rows: [TextLine] = []
    if ended > 0 {
      let words = table.totals.runs.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      rows.append(
        TextLine(
          "\(Figures.counted(ended, "run", "runs")) ended before: \(words.joined(separator: ", "))",
          .dim))
    }
    for (runID, run) in known.values.sorted(by: { $0.run.touched < $1.run.touched }) {
      var row = head(run.wallNanoseconds, runID, run.agent)
      row.add(run.state?.rawValue ?? "started", .bold)
      row.add(run.isJoined ? ", its beginning is not here: not judged" : "", .dim)
      rows.append(row)
    }
    return rows
  }

  /// The runs that are still open, when the end has come.
  mutating func finish() -> [TextLine] {
    let told = known.filter { $0.value.run.isTroubleTold }
    var rows = table.finish().flatMap {
      ended($0, isTold: told[RunKey($0.runID)] != nil)
    }
    if joined > 0 {
      rows.append(
        TextLine(
          "\(Figures.counted(joined, "run", "runs")) joined in the middle: shown, not judged", .dim)
      )
    }
    known = [:]
    return rows
  }

  private func head(_ nanoseconds: Int64, _ runID: String, _ agent: String) -> TextLine {
    let time = Timestamp.format(nanosecondsSince1970: nanoseconds).dropFirst(11).prefix(12)
    var row = TextLine("\(time) \(runID.prefix(8)) ", .dim)
    let room = layout.columns < 60 ? 0 : layout.columns < 100 ? 10 : 24
    row.add(DisplayText.cut(DisplayText.escape(agent), to: room))
    row.advance(to: 22 + room + (room > 0 ? 1 : 0))
    return row
  }

  private func rows(_ line: LogLine, _ run: Known) -> [TextLine] {
    var row = head(line.wallNanoseconds, line.runID, run.agent)
    if let transition = line.event.transition {
      let column = row.width
      row.add(transition.to.rawValue, transition.to.style)
      row.advance(to: column + 11)
      if run.state != nil {
        row.add("after " + TimeText.length(line.uptimeMilliseconds - run.since), .dim)
      }
      row.advance(to: column + 26)
      row.add(transition.cause)
      if let attempt = transition.attempt, attempt > 1 { row.add(" #\(attempt)") }
      return [row]
    }
    switch line.event {
    case .supervisor(let told): return supervisorRows(told, line, row)
    case .agentOutput, .request, .slowRequest, .requestAborted, .workerStarted, .runStarted:
      return []
    case .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped, .budgetExceeded,
      .hardLimitExceeded, .configError, .bootFailed, .bootProgress, .fetchRetry, .workerExited,
      .reloadStarted, .reloadFinished, .reloadFailed, .warning, .logDropped, .illegalEvent:
      var history = History()
      history.take(line)
      return Timeline(history).marks.flatMap { mark in
        row.wrapping(mark.label, mark.level.style, columns: layout.columns)
      }
    }
  }

  /// A supervisor's line: agents' states, traffic, losses, and what went wrong.
  private func supervisorRows(
    _ told: SupervisorLine, _ line: LogLine, _ head: TextLine
  ) -> [TextLine] {
    var row = head
    let column = row.width
    let style = line.event.level.style
    switch told {
    case .started, .loaded, .agentWorker, .adminRequest, .agentRemoved: return []
    case .agentState(let facts):
      row.add("\(facts.agent) ", .bold)
      row.add(facts.to.rawValue, facts.to.style)
      row.advance(to: column + 26)
      row.add(" ")
      return row.wrapping(told.words, .dim, columns: layout.columns)
    case .agentDeploy, .agentTraffic, .agentWorkerStop, .agentWorkerExited, .agentTargetFailed:
      row.add("\(told.agent ?? "") ", .bold)
    case .desiredState, .desiredRefused, .ready, .draining, .stopped, .illegalEvent:
      row.add("\(line.event.name) ", .bold)
    }
    return row.wrapping(told.words, style, columns: layout.columns)
  }
}

extension LogEvent {
  fileprivate var isSupervisors: Bool { if case .supervisor = self { true } else { false } }
}
