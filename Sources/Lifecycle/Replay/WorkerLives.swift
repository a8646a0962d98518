/// How workers are started, lost and started again: what `worker_started`, `worker_exited` and the
/// lines of reloads say must be what happens to the machine.
struct WorkerLives: Sendable {
  /// The least level that the run logs: starts are of the level info, and whose end one is they tell.
  private let level: LogLevel
  private(set) var processes = WorkerProcesses()
  /// The end of the current worker, until the transition that it leads to.
  private(set) var loss: WorkerExit?
  /// When the restart that waits was announced to start its worker, in milliseconds of uptime.
  private var restartDue: Int64 = 0

  init(loggedConfig config: JSONValue) { level = LogLevel(loggedConfig: config) }

  /// Whether the run says which process is started when.
  var tellsStarts: Bool { level <= .info }

  /// When the process of this state's attempt was started; nil while it was not, or is not told.
  func workerStartedAt(_ state: State) -> Instant? {
    guard tellsStarts, processes.lastAttempt == state.attempt else { return nil }
    return Instant(milliseconds: processes.lastStart)
  }

  /// Judges a line before the machine takes it.
  mutating func take(_ line: LogLine, _ machine: Machine) throws(Breach) {
    let uptime = line.uptimeMilliseconds
    switch line.event {
    case .workerStarted(let pid, let attempt):
      try checkAnswer(line.event)
      try processes.started(pid, attempt, machine.state, at: uptime)
      try checkDelay(machine.state, startedAt: uptime)
    case .workerExited(let exit):
      try checkAnswer(line.event)
      try exited(exit, machine, at: uptime)
    case .reloadStarted(let pid):
      try checkAnswer(line.event)
      try processes.reloadStarted(pid, machine.state, at: uptime)
    case .reloadFinished(let facts):
      try checkAnswer(line.event)
      try processes.reloadFinished(facts, machine.state, at: uptime)
    case .reloadFailed:
      // How it began, a run that logs less does not tell.
      if tellsStarts { try processes.reloadFailed(machine.state) }
    default: break
    }
  }

  // MARK: The start

  /// A restart that waits starts its worker when its delay is over.
  private func checkDelay(_ state: State, startedAt uptime: Int64) throws(Breach) {
    guard case .loading(let loading) = state, case .waiting(let until) = loading.stage else {
      return
    }
    let due = max(restartDue, until.milliseconds)
    guard uptime >= due else {
      throw Breach(
        .restartDelay, "its delay is over at \(due) ms", missedBy: due - uptime,
        allowed: ["uptime_ms from \(due) on"])
    }
  }

  // MARK: The end

  /// Nothing of the workers comes between a loss and what it leads to.
  private func checkAnswer(_ event: LogEvent) throws(Breach) {
    guard let loss else { return }
    throw Breach(
      .everyExitIsAnswered, "the end of process \(loss.pid) has led to nothing yet",
      allowed: [loss.willRestart ? "load (worker_lost)" : "drain (failure)"])
  }

  private mutating func exited(
    _ exit: WorkerExit, _ machine: Machine, at uptime: Int64
  ) throws(Breach) {
    let state = machine.state
    guard (exit.status == nil) != (exit.signal == nil) else {
      throw Breach(.exitSaysHow, "a process ends with a status or by a signal")
    }
    guard exit.willRestart == (exit.delayMilliseconds != nil) else {
      throw Breach(.restartDelay, "a delay is there when the worker is restarted, and only then")
    }
    if exit.willRestart, state.name != .ready, state.name != .loading {
      throw Breach(.everyExitIsAnswered, "nothing is restarted in \(state.name.rawValue)")
    }
    // Which attempt it was is told by a line of the level info.
    guard tellsStarts else { return }
    switch try processes.ended(exit.pid, state) {
    case .ofOther: try otherEnded(exit, state)
    case .ofPrevious: try previousEnded(exit, state)
    case .ofCurrent: try currentEnded(exit, machine, at: uptime)
    }
  }

  private func otherEnded(_ exit: WorkerExit, _ state: State) throws(Breach) {
    if exit.willRestart {
      throw Breach(.everyExitIsAnswered, "its end is no loss", allowed: ["will_restart false"])
    }
    try checkCount(exit, state.restartCount)
  }

  /// The next attempt goes on already.
  private mutating func previousEnded(_ exit: WorkerExit, _ state: State) throws(Breach) {
    try checkNotAsked(exit)
    guard exit.willRestart else {
      throw Breach(
        .everyExitIsAnswered, "the next attempt goes on already", allowed: ["will_restart true"])
    }
    try checkCount(exit, state.restartCount)
    try checkLongest(exit)
    restartDue += exit.delayMilliseconds ?? 0
  }

