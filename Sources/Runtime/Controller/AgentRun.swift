import ControlPlane
import AgentPackages
import CPlatform
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem
import PackageFetch
import RunConfiguration

/// One hosted agent, from the start of the process to its end: the driver.
///
/// It holds the machine, on the main thread. Signals, timers, ends of processes and what children
/// say become events; each transition is logged, then the gate learns of it, then its effects are
/// carried out. Nothing else decides readiness, draining or exit.
final class AgentRun {
  /// How long the log may hold up the end of the process, within the deadline of the drain.
  static let logFlush = Interval.milliseconds(500)
  /// What it gets in any case: the last line tells what came of the run.
  static let leastLogFlush = Interval.milliseconds(20)
  /// How many aborted requests of a drain or loss get a line of their own.
  static let abortedLines = 20

  /// So long before new work is refused the last connection is accepted from a passed socket.
  static let lastAccept = Interval.milliseconds(100)

  let configuration: Configuration
  let environment: [String: String]
  let runID: String
  let log: LogWriter
  let loop: ControlLoop
  let listeners: Listeners
  let idleMessages: IdleMailbox
  let notifier: ServiceNotifier
  /// Of a supervised run, until its end.
  var lifeline: Lifeline?
  /// What the gate knows of the supervisor; nil: nobody started this run as a worker.
  private let supervisor: SupervisorLink?

  var machine: Machine
  var composer: SnapshotComposer
  private(set) var dataPlane: DataPlane?
  var folder: RunFolder?
  var host: HostLocation?
  var stacksSocket: StacksSocket?
  var redactor: Redactor

  var step: StepProcess?
  private var wasStepCancelled = false
  /// The machine's: its end is a loss.
  var worker: WorkerProcess?
  /// Loads beside the worker, to take its place.
  var successor: WorkerProcess?
  /// Was replaced, and ends when its requests have.
  var retired: RetiredWorker?
  var reloads = ReloadPlan()
  var loadAlarm: Int?
  /// Children of the program that were no worker's process when a reload began.
  var orphans: Set<Int32> = []
  /// Workers started so far.
  var workersStarted = 0
  var beats: BeatWatch?
  var beatAlarm: Int?
  var progress: ProgressReports? { didSet { notifier.follow(progress) } }
  private var watchdog: Watchdog?
  /// Asked at the start: a terminal that is gone says that it is none.
  let hasTerminal = isatty(STDIN_FILENO) == 1
  var packageBytes: Int64 = 0
  /// The package that was downloaded, in the cache, and its SHA-256.
  var archive: (path: String, sha256: String)?
  /// Why the last attempt of a download that was tried again had failed.
  var lastFetchError: String?
  /// Keeps what this run uses in the cache.
  var lease: CacheLease?
  /// The interpreter that runs the agent, once its environment is there.
  var python: String?
  /// The stacks of a worker that did not become ready in time.
  var stacks: String?
  var drainDeadline = Instant.start
  var completedBeforeDrain = 0
  var abortedBeforeDrain = 0
  var abortedLinesLeft = AgentRun.abortedLines
  private var armed: [Timer: (due: Instant, alarm: Int)] = [:]
  private var events: [Event] = []
  private var isHandling = false
  private var exitCode: Int32?

  init(
    configuration: Configuration, environment: [String: String], runID: String, log: LogWriter,
    loop: ControlLoop, listeners: Listeners, redactor: Redactor, notifier: ServiceNotifier,
    lifeline: Lifeline? = nil, supervisor: SupervisorLink? = nil
  ) throws(SystemError) {
    self.configuration = configuration
    self.environment = environment
    self.runID = runID
    self.log = log
    self.loop = loop
    self.listeners = listeners
    self.redactor = redactor
    self.notifier = notifier
    self.lifeline = lifeline
    self.supervisor = supervisor
    machine = Machine(policy: Policy(configuration))
    composer = SnapshotComposer(
      configuration: configuration, restListenerWasPassed: listeners.rest.isActivated,
      droppedLines: { log.dropped })
    idleMessages = try IdleMailbox()
    notifier.place = listeners.rest.place
    notifier.redact = { [unowned self] in self.redactor.redact($0) }
    notifier.inFlight = { [unowned self] in dataPlane?.inFlight ?? 0 }
  }

