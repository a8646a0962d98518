/// What every line keeps, whatever it tells of: number, beginning and end, whose it is, time, level.
struct LineOrder: Sendable {
  private var lastSequence: Int64 = 0
  private var isBegun = false
  private var agentAppID: String?
  private var deploymentID: String?
  private var level = LogLevel.info
  /// The latest line of the machine's owner.
  private var ownersUptime: Int64 = 0
  /// The latest line of anybody.
  private var latestUptime: Int64 = 0

  /// Takes the run's configuration, once its first line was judged.
  mutating func configure(_ config: JSONValue) throws(Breach) {
    level = LogLevel(loggedConfig: config)
    if let name = config["AGENT_APP_ID"]?.text, name != agentAppID {
      throw Breach(
        .oneAgent, "its agentAppId is not the configured one", allowed: ["agentAppId \(name)"])
    }
    if let name = config["DEPLOYMENT_ID"]?.text, name != deploymentID {
      throw Breach(
        .oneAgent, "its deploymentId is not the configured one",
        allowed: ["deploymentId \(name)"])
    }
  }

  mutating func take(_ line: LogLine, in state: StateName) throws(Breach) {
    try checkSequence(line)
    if state == .stopped { throw Breach(.nothingAfterStopped, "stopped is the last line") }
    try checkBeginning(line)
    try checkLevel(line.event)
    isBegun = true
    try checkTime(line)
  }

  private mutating func checkSequence(_ line: LogLine) throws(Breach) {
    guard line.sequence == lastSequence + 1 else {
      throw Breach(
        .sequenceWithoutGap,
        lastSequence == 0
          ? "no line of the run comes before it" : "the line before has seq \(lastSequence)",
        allowed: ["seq \(lastSequence + 1)"])
    }
    lastSequence = line.sequence
  }

  private mutating func checkBeginning(_ line: LogLine) throws(Breach) {
    let isStart = if case .runStarted = line.event { true } else { false }
    guard isBegun else {
      guard isStart else {
        throw Breach(
          .startsWithRunStarted, "the first line of a run is run_started", allowed: ["run_started"])
      }
      (agentAppID, deploymentID) = (line.agentAppID, line.deploymentID)
      return
    }
    if isStart { throw Breach(.startsWithRunStarted, "a run starts once") }
    guard line.agentAppID == agentAppID else {
      throw Breach(
        .oneAgent, "its agentAppId is not that of the lines before",
        allowed: ["agentAppId \(agentAppID ?? "null")"])
    }
    guard line.deploymentID == deploymentID else {
      throw Breach(
        .oneAgent, "its deploymentId is not that of the lines before",
        allowed: ["deploymentId \(deploymentID ?? "null")"])
    }
  }

  private func checkLevel(_ event: LogEvent) throws(Breach) {
    guard event.level < level, isBegun, !event.isAlwaysWritten else { return }
    // The writer tells of lines that it lost whatever the level.
    if case .logDropped = event { return }
    throw Breach(.logLevel, "its level is below \(level.rawValue), which the run logs from")
  }

  private mutating func checkTime(_ line: LogLine) throws(Breach) {
    let uptime = line.uptimeMilliseconds
    // What others told is this old at most, and the owner's lines are in order.
    let earliest =
      switch line.event.clock {
      case .ofOthers: ownersUptime - Promise.patience
      case .ofOwner, .afterOwner: max(ownersUptime, latestUptime - Promise.patience)
      }
    guard uptime >= earliest else {
      throw Breach(
        .uptimeRises, "its uptime is before that of the lines before",
        missedBy: earliest - uptime, allowed: ["uptime_ms from \(earliest) on"])
    }
    if line.event.clock == .ofOwner { ownersUptime = uptime }
    latestUptime = max(latestUptime, uptime)
  }
}

extension LogEvent {
  /// When a line's instant is taken.
  enum Clock {
    /// When it is written, by the owner of the machine.
    case ofOwner
    /// The same; but what a transition cuts off is told before it, at a later time than its own.
    case afterOwner
    /// By another thread.
    case ofOthers
  }

  var clock: Clock {
    switch self {
    case .runStarted, .configError, .bootFailed, .hardLimitExceeded, .budgetExceeded,
      .bootProgress, .fetchRetry, .workerStarted, .workerExited, .reloadStarted, .reloadFinished,
      .reloadFailed, .illegalEvent, .agentOutput, .fetch, .verify, .install, .load, .runtimeReady,
      .drain, .stopped:
      .ofOwner
    case .requestAborted: .afterOwner
    case .warning, .logDropped, .request, .slowRequest: .ofOthers
    }
  }
}

extension LogLevel {
  /// The least level that a run logs; a run with a bad configuration has the default.
  init(loggedConfig config: JSONValue) {
    self = config["LOG_LEVEL"]?.text.flatMap(LogLevel.init(rawValue:)) ?? .info
  }
}
