import Lifecycle

/// The log of a run, made by driving a machine and writing what the program would.
struct RunLog {
  private(set) var lines: [LogLine] = []
  private(set) var machine: Machine
  private(set) var time: Int64 = 2
  private let preparation: Preparation
  private var aborted = 0
  private var wasReady = false
  private var lastPID = 0
  /// Who was replaced and still runs.
  private var replaced: [Int] = []

  static let budget: Int64 = 5000
  static let package = PackageIdentity(name: "a", version: "1", sha256: nil)

  init(
    restarts: String = "3/60", deadline: Double = 30, minimum: Double = 1, multiplier: Double = 2,
    preparation: Preparation = Preparation(environment: .miss, hasWorker: true)
  ) {
    self.preparation = preparation
    let parts = restarts.split(separator: "/").compactMap { Double($0) }
    machine = Machine(
      policy: Policy(
        hardLimit: multiplier == 0 ? nil : .milliseconds(Self.budget) * multiplier,
        restartsMaximum: Int(parts.first ?? 0), restartsWindow: .seconds(parts.last ?? 0),
        drainDeadline: .seconds(deadline), terminateMinimum: .seconds(minimum),
        streamDrain: .seconds(deadline / 2)))
    write(
      .runStarted(
        version: "0.1.0", schema: LogLine.schema, machine: MachineTable.hash, pid: 7,
        config: .members([
          "LOG_LEVEL": "info", "WORKER_RESTARTS": .string(restarts),
          "BOOT_BUDGET_MS": .integer(Self.budget),
          "BOOT_HARD_LIMIT_MULTIPLIER": .number(multiplier),
          "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": .number(deadline), "DRAIN_MIN_SEC": .number(minimum),
          "STREAM_DRAIN_SEC": .number(deadline / 2), "FETCH_TIMEOUT_SEC": .integer(60),
          "INSTALL_TIMEOUT_SEC": .integer(300), "LOAD_TIMEOUT_SEC": .integer(60),
        ])))
  }

  mutating func write(_ event: LogEvent, at uptime: Int64? = nil) {
    lines.append(
      LogLine(
        wallNanoseconds: 1_767_323_045_678_901_000 + time * 1_000_000,
        sequence: Int64(lines.count + 1), runID: "01hzy3c9", agentAppID: "my-agent",
        deploymentID: nil, uptimeMilliseconds: uptime ?? time, event: event))
  }

  mutating func pass(_ milliseconds: Int64) { time += milliseconds }

  /// Gives the machine an event and writes the line of a transition.
  mutating func send(_ event: Event) {
    let previous = machine.state
    let step = machine.handle(event, at: .at(time))
    guard step.verdict == .moved else { return }
    if !previous.wasReady, time > Self.budget, endsBoot(step) {
      write(.budgetExceeded(bootMilliseconds: time, budgetMilliseconds: Self.budget))
    }
    let transition = Transition(
      from: step.cause == "started" ? nil : step.from, to: step.to, cause: step.cause,
      attempt: machine.state.attempt)
    if step.to == .ready { wasReady = true }
    write(line(transition))
  }

  private func endsBoot(_ step: Step) -> Bool {
    step.to == .ready || step.to == .draining && Signal(rawValue: step.cause) == nil
  }

  private var surfaces: [String] { [preparation.hasWorker ? "rest" : "ui"] }

  private func line(_ transition: Transition) -> LogEvent {
    switch machine.state {
    case .fetching: .fetch(transition, source: "file", url: "/a.apkg")
    case .verifying(let verifying):
      .verify(transition, bytes: 10, fetchMilliseconds: verifying.phases.fetch.milliseconds)
    case .installing:
      .install(
        transition,
        InstallFacts(
          package: Self.package, python: preparation.hasWorker ? "3.11" : nil,
          environmentKey: preparation.environment == .none ? nil : "k",
          environmentCache: preparation.environment,
          installer: preparation.environment == .miss ? "uv" : nil))
    case .loading:
      .load(
        transition,
        LoadFacts(
          package: Self.package, surfaces: surfaces,
          restSocket: preparation.hasWorker ? "/run/par-01hzy3c9/rest.sock" : nil, a2aSocket: nil))
    case .ready(let ready):
      .runtimeReady(
        transition,
        ReadyFacts(
          bootMilliseconds: ready.boot.total.milliseconds, phases: PhaseTimes(ready.boot.phases),
          loadMilliseconds: ready.load.milliseconds, surfaces: surfaces, restPort: 8080,
          a2aPort: nil, uiPort: nil))
    case .draining:
      .drain(
        transition, inFlight: 2,
        deadlineMilliseconds: machine.policy.drainDeadline.milliseconds)
    case .stopped(let stopped):
      .stopped(
        transition,
        StoppedFacts(
          exitCode: stopped.exitCode, outcome: stopped.outcome(aborted: aborted),
          completed: wasReady ? 3 : 0,
          aborted: aborted, drainMilliseconds: stopped.drain.milliseconds))
    }
  }

