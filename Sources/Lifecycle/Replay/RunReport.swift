/// All that is to be said of one run, once its last line was read or the input has ended.
public struct RunReport: Sendable {
  public var runID: String
  public var agentAppID: String?
  public var deploymentID: String?
  public var verdict: Replay.Verdict
  /// The state after the last line that could be judged.
  public var state: StateName
  /// What was to come next in that state, the next one first.
  public var due: [DueTimer] = []
  /// Lines of the run, whatever they are.
  public var lines: Int
  public var history: History
  public var timeline: Timeline
  /// Where the run began, and where its trouble is.
  public var place: String
  public var troublePlace: String?
  /// The last moments before the trouble; empty without one.
  public var before: [History.Moment]
  /// Whether the run was reported before, as one that conforms, and a line came after its end.
  public var isCorrection = false
  /// Of a supervisor's run: its agents; nil for every other.
  public var supervisor: SupervisorReport?
  /// Why the log of a worker has no end, in the words of its supervisor.
  public var excuse: String?
  /// The smallest edits that would make the run legal, the best first; each one sentence.
  public var repairs: [String]

  /// The state or, of a supervisor, the phase, in the log's words.
  public var stateName: String { supervisor?.phase.rawValue ?? state.rawValue }

  public init(
    runID: String, agentAppID: String?, deploymentID: String?, verdict: Replay.Verdict,
    state: StateName, lines: Int, history: History, place: String, troublePlace: String?,
    before: [History.Moment], repairs: [String] = []
  ) {
    self.runID = runID
    self.agentAppID = agentAppID
    self.deploymentID = deploymentID
    self.verdict = verdict
    self.state = state
    self.lines = lines
    self.history = history
    self.timeline = Timeline(history)
    self.place = place
    self.troublePlace = troublePlace
    self.before = before
    self.repairs = repairs
  }
}

/// What is to be said of a supervisor's run beyond that.
public struct SupervisorReport: Sendable {
  public var phase: SupervisionPhase.Name
  public var course: SupervisionCourse
  /// What was to come next, the next one first.
  public var due: [DueSupervisorTimer]
  /// Workers of which it told, and no line of which is here: what it said of them is not judged.
  public var unseenWorkers: Int

  public init(
    phase: SupervisionPhase.Name, course: SupervisionCourse, due: [DueSupervisorTimer],
    unseenWorkers: Int
  ) {
    self.phase = phase
    self.course = course
    self.due = due
    self.unseenWorkers = unseenWorkers
  }
}

/// What the whole input held, for the last words of a report.
public struct Totals: Sendable, Equatable {
  /// Runs by the name of their verdict.
  public var runs: [String: Int] = [:]
  public var lines = 0
  /// Runs without an end that count as none of a failure: their supervisor says how they ended.
  public var excused = 0
  /// Lines of somebody else, and of these those that are too long to be looked at.
  public var foreign = 0
  public var tooLong = 0
  /// Last lines of inputs that have no end.
  public var cutOff = 0
  /// Lines that stand twice word for word and were passed over, as was asked for.
  public var duplicates = 0
  /// Inputs that could not be read, or not to their end.
  public var unreadable = 0
  /// Lines that look like ours, cannot be read and name no run; and the first one's trouble with its
  /// place.
  public var corrupt = 0
  public var firstCorrupt: String?

  public init() {}

  /// 0 all conform, or were cut off (not with `strict`, unless their supervisor says how); 1 a violation, a corrupt line or nothing to
  /// check; 2 an unknown version or an input that cannot be read.
  public func status(strict: Bool) -> Int32 {
    func has(_ name: String) -> Bool { runs[name, default: 0] > 0 }
    if has("unknown-version") || unreadable > 0 { return 2 }
    if has("violates") || has("corrupt") || corrupt > 0 || runs.isEmpty { return 1 }
    return strict && runs["incomplete", default: 0] > excused ? 1 : 0
  }
}
