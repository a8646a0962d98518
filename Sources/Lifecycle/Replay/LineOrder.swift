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

  /// The same of a supervisor, which is of no agent.
  mutating func configureSupervisor(_ config: JSONValue) throws(Breach) {
    level = LogLevel(loggedConfig: config)
    guard agentAppID == nil else {
      throw Breach(
        .oneAgent, "a supervisor's lines are of no agent", allowed: ["agentAppId null"])
    }
  }

  mutating func take(_ line: LogLine, in state: StateName) throws(Breach) {
    try take(
      line.event.nature, line.sequence, line.uptimeMilliseconds, line.agentAppID,
      line.deploymentID, in: state)
  }

  @inline(__always)
  mutating func take(
    _ line: CountedLine, of owner: LineOwner, in state: StateName
  ) throws(Breach) {
    try take(
      line.kind == .request ? .request : .agentOutput, line.sequence, line.uptimeMilliseconds,
      owner.agentAppID, owner.deploymentID, in: state)
  }

  @inline(__always)
  private mutating func take(
    _ nature: EventNature, _ sequence: Int64, _ uptime: Int64, _ agentAppID: String?,
    _ deploymentID: String?, in state: StateName
  ) throws(Breach) {
    try checkSequence(sequence)
    if state == .stopped { throw Breach(.nothingAfterStopped, "stopped is the last line") }
    try checkBeginning(nature, agentAppID, deploymentID)
    try checkLevel(nature)
    isBegun = true
    try checkTime(uptime, nature.clock)
  }

  @inline(__always)
  private mutating func checkSequence(_ sequence: Int64) throws(Breach) {
    guard sequence == lastSequence + 1 else {
      throw Breach(
        .sequenceWithoutGap,
        lastSequence == 0
          ? "no line of the run comes before it" : "the line before has seq \(lastSequence)",
        allowed: ["seq \(lastSequence + 1)"])
    }
    lastSequence = sequence
  }

  @inline(__always)
  private mutating func checkBeginning(
    _ nature: EventNature, _ agent: String?, _ deployment: String?
  ) throws(Breach) {
    guard isBegun else {
      guard nature.isStart else {
        throw Breach(
          .startsWithRunStarted, "the first line of a run is run_started", allowed: ["run_started"])
      }
      (agentAppID, deploymentID) = (agent, deployment)
      return
    }
    if nature.isStart { throw Breach(.startsWithRunStarted, "a run starts once") }
    guard agent == agentAppID else {
      throw Breach(
        .oneAgent, "its agentAppId is not that of the lines before",
        allowed: ["agentAppId \(agentAppID ?? "null")"])
    }
    guard deployment == deploymentID else {
      throw Breach(
        .oneAgent, "its deploymentId is not that of the lines before",
        allowed: ["deploymentId \(deploymentID ?? "null")"])
    }
  }

  @inline(__always)
  private func checkLevel(_ nature: EventNature) throws(Breach) {
    guard nature.level < level, isBegun, !nature.isAlwaysWritten else { return }
    throw Breach(.logLevel, "its level is below \(level.rawValue), which the run logs from")
  }

  @inline(__always)
  private mutating func checkTime(_ uptime: Int64, _ clock: LogEvent.Clock) throws(Breach) {
    // What others told is this old at most, and the owner's lines are in order.
    let earliest =
      switch clock {
      case .ofOthers: ownersUptime - Promise.patience
      case .ofOwner, .afterOwner: max(ownersUptime, latestUptime - Promise.patience)
      }
    guard uptime >= earliest else {
      throw Breach(
        .uptimeRises, "its uptime is before that of the lines before",
        missedBy: earliest - uptime, allowed: ["uptime_ms from \(earliest) on"])
    }
    if clock == .ofOwner { ownersUptime = uptime }
    latestUptime = max(latestUptime, uptime)
  }
}

/// What the order of lines asks of an event.
struct EventNature {
  let level: LogLevel
  let clock: LogEvent.Clock
  var isStart = false
  /// Whatever level the run logs from.
  var isAlwaysWritten = false

  static let request = EventNature(level: .info, clock: .ofOthers)
  static let agentOutput = EventNature(level: .info, clock: .ofOwner)
}

extension LogEvent {
  fileprivate var nature: EventNature {
    switch self {
    case .request: return .request
    case .agentOutput: return .agentOutput
    // The writer tells of lines that it lost whatever the level.
    case .logDropped: return EventNature(level: level, clock: clock, isAlwaysWritten: true)
    case .runStarted, .supervisor(.started):
      return EventNature(
        level: level, clock: clock, isStart: true, isAlwaysWritten: isAlwaysWritten)
    default:
      return EventNature(level: level, clock: clock, isAlwaysWritten: isAlwaysWritten)
    }
  }

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
      .drain, .stopped, .supervisor:
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