  // MARK: What happens to a run

  mutating func boot(until: StateName = .ready) {
    send(.started)
    pass(100)
    if until == .fetching { return }
    send(.packageFetched)
    pass(200)
    if until == .verifying { return }
    send(.packageVerified(preparation))
    pass(400)
    if until == .installing { return }
    send(.environmentInstalled)
    startWorker()
    if until == .loading { return }
    pass(800)
    send(.workerReady(attempt: 1))
  }

  mutating func startWorker() {
    guard let attempt = machine.state.attempt, preparation.hasWorker else { return }
    lastPID = 100 + attempt
    write(.workerStarted(pid: lastPID, attempt: attempt))
  }

  /// The current worker ends. With a restart, its delay passes and the next worker starts.
  mutating func loseWorker(jitter: Int = 0) {
    guard let attempt = machine.state.attempt else {
      write(exit(pid: lastPID, asked: true, next: machine.state))
      return send(.workerLost(attempt: 0, jitter: 0))
    }
    let event = Event.workerLost(attempt: attempt, jitter: jitter)
    let next = machine.after(event, at: time).machine.state
    write(exit(pid: lastPID, asked: false, next: next))
    if next.name == .draining { explain() }
    send(event)
    passDelay()
  }

  mutating func loseWorkerInReload() {
    guard let attempt = machine.state.attempt else { return }
    let event = Event.workerLost(attempt: attempt, jitter: 0)
    write(exit(pid: lastPID, asked: false, next: machine.after(event, at: time).machine.state))
    send(event)
    failReload()
    startWorker()
  }

  private mutating func passDelay() {
    if let due = machine.timers[.restartDelay] {
      time = due.milliseconds
      send(.timerFired(.restartDelay))
    }
    if machine.state.name == .loading { startWorker() }
  }

  /// - Parameter isCurrent: not of a reload.
  private func exit(
    pid: Int, asked: Bool, next: State, isCurrent: Bool = true, inFlight: [String] = []
  ) -> LogEvent {
    var delay: Int64?
    let restarts = isCurrent && next.name == .loading
    if restarts, case .loading(let loading) = next {
      delay = 0
      if case .waiting(let until) = loading.stage { delay = until.milliseconds - time }
    }
    return .workerExited(
      WorkerExit(
        pid: pid, status: asked ? 0 : 1, signal: nil, outOfMemory: false, asked: asked, stack: nil,
        inFlight: inFlight,
        restarts: restarts ? next.restartCount : machine.state.restartCount, willRestart: restarts,
        delayMilliseconds: delay))
  }

  mutating func loadTimesOut() {
    let old = lastPID
    if let due = machine.timers[.loadTimeout] { time = due.milliseconds }
    send(.timerFired(.loadTimeout))
    write(exit(pid: old, asked: false, next: machine.state))
    passDelay()
  }

  /// A second worker is started beside the one that serves.
  mutating func beginReload() {
    write(.reloadStarted(pid: lastPID))
    write(.workerStarted(pid: lastPID + 1000, attempt: machine.state.attempt ?? 0))
  }

  mutating func finishReload() {
    pass(600)
    write(
      .reloadFinished(
        ReloadFacts(pid: lastPID + 1000, replaced: lastPID, loadMilliseconds: 600)))
    replaced.append(lastPID)
    lastPID += 1000
  }

  mutating func failReload() {
    pass(50)
    write(exit(pid: lastPID + 1000, asked: false, next: machine.state, isCurrent: false))
    write(.reloadFailed(Explanation(error: "the new process ended with status 1")))
  }

  /// The oldest of those that were replaced ends.
  mutating func endReplaced(asked: Bool = true) {
    pass(10)
    write(
      exit(pid: replaced.removeFirst(), asked: asked, next: machine.state, isCurrent: false))
  }