  /// Opens the gate's threads: from here on the REST port answers.
  ///
  /// - Parameter watchdog: the interval in which the service manager wants a sign of life.
  func serve(watchdog interval: Interval?) throws {
    var options = DataPlaneOptions(configuration)
    options.supervisor = supervisor
    let dataPlane = try DataPlane(
      options: options, listeners: listeners.forDataPlane,
      initial: composer.snapshot(of: machine.state),
      observer: GateObserver(
        mailbox: idleMessages, log: log,
        isSampled: configuration.accessLog > 0 && configuration.accessLog < 1))
    try dataPlane.start()
    self.dataPlane = dataPlane
    watchdog = interval.map {
      Watchdog(
        interval: $0, loop: loop, ask: dataPlane.askHeartbeat,
        haveAnswered: { dataPlane.heartbeatIsWhole }, feed: notifier.feedWatchdog)
    }
  }

  /// Runs to the end and returns the exit code.
  func run(signals: borrowing SignalSource) -> Int32 {
    let signalDescriptor = signals.descriptor
    do {
      try loop.watch(idleMessages.descriptor) { [unowned self] in
        for worker in idleMessages.take() { workerIsIdle(worker) }
        reportIfIdle()
      }
      try loop.watch(signalDescriptor) { [unowned self] in readSignals(signalDescriptor) }
      if let lifeline {
        try loop.watch(lifeline.descriptor) { [unowned self] in readLifeline() }
      }
      folder = try RunFolder(runID: runID, environment: environment)
    } catch {
      fail(
        Explanation(cannotStart: "the program", error, hint: "docs/errors.md#run-folder"))
    }
    if let folder {
      stacksSocket = try? StacksSocket(
        path: folder.controlSocket, loop: loop,
        ask: { [unowned self] answer in
          let header = StacksSocket.header(port: listeners.rest.port)
          guard let worker else { return answer(header + "no worker is running\n") }
          worker.dumpStacks { answer(header + ($0 ?? "the worker does not answer\n")) }
        })
    }
    // A signal may have come before the program did.
    readSignals(signalDescriptor)
    if case .fetching = machine.state { send(.started) }
    loop.run()
    return exitCode ?? 1
  }

  // MARK: Events

  /// Takes an event in; those that arise while one is handled wait for their turn.
  func send(_ event: Event) {
    events.append(event)
    guard !isHandling else { return }
    isHandling = true
    while !events.isEmpty, exitCode == nil { handle(events.removeFirst()) }
    isHandling = false
  }

  /// The machine's time: whole milliseconds, as the log has it, so that a replay sees the same.
  var now: Instant { Instant(nanoseconds: Clock.now().nanoseconds / 1_000_000 * 1_000_000) }

  private func handle(_ event: Event) {
    let now = now
    var next = machine
    let step = next.handle(event, at: now)
    let previous = machine.state
    switch step.verdict {
    case .ignored: return
    case .illegal:
      log.write(.illegalEvent(state: step.from, what: "\(event)"), at: now)
      return
    case .moved:
      beforeLogging(step, from: previous, to: next.state, at: now)
      machine = next
      log.write(transitionLine(step), at: now, act: publish)
    case .stayed:
      machine = next
      publish()
    }
    armTimers()
    if step.verdict == .moved { leaveBacklog() }
    notifier.stepped(step, machine, at: now)
    if step.verdict == .moved {
      if step.from == .ready { leaveReady() }
      watchBeats()
    }
    for effect in step.effects { carryOut(effect) }
    reportIfIdle()
  }

