internal import Lifecycle

/// A run of which more may come.
struct OpenRun {
  /// Moments that are shown before a trouble.
  static let momentsBefore = 5

  let key: RunKey
  private let runID: String
  /// Where it began.
  let place: Place
  private(set) var replay = Replay()
  private(set) var history = History()
  private(set) var recent = RecentLines()
  private(set) var lastSequence: Int64 = 0
  private var agentAppID: String?
  private var deploymentID: String?
  private var troublePlace: Place?
  private var before: [History.Moment] = []

  init(_ key: RunKey, _ runID: String, at place: Place) {
    (self.key, self.runID, self.place) = (key, runID, place)
  }

  /// Takes its next line.
  mutating func take(_ line: LogLine, hash: UInt64, at place: Place) {
    replay.take(line)
    recent.take(line.sequence, hash, at: place)
    lastSequence = line.sequence
    keep(line, place)
  }

  /// Takes a line that stands twice; `why` says so.
  mutating func refuse(_ line: LogLine, _ why: String, at place: Place) {
    replay.refuse(line, why)
    keep(line, place)
  }

  mutating func takeCorrupt(_ why: String, at place: Place) {
    replay.takeCorrupt(why)
    note(place)
  }

  /// Where the same line stood before, word for word.
  func place(ofSame line: LogLine, _ hash: UInt64) -> Place? {
    line.sequence > lastSequence ? nil : recent.place(of: line.sequence, hash)
  }

  private mutating func keep(_ line: LogLine, _ place: Place) {
    if agentAppID == nil { agentAppID = line.agentAppID }
    if deploymentID == nil { deploymentID = line.deploymentID }
    note(place)
    history.take(line)
  }

  /// Keeps where its first trouble is, and what went before.
  private mutating func note(_ place: Place) {
    guard replay.isTroubled, troublePlace == nil else { return }
    troublePlace = place
    before = Array(history.moments.suffix(Self.momentsBefore))
  }

  /// - Parameter text: writes a place out.
  func report(_ text: (Place) -> String) -> RunReport {
    var report = RunReport(
      runID: runID, agentAppID: agentAppID, deploymentID: deploymentID, verdict: replay.verdict,
      state: replay.state, lines: replay.lines, history: history, place: text(place),
      troublePlace: troublePlace.map(text), before: before)
    report.due = replay.due
    return report
  }
}