  mutating func becomeReady() {
    pass(700)
    send(.workerReady(attempt: machine.state.attempt ?? 0))
  }

  mutating func explain() {
    let state = machine.state.name
    write(.bootFailed(phase: state == .ready ? .loading : state, Explanation(error: "it failed")))
  }

  mutating func fail(_ failure: Failure = .failure) {
    if failure == .configuration { write(.configError(variable: "REST_PORT", error: "no port")) }
    explain()
    send(.failed(failure))
  }

  mutating func exceedHardLimit(early: Bool = false) {
    if !early, let due = machine.timers[.hardLimit] { time = due.milliseconds }
    let phases = machine.state.phases(at: .at(time))
    write(
      .hardLimitExceeded(
        bootMilliseconds: time, countedMilliseconds: phases.counted.milliseconds,
        hardLimitMilliseconds: machine.policy.hardLimit?.milliseconds ?? 0,
        phases: PhaseTimes(phases)))
    explain()
    send(.timerFired(.hardLimit))
  }

  mutating func abortOne() {
    aborted += 1
    write(
      .requestAborted(
        AbortedFacts(
          method: "GET", route: "/api", ageMilliseconds: 1, requestID: "1", surface: "rest")))
  }

  mutating func chatter() {
    write(.agentOutput(stream: "stdout", line: "hello"))
    write(.warning(code: "bucket_differs", message: "PACKAGE_URL names the bucket other"))
    // In any state: one that waited for the boot may be slow, too.
    write(
      .slowRequest(
        SlowFacts(
          method: "GET", path: "/api", status: 503, durationMilliseconds: 10_000,
          agentMilliseconds: 0, heldMilliseconds: 10_000, requestID: "1", surface: "rest",
          leftOut: 0)))
  }

  /// After a drain began: served out, idle, the worker stops.
  mutating func drainOut() {
    if let due = machine.timers[.drainMinimum] {
      time = due.milliseconds
      send(.timerFired(.drainMinimum))
    }
    pass(300)
    if case .draining(let draining) = machine.state, draining.workerRuns {
      send(.nothingInFlight)
      pass(40)
      loseWorker()
    }
    send(.nothingInFlight)
  }
}

/// Runs that are as they should be.
enum GoodRuns {
  static let all: [(name: String, lines: [LogLine])] = [
    ("clean", clean()), ("UI alone", uiAlone()), ("restarts", restarts()),
    ("restarts used up", restartsUsedUp()), ("load time-out", loadTimeout()),
    ("first worker lost", firstLost()), ("hard limit", hardLimit()), ("slow boot", slowBoot()),
    ("configuration", configuration()), ("bad package", badPackage()),
    ("SIGTERM while installing", stoppedInstalling()), ("deadline", deadline()),
    ("second signal", secondSignal()), ("second signals of a failure", failureSignalled()),
    ("SIGINT", interrupted()), ("short deadline", shortDeadline()),
    ("worker lost in the drain", lostInDrain()), ("reloads", reloads()),
    ("reload failed", reloadFailed()), ("lost in a reload", lostInReload()),
    ("drain in a reload", drainInReload()),
  ]

  private static func run(_ log: RunLog = RunLog(), _ story: (inout RunLog) -> Void) -> [LogLine] {
    var log = log
    story(&log)
    return log.lines
  }

