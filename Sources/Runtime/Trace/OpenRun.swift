internal import Lifecycle

/// A run of which more may come.
struct OpenRun {
  /// Moments that are shown before a trouble.
  static let momentsBefore = 5

  let key: RunKey
  private let runID: String
  /// Where it began.
  let place: Place
  private var replay = Replay()
  /// Of a supervisor's run, which that other machine's lines are of.
  private(set) var supervision: SupervisorReplay?
  private(set) var history = History()
  private(set) var recent: RecentLines
  private(set) var lastSequence: Int64 = 0
  private var agentAppID: String?
  private var deploymentID: String?
  private var troublePlace: Place?
  private var before: [History.Moment] = []
  /// What a repair is found with, once there is a trouble; or why none is sought.
  private var aftermath: Aftermath?
  private var refusal: String?
  private var linesBefore = 0
  /// Of a supervisor: workers of which it told, and no line of which is here.
  var unseenWorkers: Set<String> = []
  /// Of a supervisor: whether the table counts it among the open ones.
  var isCounted = false
  /// Why this run has no end, in the words of its supervisor.
  var excuse: String?

  var isSupervisor: Bool { supervision != nil }
  var verdict: Replay.Verdict { supervision?.verdict ?? replay.verdict }
  /// Whether something was found that is not as it should be: nothing more is judged.
  private(set) var isTroubled = false

  /// - Parameter limit: of its latest lines, so many are remembered.
  init(_ key: RunKey, _ runID: String, at place: Place, remembering limit: Int) {
    (self.key, self.runID, self.place) = (key, runID, place)
    recent = RecentLines(limit: limit)
  }

  /// Takes its next line.
  mutating func take(
    _ line: LogLine, hash: UInt64, at place: Place, _ quota: inout RepairQuota
  ) {
    if supervision != nil {
      supervision?.take(line)
    } else if case .supervisor = line.event, history.isEmpty {
      supervision = SupervisorReplay()
      supervision?.take(line)
    } else {
      replay.take(line)
    }
    noteTrouble()
    recent.take(line.sequence, hash, at: place)
    keep(line, place, &quota)
    lastSequence = line.sequence
  }

  private mutating func noteTrouble() {
    isTroubled = supervision?.isTroubled ?? replay.isTroubled
  }

  /// Takes note that what this run, a supervisor's, said of a worker is not what the worker's log says.
  mutating func contradict(
    _ violation: Violation, by line: LogLine, at place: Place, _ quota: inout RepairQuota
  ) {
    supervision?.contradict(violation)
    noteTrouble()
    note(line, place, &quota)
  }

  /// Takes its next line, when nothing is wrong so far and its number is a new one; else false, and
  /// nothing is done.
  mutating func take(
    _ line: CountedLine, of owner: LineOwner, hash: UInt64, at place: Place,
    _ quota: inout RepairQuota
  ) -> Bool {
    guard !isTroubled, line.sequence > lastSequence else { return false }
    if supervision == nil {
      replay.take(line, of: owner)
    } else {
      supervision?.take(line, of: owner)
    }
    noteTrouble()
    recent.take(line.sequence, hash, at: place)
    if isTroubled {
      keep(line.line(of: owner), place, &quota)
    } else {
      history.take(line)
    }
    lastSequence = line.sequence
    return true
  }

  /// Takes a line that stands twice; `why` says so.
  mutating func refuse(
    _ line: LogLine, _ why: String, at place: Place, _ quota: inout RepairQuota
  ) {
    if supervision == nil {
      replay.refuse(line, .noLineTwice, why)
    } else {
      supervision?.refuse(line, .noLineTwice, why)
    }
    noteTrouble()
    keep(line, place, &quota)
  }

  mutating func takeCorrupt(_ why: String, at place: Place, _ quota: inout RepairQuota) {
    if supervision == nil { replay.takeCorrupt(why) } else { supervision?.takeCorrupt(why) }
    noteTrouble()
    aftermath?.takeCorrupt()
    note(nil, place, &quota)
  }

  /// Where the same line stood before, word for word.
  func place(ofSame line: LogLine, _ hash: UInt64) -> Place? {
    line.sequence > lastSequence ? nil : recent.place(of: line.sequence, hash)
  }

  private mutating func keep(_ line: LogLine, _ place: Place, _ quota: inout RepairQuota) {
    if agentAppID == nil { agentAppID = line.agentAppID }
    if deploymentID == nil { deploymentID = line.deploymentID }
    aftermath?.take(line)
    note(line, place, &quota)
    history.take(line)
  }

  /// Keeps where its first trouble is, and what went before.
  private mutating func note(_ line: LogLine?, _ place: Place, _ quota: inout RepairQuota) {
    guard isTroubled, troublePlace == nil else { return }
    troublePlace = place
    before = Array(history.moments.suffix(Self.momentsBefore))
    if case .unknownVersion = verdict { return }
    if supervision != nil {
      refusal = "none is sought for a supervisor's log"
      return
    }
    linesBefore = min(replay.lines, History.limit)
    refusal = quota.refusal(linesBefore)
    guard refusal == nil else { return }
    aftermath = Aftermath(
      trouble: line, after: history, lastSequence: lastSequence, runID: runID,
      agentAppID: agentAppID, deploymentID: deploymentID, limits: quota.limits)
  }

  private func repairs(_ quota: inout RepairQuota, _ text: (Place) -> String) -> [String] {
    if let refusal { return [refusal] }
    guard let aftermath, let troublePlace else { return [] }
    let repair = Repair(of: aftermath, at: text(troublePlace), limits: quota.limits)
    quota.release(linesBefore, steps: repair.steps)
    return repair.sentences
  }

  /// - Parameter text: writes a place out.
  func report(_ quota: inout RepairQuota, _ text: (Place) -> String) -> RunReport {
    var report = RunReport(
      runID: runID, agentAppID: agentAppID, deploymentID: deploymentID, verdict: verdict,
      state: replay.state, lines: supervision?.lines ?? replay.lines, history: history,
      place: text(place), troublePlace: troublePlace.map(text), before: before,
      repairs: repairs(&quota, text))
    if let supervision {
      report.supervisor = SupervisorReport(
        phase: supervision.phase, course: SupervisionCourse(history), due: supervision.timers,
        unseenWorkers: unseenWorkers.count)
    } else {
      report.due = replay.due
    }
    report.excuse = excuse
    return report
  }
}