  /// What the end of the current worker announces is what the machine makes of it.
  private mutating func currentEnded(
    _ exit: WorkerExit, _ machine: Machine, at uptime: Int64
  ) throws(Breach) {
    guard let attempt = machine.state.attempt else {
      return try checkCount(exit, machine.state.restartCount)
    }
    try checkNotAsked(exit)
    loss = exit
    var next = machine
    // A restart that waited has begun; when exactly does not matter here.
    _ = next.handle(.timerFired(.restartDelay), at: Instant(milliseconds: uptime))
    let step = next.handle(State.loss(of: attempt), at: Instant(milliseconds: uptime))
    guard exit.willRestart == (step.to == .loading) else {
      throw Breach(
        .restartIntensity,
        exit.willRestart
          ? "its restart is one more than allowed" : "its restarts are not used up",
        allowed: ["will_restart \(step.to == .loading)"])
    }
    try checkCount(exit, exit.willRestart ? next.state.restartCount : machine.state.restartCount)
    try checkLongest(exit)
  }

  private func checkNotAsked(_ exit: WorkerExit) throws(Breach) {
    guard !exit.asked else {
      throw Breach(.exitSaysHow, "nobody asked it to end", allowed: ["asked false"])
    }
  }

  private func checkCount(_ exit: WorkerExit, _ expected: Int) throws(Breach) {
    guard exit.restarts == expected else {
      throw Breach(
        .restartsAreCounted, "it counted other restarts", allowed: ["restarts \(expected)"])
    }
  }

  private func checkLongest(_ exit: WorkerExit) throws(Breach) {
    guard let delay = exit.delayMilliseconds else { return }
    let longest = Policy.restartDelay(after: max(0, exit.restarts - 1), jitter: 20).milliseconds
    guard delay <= longest else {
      throw Breach(
        .restartDelay, "it announced a longer delay than any", missedBy: delay - longest,
        allowed: ["delay_ms at most \(longest)"])
    }
  }

  // MARK: What it leads to

  /// Judges a transition once the machine has made it.
  ///
  /// - Parameter hasWorker: whether there is agent code to run.
  mutating func moved(
    _ line: LogLine, from previous: State, to next: State, hasWorker: Bool
  ) throws(Breach) {
    try checkLoss(line.event, next)
    if case .runtimeReady(_, let facts) = line.event, case .ready(let ready) = next {
      try checkStarted(ready, hasWorker)
      try checkLoad(facts.loadMilliseconds, previous, at: line.uptimeMilliseconds)
    }
    if tellsStarts { try processes.checkEnd(next) }
    restartDue = line.uptimeMilliseconds + (loss?.delayMilliseconds ?? 0)
    loss = nil
  }

  /// What the end of a worker announced is what happens next.
  private func checkLoss(_ event: LogEvent, _ next: State) throws(Breach) {
    let cause = event.transition?.cause
    guard let loss else {
      let isTold =
        cause == "worker_lost" && tellsStarts && processes.lastAttempt + 1 == next.attempt
      if isTold {
        throw Breach(
          .everyExitIsAnswered, "no worker_exited tells of the loss", allowed: ["worker_exited"])
      }
      return
    }
    guard cause == (loss.willRestart ? "worker_lost" : DrainCause.failure.name) else {
      throw Breach(
        .everyExitIsAnswered,
        "worker_exited announced \(loss.willRestart ? "a restart" : "the end")",
        allowed: [loss.willRestart ? "load (worker_lost)" : "drain (failure)"])
    }
  }

  private func checkStarted(_ ready: Ready, _ hasWorker: Bool) throws(Breach) {
    guard !hasWorker || !tellsStarts || processes.lastAttempt == ready.attempt else {
      throw Breach(
        .workerIsStarted, "no worker_started tells of its worker", allowed: ["worker_started"])
    }
  }

  /// The attempt began after its delay, and no later than its process.
  private func checkLoad(_ load: Int64, _ previous: State, at uptime: Int64) throws(Breach) {
    guard case .loading(let loading) = previous, loading.stage != .starting else { return }
    let most = uptime - restartDue
    guard load <= most else {
      throw Breach(
        .loadTime, "its load_ms begins before the delay was over", missedBy: load - most,
        allowed: ["load_ms at most \(most)"])
    }
    guard tellsStarts else { return }
    let least = uptime - processes.lastStart
    guard load >= least else {
      throw Breach(
        .loadTime, "its load_ms begins after its process", missedBy: least - load,
        allowed: ["load_ms from \(least) to \(most)"])
    }
  }
}