  static func clean() -> [LogLine] {
    run {
      $0.boot()
      $0.chatter()
      $0.pass(5000)
      $0.send(.terminationRequested(.terminate))
      $0.drainOut()
    }
  }
  static func uiAlone() -> [LogLine] {
    run(RunLog(preparation: Preparation(environment: .none, hasWorker: false))) {
      $0.boot()
      $0.send(.terminationRequested(.terminate))
      $0.drainOut()
    }
  }
  static func restarts() -> [LogLine] {
    run {
      $0.boot()
      for jitter in [0, -20, 20] {
        $0.pass(3000)
        $0.loseWorker(jitter: jitter)
        $0.becomeReady()
      }
      $0.pass(120_000)
      $0.loseWorker()
      $0.loseWorker(jitter: 13)
      $0.becomeReady()
      $0.send(.terminationRequested(.interrupt))
      $0.drainOut()
    }
  }
  static func restartsUsedUp() -> [LogLine] {
    run(RunLog(restarts: "1/60")) {
      $0.boot()
      $0.loseWorker()
      $0.loseWorker()
      $0.drainOut()
    }
  }
  static func loadTimeout() -> [LogLine] {
    run(RunLog(restarts: "3/600")) {
      $0.boot()
      $0.loseWorker()
      $0.loadTimesOut()
      $0.becomeReady()
      $0.send(.terminationRequested(.terminate))
      $0.drainOut()
    }
  }
  static func firstLost() -> [LogLine] {
    run {
      $0.boot(until: .loading)
      $0.pass(50)
      $0.loseWorker()
      $0.drainOut()
    }
  }
  static func hardLimit(early: Bool = false) -> [LogLine] {
    run {
      $0.boot(until: .loading)
      $0.exceedHardLimit(early: early)
      $0.drainOut()
    }
  }
  static func slowBoot() -> [LogLine] {
    run {
      $0.boot(until: .loading)
      $0.pass(6000)
      $0.becomeReady()
      $0.send(.terminationRequested(.terminate))
      $0.drainOut()
    }
  }
  static func configuration() -> [LogLine] {
    run {
      $0.fail(.configuration)
      $0.drainOut()
    }
  }
  static func badPackage() -> [LogLine] {
    run {
      $0.boot(until: .verifying)
      $0.fail()
      $0.drainOut()
    }
  }
  static func stoppedInstalling() -> [LogLine] {
    run {
      $0.boot(until: .installing)
      $0.send(.terminationRequested(.terminate))
      $0.drainOut()
    }
  }
  static func deadline() -> [LogLine] {
    run {
      $0.boot()
      $0.send(.terminationRequested(.terminate))
      $0.pass(29_950)
      $0.abortOne()
      $0.send(.timerFired(.drainDeadline))
    }
  }
  static func secondSignal() -> [LogLine] {
    run {
      $0.boot()
      $0.send(.terminationRequested(.terminate))
      $0.pass(2500)
      $0.abortOne()
      $0.send(.terminationRequested(.terminate))
    }
  }
  static func failureSignalled() -> [LogLine] {
    run {
      $0.boot(until: .verifying)
      $0.fail()
      $0.send(.terminationRequested(.interrupt))
      $0.send(.terminationRequested(.interrupt))
    }
  }
  static func interrupted() -> [LogLine] {
    run {
      $0.boot()
      $0.send(.terminationRequested(.interrupt))
      $0.drainOut()
    }
  }
  static func shortDeadline() -> [LogLine] {
    run(RunLog(deadline: 0.5, minimum: 0.05)) {
      $0.boot()
      $0.send(.terminationRequested(.terminate))
      $0.pass(488)
      $0.send(.timerFired(.drainDeadline))
    }
  }
  static func reloads() -> [LogLine] {
    run {
      $0.boot()
      $0.beginReload()
      $0.chatter()
      $0.finishReload()
      $0.endReplaced()
      $0.pass(100)
      $0.beginReload()
      $0.finishReload()
      $0.endReplaced(asked: false)
      $0.abortOne()
      $0.loseWorker()
      $0.becomeReady()
      $0.beginReload()
      $0.finishReload()
      $0.send(.terminationRequested(.terminate))
      $0.endReplaced()
      $0.drainOut()
    }
  }
  static func reloadFailed() -> [LogLine] {
    run {
      $0.boot()
      $0.beginReload()
      $0.failReload()
      $0.write(.reloadStarted(pid: 101))
      $0.write(.reloadFailed(Explanation(error: "the agent's interpreter cannot be started")))
      $0.beginReload()
      $0.finishReload()
      $0.endReplaced()
      $0.send(.terminationRequested(.terminate))
      $0.drainOut()
    }
  }
  /// The new process is ended after the line of the transition and before what follows from it.
  static func lostInReload() -> [LogLine] {
    run {
      $0.boot()
      $0.beginReload()
      $0.loseWorkerInReload()
      $0.becomeReady()
      $0.send(.terminationRequested(.terminate))
      $0.drainOut()
    }
  }
  static func drainInReload() -> [LogLine] {
    run {
      $0.boot()
      $0.beginReload()
      $0.send(.terminationRequested(.terminate))
      $0.failReload()
      $0.drainOut()
    }
  }
  static func lostInDrain() -> [LogLine] {
    run {
      $0.boot()
      $0.send(.terminationRequested(.terminate))
      $0.pass(100)
      $0.abortOne()
      $0.loseWorker()
      $0.drainOut()
    }
  }
}
