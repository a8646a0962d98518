/// What the lines tell of single requests, against each other and against the counts of `stopped`.
struct RequestCounts: Sendable {
  /// How many requests that were cut off get a line of their own in a drain or loss, and how many a
  /// `worker_exited` names.
  static let abortedLines = 20
  /// What was cut off by the end of a worker this long before a drain may be told in it.
  static let lossMemory: Int64 = 1000

  /// Which requests have a line.
  private enum AccessLog { case unknown, none, some, all }

  private let level: LogLevel
  private let accessLog: AccessLog
  /// Milliseconds from which on a request is slow; 0: none is; nil: not told.
  private let slow: Int64?
  /// Ids that `worker_exited` named and whose lines follow, the next one last.
  private var announced: [String] = []
  /// Lines of requests that were cut off, which the drain or loss may still have.
  private var linesLeft = abortedLines
  private var drainedAt: Int64?
  private var wasReady = false
  /// Requests that have a line; those of the program's own routes are not among the completed.
  private var finished = 0
  /// Lines of requests that were cut off since the drain, those apart that may tell of an earlier loss.
  private var cutInDrain = 0
  private var hasDropped = false
  /// Whether each line of the run is seen.
  var isWhole = true

  init(loggedConfig config: JSONValue) {
    level = LogLevel(loggedConfig: config)
    switch config["ACCESS_LOG"] {
    case .bool(true): accessLog = .all
    case .bool(false): accessLog = .none
    case .integer, .number: accessLog = .some
    case .null, .string, .array, .object, nil: accessLog = .unknown
    }
    slow = config["SLOW_REQUEST_MS"]?.whole
  }

  /// Judges a line before the machine takes it.
  ///
  /// - Parameter lives: knows which workers ended.
  mutating func take(
    _ line: LogLine, _ state: State, _ lives: WorkerLives
  ) throws(Breach) {
    switch line.event {
    case .request(let facts): try finished(hasSample: facts.sample != nil)
    case .slowRequest(let facts): try wasSlow(facts)
    case .requestAborted(let facts): try aborted(facts, line.uptimeMilliseconds, state, lives)
    case .logDropped: (hasDropped, announced) = (true, [])
    case .workerExited(let exit):
      try checkTold(line.event)
      try announce(exit)
    case .reloadFinished:
      try checkTold(line.event)
      linesLeft = Self.abortedLines
    default: try checkTold(line.event)
    }
  }

  // MARK: The access log

  /// Judges a line of the access log.
  mutating func take(_ numbers: RequestNumbers) throws(Breach) {
    try finished(hasSample: numbers.sample != nil)
  }

  private mutating func finished(hasSample: Bool) throws(Breach) {
    switch accessLog {
    case .unknown, .all, .some: break
    case .none: throw Breach(.accessLog, "ACCESS_LOG is off")
    }
    guard accessLog == .unknown || hasSample == (accessLog == .some) else {
      throw Breach(.accessLog, "a line has a sample when ACCESS_LOG is a part, and only then")
    }
    finished += 1
  }

  private func wasSlow(_ facts: SlowFacts) throws(Breach) {
    guard let slow else { return }
    guard slow > 0 else { throw Breach(.accessLog, "SLOW_REQUEST_MS is off") }
    guard facts.durationMilliseconds >= slow else {
      throw Breach(
        .accessLog, "it was not slow", missedBy: slow - facts.durationMilliseconds,
        allowed: ["duration_ms from \(slow) on"])
    }
  }

  // MARK: Requests that were cut off

  private mutating func announce(_ exit: WorkerExit) throws(Breach) {
    let ids = exit.inFlight
    guard ids.count <= Self.abortedLines else {
      throw Breach(
        .abortedAreTold, "it names \(ids.count) requests, more than \(Self.abortedLines)")
    }
    if !hasDropped, level <= .warning { announced = ids.prefix(linesLeft).reversed() }
  }

  /// Before its owner says anything else, the requests of a worker that ended are told.
  private func checkTold(_ event: LogEvent) throws(Breach) {
    guard let next = announced.last, event.clock == .ofOwner else { return }
    // Why the boot is over is told between them.
    if case .bootFailed = event { return }
    throw Breach(
      .abortedAreTold, "\(announced.count) requests that worker_exited names are not told of",
      allowed: ["request_aborted request_id \(next)"])
  }

  private mutating func aborted(
    _ facts: AbortedFacts, _ uptime: Int64, _ state: State, _ lives: WorkerLives
  ) throws(Breach) {
    guard canAbort(state, lives) else {
      throw Breach(.abortedNeedsACause, "nothing can have cut it off")
    }
    if let next = announced.popLast() {
      guard facts.requestID == next else {
        throw Breach(
          .abortedAreTold, "worker_exited names others", allowed: ["request_id \(next)"])
      }
    } else if let loss = lives.loss, !hasDropped {
      throw Breach(
        .abortedAreTold, "the end of process \(loss.pid) names \(loss.inFlight.count) requests")
    }
    if let drainedAt, uptime > drainedAt + Self.lossMemory { cutInDrain += 1 }
    // What a reload adds, a run that logs less does not tell.
    guard level <= .info, !hasDropped else { return }
    guard linesLeft > 0 else {
      throw Breach(.abortedAreTold, "a drain or loss has \(Self.abortedLines) such lines at most")
    }
    linesLeft -= 1
  }

  private func canAbort(_ state: State, _ lives: WorkerLives) -> Bool {
    switch state {
    case .draining: true
    case .loading: state.wasReady
    // Which worker ended, a run that logs less does not tell. One that was replaced ends in ready.
    case .ready: lives.loss != nil || !lives.tellsStarts || lives.processes.hasReplaced
    case .fetching, .verifying, .installing, .stopped: false
    }
  }

  // MARK: The counts

  /// Judges a transition once the machine has made it.
  mutating func moved(_ line: LogLine, to next: State) throws(Breach) {
    switch line.event {
    case .load: linesLeft = Self.abortedLines
    case .runtimeReady: (linesLeft, wasReady) = (Self.abortedLines, true)
    case .drain: (linesLeft, drainedAt) = (Self.abortedLines, line.uptimeMilliseconds)
    case .stopped(_, let facts): try check(facts)
    default: break
    }
  }

  private func check(_ facts: StoppedFacts) throws(Breach) {
    guard wasReady || facts.completed == 0 && facts.aborted == 0 else {
      throw Breach(
        .countsOfRequests, "nothing is served by a run that was never ready",
        allowed: ["completed 0", "aborted 0"])
    }
    guard facts.aborted >= cutInDrain else {
      throw Breach(
        .countsOfRequests, "its aborted is \(facts.aborted), but \(cutInDrain) lines tell of some",
        allowed: ["aborted from \(cutInDrain) on"])
    }
    guard accessLog == .all, level <= .info, isWhole, !hasDropped else { return }
    guard facts.completed <= finished else {
      throw Breach(
        .countsOfRequests, "its completed is \(facts.completed), but \(finished) have a line",
        allowed: ["completed at most \(finished)"])
    }
  }
}
