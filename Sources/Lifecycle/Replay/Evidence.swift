/// What the lines between the transitions tell of: a transition must have the lines that explain it,
/// and they must agree with it.
struct Evidence: Sendable {
  /// The least level that the run logs; lines below it are not there.
  private let level: LogLevel
  private let budget: Interval?
  private var agentAppID: String?
  private var package: PackageIdentity?
  private var hasWorker = true
  private var bootFailed = false
  private var configErrors = false
  private var hardLimitExceeded = false
  private var budgetExceeded = false
  /// Whether the budget's line was the last word of the machine's owner.
  private var isBudgetTold = false
  private var workers = WorkerProcesses()
  /// The end of the current worker, until the transition that it leads to.
  private var loss: WorkerExit?

  init(loggedConfig config: JSONValue) {
    level = config["LOG_LEVEL"]?.text.flatMap(LogLevel.init(rawValue:)) ?? .info
    budget = config["BOOT_BUDGET_MS"]?.decimal.flatMap {
      $0 > 0 && $0 < 1e12 ? .seconds($0 / 1000) : nil
    }
  }

  /// Takes a line before the machine does; a sentence when it cannot be.
  mutating func take(_ line: LogLine, _ machine: Machine) -> String? {
    if let known = agentAppID, let id = line.agentAppID, id != known {
      return "its agentAppId is not that of the lines before"
    }
    agentAppID = agentAppID ?? line.agentAppID
    let state = machine.state
    switch line.event {
    case .configError:
      guard !bootFailed else { return "it comes after the boot_failed that sums it up" }
      configErrors = true
    case .bootFailed(let phase, _):
      let expected = state.name == .ready ? .loading : state.name
      guard phase == expected else { return "its phase is not the state, \(state.name.rawValue)" }
      guard !isBudgetTold else { return Self.afterBudget }
      bootFailed = true
    case .hardLimitExceeded(let boot, let counted, let limit, let phases):
      guard !bootFailed else { return "it comes after the boot_failed that explains it" }
      hardLimitExceeded = true
      let known = state.phases(at: Instant(milliseconds: line.uptimeMilliseconds))
      guard boot == line.uptimeMilliseconds, counted == known.counted.milliseconds,
        phases == PhaseTimes(known), limit == machine.policy.hardLimit?.milliseconds
      else { return "its times are not the machine's" }
    case .budgetExceeded(let boot, let milliseconds):
      guard !budgetExceeded else { return "the budget is told of once" }
      (budgetExceeded, isBudgetTold) = (true, true)
      guard boot == line.uptimeMilliseconds, milliseconds == budget?.milliseconds,
        boot >= milliseconds
      else { return "its times are not the run's" }
    case .workerStarted(let pid, let attempt):
      return isBudgetTold ? Self.afterBudget : workers.started(pid, attempt, state)
    case .workerExited(let exit): return exited(exit, state)
    case .reloadStarted(let pid):
      return workers.reloadStarted(pid, state, at: line.uptimeMilliseconds)
    case .reloadFinished(let facts):
      return workers.reloadFinished(facts, state, at: line.uptimeMilliseconds)
    case .reloadFailed:
      // How it began, a run that logs less does not tell.
      return level <= .info ? workers.reloadFailed(state) : nil
    case .illegalEvent(let logged, _):
      if logged != state.name { return "it was not in \(logged.rawValue)" }
    case .requestAborted:
      guard canAbort(state) else { return "nothing can have cut it off" }
    case .install(_, let facts): hasWorker = facts.python != nil
    case .runStarted, .fetch, .verify, .load, .runtimeReady, .drain, .stopped, .bootProgress,
      .fetchRetry, .warning, .logDropped, .agentOutput, .request, .slowRequest:
      break
    }
    return nil
  }

  private static let afterBudget = "it stands between the budget's line and the end of the boot"

  /// Requests are cut off in a drain, or when their worker is lost.
  private func canAbort(_ state: State) -> Bool {
    switch state {
    case .draining: true
    case .loading: state.wasReady
    // Which worker ended, a run that logs less does not tell. One that was replaced ends in ready.
    case .ready: loss != nil || level > .info || workers.hasReplaced
    case .fetching, .verifying, .installing, .stopped: false
    }
  }

