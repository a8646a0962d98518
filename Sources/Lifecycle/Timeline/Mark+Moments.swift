extension Timeline.Mark {
  /// The mark that a line makes; nil for one that is told otherwise: by a stretch, or not at all.
  init?(_ moment: History.Moment, at now: Int64) {
    guard let (kind, label) = Self.words(moment.event) else { return nil }
    self.init(
      at: now, kind: kind, label: label, level: moment.event.level, sequence: moment.sequence)
  }

  fileprivate static func words(_ event: LogEvent) -> (Kind, String)? {
    switch event {
    case .workerStarted(let pid, let attempt):
      (.workerStarted, "process \(pid) started, attempt \(attempt)")
    case .workerExited(let exit):
      exit.asked
        ? (.workerEnded, "process \(exit.pid) \(exit.why)")
        : (.loss, "process \(exit.pid) \(exit.why)")
    case .fetchRetry(let attempt, let error, let delay):
      (.retry, "attempt \(attempt): \(error); again in \(delay) ms")
    case .bootProgress(_, let message): (.progress, message)
    case .budgetExceeded(let boot, let budget):
      (.budget, "boot time exceeded budget: \(boot) of \(budget) ms")
    case .hardLimitExceeded(_, let counted, let limit, _):
      (.hardLimit, "boot time exceeded hard limit: \(counted) of \(limit) ms counted")
    case .configError(let variable, let error): (.configError, "\(variable): \(error)")
    case .bootFailed(let phase, let explanation):
      (.bootFailed, "failed in \(phase.rawValue): \(explanation.error)")
    case .reloadStarted(let pid): (.reloadStarted, "reload started, process \(pid) serves")
    case .reloadFinished(let facts):
      (
        .reloadFinished,
        "reload finished, process \(facts.pid) serves after \(facts.loadMilliseconds) ms"
      )
    case .reloadFailed(let explanation): (.reloadFailed, "reload failed: \(explanation.error)")
    case .warning(let code, let message): (.warning, "\(code): \(message)")
    case .slowRequest(let facts):
      (.slowRequest, "slow: \(facts.method) \(facts.path) \(facts.durationMilliseconds) ms")
    case .requestAborted(let facts):
      (.aborted, "cut off: \(facts.method) \(facts.route) after \(facts.ageMilliseconds) ms")
    case .logDropped(let count): (.logDropped, "\(count) lines of the log were lost")
    case .illegalEvent(let state, let what):
      (.illegalEvent, "the machine refused \(what) in \(state.rawValue)")
    case .runStarted, .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped,
      .agentOutput, .request, .supervisor:
      nil
    }
  }
}

extension History.Moment {
  /// What the line says, in a few words. It comes from the log, and may hold anything.
  public var label: String {
    if case .runStarted(let version, _, _, let pid, _) = event {
      return "version \(version), process \(pid)"
    }
    if let words = Timeline.Mark.words(event) { return words.1 }
    if case .supervisor(let line) = event { return line.words }
    guard let transition = event.transition else { return "" }
    let more = event.label
    return transition.cause + (more.isEmpty || more.hasPrefix(transition.cause) ? "" : ", \(more)")
  }
}
