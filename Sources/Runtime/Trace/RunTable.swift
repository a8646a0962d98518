internal import Lifecycle

/// The runs of a log: each line goes to its own, which is replayed. A run that has ended is handed on and
/// forgotten, so that memory grows with the runs that are open.
struct RunTable {
  /// Moments that are shown before a trouble.
  static let momentsBefore = 5

  private struct Run {
    var replay = Replay()
    var history = History()
    var agentAppID: String?
    var deploymentID: String?
    let place: String
    var troublePlace: String?
    var before: [History.Moment] = []
  }

  private var runs: [String: Run] = [:]
  /// In the order of their first lines.
  private var order: [String] = []
  private(set) var totals = Totals()

  mutating func take(_ line: LogLine, at place: String) {
    totals.lines += 1
    var run = open(line.runID, place)
    run.agentAppID = line.agentAppID ?? run.agentAppID
    run.deploymentID = line.deploymentID ?? run.deploymentID
    run.replay.take(line)
    note(place, &run)
    run.history.take(line)
    runs[line.runID] = run
  }

  /// Takes a line that looks like ours and cannot be read.
  mutating func takeCorrupt(_ runID: String?, _ why: String, at place: String) {
    totals.lines += 1
    guard let runID else {
      totals.corrupt += 1
      totals.firstCorrupt = totals.firstCorrupt ?? "\(place): \(why)"
      return
    }
    var run = open(runID, place)
    run.replay.takeCorrupt(why)
    note(place, &run)
    runs[runID] = run
  }

  mutating func takeForeign() { totals.foreign += 1 }

  private mutating func open(_ runID: String, _ place: String) -> Run {
    if let run = runs[runID] { return run }
    order.append(runID)
    return Run(place: place)
  }

  /// Keeps where a run's first trouble is, and what went before.
  private func note(_ place: String, _ run: inout Run) {
    guard run.troublePlace == nil else { return }
    switch run.replay.verdict {
    case .violates, .corrupt, .unknownVersion:
      run.troublePlace = place
      run.before = Array(run.history.moments.suffix(Self.momentsBefore))
    case .conforms, .incomplete: break
    }
  }

  /// Ends every run that is still open.
  mutating func finish() -> [RunReport] {
    defer { (runs, order) = ([:], []) }
    return order.compactMap { runID in
      guard let run = runs[runID] else { return nil }
      totals.runs[run.replay.verdict.name, default: 0] += 1
      var report = RunReport(
        runID: runID, agentAppID: run.agentAppID, deploymentID: run.deploymentID,
        verdict: run.replay.verdict, state: run.replay.state, lines: run.replay.lines,
        history: run.history, place: run.place, troublePlace: run.troublePlace,
        before: run.before)
      report.due = run.replay.due
      return report
    }
  }
}