  func publish() {
    composer.learn(machine.state)
    dataPlane?.publish(composer.snapshot(of: machine.state))
  }

  /// On a socket that somebody passed to the program new connections need not be refused: they wait
  /// for its successor. Those that were accepted get the time to say what they want. After a failure
  /// there may be no successor, or one that fails as well: they are answered.
  private func leaveBacklog() {
    guard case .draining(let draining) = machine.state, draining.cause.isAsked else { return }
    let now = Clock.now()
    let end = machine.state.timers(machine.policy)[.drainMinimum] ?? now
    guard end - now > Self.lastAccept else {
      dataPlane?.leaveBacklog()
      return
    }
    _ = loop.schedule(at: end - Self.lastAccept) { [unowned self] in dataPlane?.leaveBacklog() }
  }

  private func armTimers() {
    let wanted = machine.state.timers(machine.policy)
    for (timer, entry) in armed where wanted[timer] != entry.due {
      loop.cancel(entry.alarm)
      armed[timer] = nil
    }
    for (timer, due) in wanted where armed[timer] == nil {
      let alarm = loop.schedule(at: due) { [unowned self] in timerFired(timer, due: due) }
      armed[timer] = (due, alarm)
    }
  }

  /// What hangs is asked for its stacks first; the timer stays armed meanwhile.
  private func timerFired(_ timer: Timer, due: Instant) {
    let tellsStacks = timer == .hardLimit || timer == .loadTimeout
    guard tellsStacks, let worker else { return act(on: timer) }
    worker.dumpStacks { [unowned self] stacks in
      guard armed[timer]?.due == due else { return }
      self.stacks = stacks
      act(on: timer)
    }
  }

  private func act(on timer: Timer) {
    armed[timer] = nil
    explainTimer(timer)
    send(.timerFired(timer))
  }

  /// In a drain that refuses new work, tells the machine when nothing is in flight. A worker that
  /// was replaced ends first.
  func reportIfIdle() {
    guard case .draining = machine.state, composer.gate(of: machine.state) == .closing,
      (dataPlane?.inFlight ?? 0) == 0, retired == nil
    else { return }
    send(.nothingInFlight)
  }

  // MARK: Effects

  private func cancelStep() {
    wasStepCancelled = wasStepCancelled || step != nil
    step?.cancel()
    step = nil
    progress = nil
  }

  private func carryOut(_ effect: Effect) {
    switch effect {
    case .fetch: fetch()
    case .verify: verify()
    case .install(let preparation): install(preparation)
    case .startWorker(let attempt): startWorker(attempt)
    case .cancelStep: cancelStep()
    case .failInFlight: logAborted(lostRequests())
    case .announceDrain: announceDrain()
    case .cutStreams: logAborted(dataPlane?.cutStreams(of: nil) ?? [])
    case .cutInFlight: break  // done before the line that counts them
    case .stopWorker: worker?.command("stop")
    case .killWorker: killWorker()
    case .exit(let code): finish(code)
    }
  }

  /// Everything is over: what is left of the run goes, the log is written out.
  private func finish(_ code: Int32) {
    watchdog = nil
    if case .stopped(let stopped) = machine.state, stopped.cause.isAsked {
      dataPlane?.leaveBacklog()
    }
    dataPlane?.stop()
    progress = nil
    for process in [worker, successor, retired?.process] { process?.ended() }
    stacksSocket = nil
    ProcessTree.killDescendants()
    if wasStepCancelled {
      PackageFetch.discardUnfinished(
        cacheFolder: configuration.cacheFolder.path, runID: runID)
      PackageSteps.discardUnfinished(
        cacheFolder: configuration.cacheFolder.path,
        environmentKey: composer.package?.environment.key)
    }
    folder?.remove()
    log.close(
      within: max(Self.leastLogFlush, min(Self.logFlush, drainDeadline - Clock.now())))
    exitCode = code
    loop.stop()
  }
}
