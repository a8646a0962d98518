import Lifecycle

/// What a worker's own log says of it: each line is replayed with the machine that a run has, and
/// what follows from it is all that the supervisor knows of the worker.
///
/// The agent shares its user with the worker, where each has none of its own, and could write to the
/// worker's log. So nothing is believed of a line that cannot be read, that another run wrote, or that
/// the machine does not allow; and nothing any more after the first line of the latter two kinds.
struct WorkerTestimony {
  /// What is to be made of a line.
  enum Finding: Equatable {
    /// It stands in the log as it is. The event that it tells of is for the supervisor's machine.
    case told(News?, isDroppable: Bool)
    /// It stands in the log as it is, for others to judge; this and everything that follows is not
    /// believed. Why, as a sentence.
    case lie(String)
    /// It is no line of this worker, and does not stand in the log as if it were one. Why, as the
    /// end of a sentence about the line.
    case foreign(String)
  }

  /// What became of the worker.
  enum News: Equatable {
    /// Its ports are open.
    case listening
    case ready
    /// Its agent's process is being started again.
    case restarting
    case draining
    /// Its last line.
    case stopped
  }

  let agent: String
  let pid: Int32

  private(set) var replay = Replay()
  /// The `run_id` of its lines; nil before the first one.
  private(set) var runID: String?
  /// The number of its last line that was believed.
  private(set) var sequence: Int64 = 0
  /// The last line that could be read and is its own.
  private(set) var lastLine: LogLine?
  /// Why it is not believed any more.
  private(set) var lie: String?

  // What its lines told besides.
  private(set) var package: PackageIdentity?
  private(set) var restPort: Int?
  private(set) var a2aPort: Int?
  /// Of the first boot.
  private(set) var bootMilliseconds: Int64?
  private(set) var phases = PhaseTimes(fetch: 0, verify: 0, install: 0, load: 0)
  /// When the phase that runs began, in the worker's own time.
  private var phaseBegan: Int64 = 0
  private var lastUptime: Int64 = 0
  /// Agent processes that took the place of a lost one.
  private(set) var restarts = 0
  /// Its last words on a failure.
  private(set) var failure: String?
  private(set) var stopped: StoppedFacts?
  private(set) var drainCause: String?
  /// The state that it was in when it began to drain; nil before.
  private(set) var endedIn: StateName?

  init(agent: String, pid: Int32) {
    self.agent = agent
    self.pid = pid
  }

  /// The number of its last line that was believed; nil before the first.
  var mark: Int64? { sequence > 0 ? sequence : nil }

  /// nil before its first line.
  var state: StateName? { runID == nil ? nil : replay.state }

  /// Takes its next line.
  mutating func take(_ bytes: [UInt8], isCut: Bool, _ decoder: inout LineDecoder) -> Finding {
    if isCut { return .foreign("is longer than \(LogLine.maximumLength) bytes") }
    let line: LogLine
    do throws(LogLine.DecodingError) {
      line = try decoder.decode(bytes.span)
    } catch {
      return .foreign("cannot be read: \(error)")
    }
    if let runID, line.runID != runID { return .foreign("has the run_id of another run") }
    if let id = line.agentAppID, id != agent { return .foreign("is about another agent") }
    if lie != nil {
      lastLine = line
      return .told(nil, isDroppable: line.event.isDroppable)
    }
    if runID == nil {
      // What comes before the worker's own first line is somebody else's.
      guard case .runStarted(_, _, _, let told, _) = line.event else {
        return .foreign("comes before run_started")
      }
      guard told == Int(pid) else { return .foreign("names process \(told), not \(pid)") }
    }
    return judge(line)
  }

  private mutating func judge(_ line: LogLine) -> Finding {
    let (before, isFirst) = (replay.state, runID == nil)
    lastLine = line
    runID = line.runID
    replay.take(line)
    switch replay.verdict {
    case .conforms, .incomplete: break
    case .unknownVersion(let version):
      return disbelieve("it is written by another program (\(version))")
    case .violates(let violation): return disbelieve(violation.text)
    case .corrupt(let why): return disbelieve(why)
    }
    sequence = line.sequence
    note(line)
    lastUptime = line.uptimeMilliseconds
    let isDroppable = line.event.isDroppable
    if isFirst { return .told(.listening, isDroppable: false) }
    guard replay.state != before else { return .told(nil, isDroppable: isDroppable) }
    switch replay.state {
    case .ready: return .told(.ready, isDroppable: false)
    case .loading: return .told(before == .ready ? .restarting : nil, isDroppable: false)
    case .draining:
      endedIn = before
      return .told(.draining, isDroppable: false)
    case .stopped: return .told(.stopped, isDroppable: false)
    case .fetching, .verifying, .installing: return .told(nil, isDroppable: false)
    }
  }

  private mutating func disbelieve(_ why: String) -> Finding {
    lie = why
    return .lie(why)
  }

  /// Phases of the boot so far, the one that runs up to now. `now`: how long the worker's process
  /// has been there, in milliseconds.
  func phases(at now: Int64) -> PhaseTimes {
    guard bootMilliseconds == nil else { return phases }
    var phases = phases
    let running = max(0, now - phaseBegan)
    switch state {
    case .fetching: phases.fetch = running
    case .verifying: phases.verify = running
    case .installing: phases.install = running
    case .loading: phases.load = running
    case .ready, .draining, .stopped, nil: break
    }
    return phases
  }

  private mutating func note(_ line: LogLine) {
    let passed = line.uptimeMilliseconds - phaseBegan
    switch line.event {
    case .verify(_, _, let milliseconds):
      phases.fetch = milliseconds
      phaseBegan = line.uptimeMilliseconds
    case .install(_, let facts):
      package = facts.package
      phases.verify = passed
      phaseBegan = line.uptimeMilliseconds
    case .load(let transition, let facts):
      package = facts.package
      if transition.attempt == 1 {
        phases.install = passed
        phaseBegan = line.uptimeMilliseconds
      } else {
        restarts += 1
      }
    case .runtimeReady(_, let facts):
      if bootMilliseconds == nil {
        bootMilliseconds = facts.bootMilliseconds
        phases = facts.phases
      }
      (restPort, a2aPort) = (facts.restPort, facts.a2aPort)
    case .drain(let transition, _, _): drainCause = transition.cause
    case .stopped(_, let facts): stopped = facts
    case .bootFailed(_, let explanation): failure = explanation.error
    case .workerExited(let exit) where !exit.asked:
      let how =
        exit.outOfMemory
        ? "was ended by the kernel because memory ran out"
        : exit.signal.map { "was ended by \($0)" } ?? "ended with status \(exit.status ?? 0)"
      failure =
        "the agent's process \(how)"
        + (exit.willRestart ? "" : "; \(exit.restarts) restarts are used up")
    case .configError, .runStarted, .fetch, .budgetExceeded, .hardLimitExceeded, .bootProgress,
      .fetchRetry, .workerStarted, .workerExited, .reloadStarted, .reloadFinished, .reloadFailed,
      .requestAborted, .warning, .logDropped, .illegalEvent, .agentOutput, .request, .slowRequest,
      .supervisor:
      break
    }
  }
}
