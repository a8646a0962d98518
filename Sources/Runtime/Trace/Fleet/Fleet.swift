internal import Lifecycle

/// What many runs have in common, in bounded memory: counts, distributions, the commonest, the slowest.
struct Fleet {
  /// One measure over all runs.
  struct Times {
    var all = Distribution()
    var own = Distribution()
    var waited = Distribution()
    var hasWaited = false
  }

  /// A run worth naming.
  struct Named {
    let runID: String
    let agent: String?
    let place: String
    let milliseconds: Int64
  }

  /// How many of the slowest are named.
  static let slowestLimit = 5

  private(set) var runs = 0
  /// Supervisors are no runs of an agent: they are counted apart.
  private(set) var supervised = Supervised()

  struct Supervised {
    var supervisors = 0
    var agents = 0
    var failedAgents = 0
    var changes = 0
    var failedChanges = 0
    var losses = 0
    var restarts = 0
  }

  private(set) var verdicts: [String: Int] = [:]
  private(set) var endings: [RunEnding: Int] = [:]
  private(set) var causes = CommonTexts()
  private(set) var failures = CommonTexts()
  private(set) var hints = CommonTexts()
  private(set) var losses = CommonTexts()
  private(set) var warnings = CommonTexts()
  private(set) var promises = CommonTexts()
  private(set) var agents = CommonTexts()
  private(set) var versions = CommonTexts()
  private(set) var times: [Measure: Times] = [:]
  private(set) var slowestBoots: [Named] = []
  private(set) var longestOutages: [Named] = []
  /// Requests cut off by a drain, and in how many runs.
  private(set) var aborted = 0
  private(set) var runsWithAborted = 0
  /// Requests that a lost worker had in flight, as far as they have a line.
  private(set) var abortedByLoss = 0
  private(set) var requests = 0
  private(set) var budgetExceeded = 0
  private(set) var hardLimitExceeded = 0
  /// Runs that lived too long to be kept whole: what was in their middle is not counted.
  private(set) var partial = 0
  /// The wall clock's times of the first and the last start, in nanoseconds since 1970.
  private(set) var firstStart: Int64?
  private(set) var lastStart: Int64?

  var failed: Int { endings.reduce(0) { $0 + ($1.key.isFailure ? $1.value : 0) } }
  var cut: Int { endings[.cut, default: 0] }
  /// Runs that were seen to their end.
  var ended: Int {
    endings.reduce(0) { if case .open = $1.key { $0 } else { $0 + $1.value } }
  }

  mutating func take(_ run: RunReport) {
    verdicts[run.verdict.name, default: 0] += 1
    if case .violates(let violation) = run.verdict {
      promises.take(violation.promise.rawValue, at: run.troublePlace ?? run.place)
    }
    // Of a run that was taken before only the verdict changes.
    guard !run.isCorrection else {
      let before = Replay.Verdict.conforms.name
      verdicts[before, default: 0] -= 1
      if verdicts[before] == 0 { verdicts[before] = nil }
      return
    }
    if let supervisor = run.supervisor { return take(supervisor.course, of: run) }
    runs += 1
    endings[run.ending, default: 0] += 1
    if run.history.leftOut > 0 { partial += 1 }
    agents.take(run.agentAppID ?? "-", at: run.place)
    aborted += run.aborted
    if run.aborted > 0 { runsWithAborted += 1 }
    requests += run.history.requests
    for loss in run.timeline.losses { losses.take(Signature.fold(loss.why), at: run.place) }
    if let start = run.history.startedAt {
      firstStart = min(firstStart ?? start, start)
      lastStart = max(lastStart ?? start, start)
    }
    let events = run.history.moments.map(\.event)
    // A boot_failed after config_error lines only sums them up.
    let isMisconfigured = events.contains { if case .configError = $0 { true } else { false } }
    var isDraining = false
    for event in events {
      if case .drain = event { isDraining = true }
      if case .requestAborted = event, !isDraining { abortedByLoss += 1 }
      if isMisconfigured, case .bootFailed = event { continue }
      take(event, of: run)
    }
    for measured in run.measures { take(measured, of: run) }
  }

  private mutating func take(_ course: SupervisionCourse, of run: RunReport) {
    supervised.supervisors += 1
    supervised.agents += course.agents.count
    for agent in course.agents {
      supervised.changes += agent.changes
      supervised.failedChanges += agent.failedChanges
      supervised.losses += agent.losses
      supervised.restarts += agent.restarts
      if agent.stretches.last?.state == .failed { supervised.failedAgents += 1 }
    }
    for moment in run.history.moments {
      switch moment.event {
      case .supervisor(.agentTargetFailed(_, _, let reason)):
        failures.take("change of version: \(Signature.fold(reason))", at: run.place)
      case .supervisor(.agentState(let facts)) where facts.to == .failed:
        failures.take("agent: \(Signature.fold(facts.reason ?? "failed"))", at: run.place)
      case .supervisor(.desiredRefused(_, let errors)):
        for error in errors {
          failures.take("desired state: \(Signature.fold(error))", at: run.place)
        }
      case .warning(let code, _): warnings.take(code, at: run.place)
      default: break
      }
    }
  }

  private mutating func take(_ event: LogEvent, of run: RunReport) {
    switch event {
    case .runStarted(let version, _, _, _, _): versions.take(version, at: run.place)
    case .bootFailed(let phase, let explanation):
      failures.take(
        "\(phase.rawValue): \(Signature.fold(explanation.error))", at: run.place)
      if let hint = explanation.hint { hints.take(hint, at: run.place) }
    case .reloadFailed(let explanation):
      failures.take("reload: \(Signature.fold(explanation.error))", at: run.place)
      if let hint = explanation.hint { hints.take(hint, at: run.place) }
    case .configError(let variable, let error):
      failures.take("\(variable): \(Signature.fold(error))", at: run.place)
    case .warning(let code, _): warnings.take(code, at: run.place)
    case .budgetExceeded: budgetExceeded += 1
    case .hardLimitExceeded: hardLimitExceeded += 1
    case .drain(let transition, _, _): causes.take(transition.cause, at: run.place)
    case .fetch, .verify, .install, .load, .runtimeReady, .stopped, .bootProgress, .fetchRetry,
      .workerStarted, .workerExited, .reloadStarted, .reloadFinished, .requestAborted,
      .logDropped, .illegalEvent, .agentOutput, .request, .slowRequest, .supervisor:
      break
    }
  }

  private mutating func take(_ measured: Measured, of run: RunReport) {
    var times = times[measured.measure] ?? Times()
    times.all.take(measured.milliseconds)
    times.own.take(measured.milliseconds - measured.waited)
    times.waited.take(measured.waited)
    times.hasWaited = times.hasWaited || measured.waited > 0
    self.times[measured.measure] = times
    let named = Named(
      runID: run.runID, agent: run.agentAppID, place: run.place,
      milliseconds: measured.milliseconds)
    switch measured.measure {
    case .bootCold, .bootCached: Self.rank(named, among: &slowestBoots)
    case .outage: Self.rank(named, among: &longestOutages)
    case .fetch, .verify, .installCold, .installCached, .load, .reload, .drain: break
    }
  }

  /// Keeps the list sorted and short; of equals the first one seen stays ahead.
  private static func rank(_ named: Named, among list: inout [Named]) {
    let place = list.firstIndex { $0.milliseconds < named.milliseconds } ?? list.count
    guard place < slowestLimit else { return }
    list.insert(named, at: place)
    if list.count > slowestLimit { list.removeLast() }
  }
}