  private mutating func exited(_ exit: WorkerExit, _ state: State) -> String? {
    guard (exit.status == nil) != (exit.signal == nil) else {
      return "a process ends with a status or by a signal"
    }
    guard exit.willRestart == (exit.delayMilliseconds != nil) else {
      return "a delay is there when the worker is restarted, and only then"
    }
    if exit.willRestart, state.name != .ready, state.name != .loading {
      return "nothing is restarted in \(state.name.rawValue)"
    }
    // Which attempt it was is told by a line of the level info.
    guard level <= .info else { return nil }
    switch workers.ended(exit.pid, state) {
    case .unknown: return "no worker with process \(exit.pid) runs"
    case .ofOther:
      return exit.willRestart && state.name == .ready ? "its end is no loss" : nil
    case .ofCurrent:
      guard !bootFailed else { return "it comes after the boot_failed that explains it" }
      loss = exit
      return nil
    }
  }

  /// Judges a transition once the machine has made it; a sentence when something is missing.
  mutating func moved(_ line: LogLine, from previous: State, to next: State) -> String? {
    defer { (bootFailed, hardLimitExceeded, isBudgetTold, loss) = (false, false, false, nil) }
    return packageTrouble(line.event) ?? causeTrouble(line.event) ?? lossTrouble(line.event, next)
      ?? workerTrouble(next) ?? workers.trouble(in: next)
      ?? budgetTrouble(previous, next, Instant(milliseconds: line.uptimeMilliseconds))
  }

  private mutating func packageTrouble(_ event: LogEvent) -> String? {
    switch event {
    case .install(_, let facts): package = facts.package
    case .load(_, let facts) where facts.package != package:
      return "its package is not the one that was installed"
    default: break
    }
    return nil
  }

  /// A drain that nobody asked for is explained before.
  private func causeTrouble(_ event: LogEvent) -> String? {
    guard case .drain(let transition, _, _) = event else { return nil }
    guard Signal(rawValue: transition.cause) == nil else { return nil }
    if !bootFailed { return "no boot_failed tells why" }
    if transition.cause == "configuration", !configErrors { return "no config_error tells why" }
    if (transition.cause == "hard_limit") != hardLimitExceeded {
      return "\(hardLimitExceeded ? "a" : "no") line tells of the hard limit"
    }
    return nil
  }

  /// What the end of a worker announced is what happens next.
  private func lossTrouble(_ event: LogEvent, _ next: State) -> String? {
    let cause = event.transition?.cause
    guard let loss else {
      let isTold =
        cause == "worker_lost" && level <= .info && workers.lastAttempt + 1 == next.attempt
      return isTold ? "no worker_exited tells of the loss" : nil
    }
    if loss.willRestart {
      guard cause == "worker_lost" else { return "worker_exited announced a restart" }
    } else if cause != DrainCause.failure.name {
      return "worker_exited announced the end"
    }
    guard !loss.willRestart || loss.restarts == next.restartCount else {
      return "worker_exited counted other restarts"
    }
    let longest = Policy.restartDelay(after: max(0, loss.restarts - 1), jitter: 20)
    guard loss.delayMilliseconds ?? 0 <= longest.milliseconds else {
      return "worker_exited announced a longer delay than any"
    }
    return nil
  }

  private func workerTrouble(_ next: State) -> String? {
    guard case .ready(let ready) = next, hasWorker, level <= .info else { return nil }
    return workers.lastAttempt == ready.attempt ? nil : "no worker_started tells of its worker"
  }

  /// The budget's line is there when the first boot ends later than that, and only then.
  private func budgetTrouble(_ previous: State, _ next: State, _ now: Instant) -> String? {
    guard let budget, level <= .warning else { return nil }
    let bootEnds: Bool
    switch next {
    case .ready: bootEnds = !previous.wasReady
    case .draining(let draining): bootEnds = !previous.wasReady && !draining.cause.isAsked
    case .fetching, .verifying, .installing, .loading, .stopped: bootEnds = false
    }
    if bootEnds, now - .start > budget, !budgetExceeded, hasBegun(previous) {
      return "no line tells that the budget was exceeded"
    }
    return nil
  }

  private func hasBegun(_ state: State) -> Bool {
    if case .fetching(let fetching) = state { fetching.begunAt != nil } else { true }
  }
}
