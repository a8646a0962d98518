import CPlatform
import ControlPlane
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// One supervisor, from the start of the process to its end: the driver.
///
/// It holds the supervisor's machine, on the main thread. Signals, timers, ends of processes and what
/// workers write in their logs become events; what the machine makes of them is logged, then its
/// effects are carried out. Nothing else decides which workers run and where requests go.
final class SupervisorRun {
  /// How long the log may hold up the end of the process, within the deadline of the drain.
  static let logFlush = Interval.milliseconds(500)
  /// What it gets in any case.
  static let leastLogFlush = Interval.milliseconds(20)
  /// How many aborted requests of a drain or loss get a line of their own.
  static let abortedLines = 20

  let configuration: SupervisorConfiguration
  let version: String
  let runID: String
  let log: LogWriter
  let loop: ControlLoop
  let listeners: Listeners
  let notifier: SupervisorNotifier
  let workerEnvironment: WorkerEnvironment
  let startedAtWall = Clock.wallNanoseconds() / 1_000_000

  var supervision: Supervision
  private(set) var dataPlane: DataPlane?
  let mailbox: IdleMailbox
  let controlMailbox: ControlMailbox
  private var watchdog: Watchdog?

  /// What workers are started with, by agent and revision.
  var releases: [String: [String: AgentRelease]] = [:]
  /// Worker processes that run, by number.
  var workers: [Int: FleetWorker] = [:]
  /// Their numbers by process.
  var workerNumbers: [Int32: Int] = [:]
  /// What the supervisor keeps of each agent beside the machine.
  var records: [String: AgentRecord] = [:]
  let places: WorkerPlaces
  var memoryWatch = MemoryWatch()
  var surgeRoom: SurgeRoom?
  var decoder = LineDecoder(texts: .shown)

  var desired: (any DesiredKeeper)?
  /// Who answers what is below `/supervisor`, in this order.
  var handlers: [any ControlHandler] = []
  /// Whoever reads the log over HTTP; nil: nobody may.
  var hub: EventHub?

  /// Of workers that have ended just now, while their end is handled.
  var lastTestimonies: [Int: WorkerTestimony] = [:]
  /// Of the same, in the program's own words.
  var lastSummaries: [Int: String] = [:]
  /// Asked at the start: a terminal that is gone says that it is none.
  let hasTerminal = isatty(STDIN_FILENO) == 1
  /// Why it drains, in the log's word.
  var drainCause = DrainCause.failure.name
  var drainDeadline = Instant.start
  var drainStartedAt = Instant.start
  var completedBeforeDrain = 0
  var abortedBeforeDrain = 0
  var abortedLinesLeft = SupervisorRun.abortedLines
  /// New requests are refused from here on.
  var isClosing = false
  private var armed: [SupervisorTimer: (due: Instant, alarm: Int)] = [:]
  private var events: [(SupervisorEvent, EventLine?)] = []
  private var isHandling = false
  /// Set when the machine wants the process to end, and it waits for the last bytes to clients.
  private var exitWanted: Int32?
  private var exitCode: Int32?

  /// The line that tells of an event, made when the machine has decided.
  typealias EventLine = (SupervisionStep) -> LogEvent?

  init(
    configuration: SupervisorConfiguration, environment: [String: String], version: String,
    runID: String, log: LogWriter, loop: ControlLoop, listeners: Listeners,
    notifier: SupervisorNotifier
  ) throws(SystemError) {
    self.configuration = configuration
    self.version = version
    self.runID = runID
    self.log = log
    self.loop = loop
    self.listeners = listeners
    self.notifier = notifier
    workerEnvironment = WorkerEnvironment(supervisor: environment, configuration: configuration)
    supervision = Supervision(policy: SupervisionPolicy(configuration))
    places = WorkerPlaces(configuration, runID: runID)
    mailbox = try IdleMailbox()
    controlMailbox = try ControlMailbox()
  }

  /// Opens the gate's threads: from here on the port answers.
  ///
  /// - Parameter interval: in which the service manager wants a sign of life.
  func serve(watchdog interval: Interval?) throws {
    let common = configuration.common
    let dataPlane = try DataPlane(
      options: DataPlaneOptions(supervisor: common), listeners: listeners.forDataPlane,
      initial: ownSnapshot,
      observer: SupervisorObserver(
        GateObserver(
          mailbox: mailbox, log: log, isSampled: common.accessLog > 0 && common.accessLog < 1),
        controlMailbox))
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
      try loop.watch(mailbox.descriptor) { [unowned self] in
        _ = mailbox.take()
        endIfIdle()
      }
      try loop.watch(controlMailbox.descriptor) { [unowned self] in
        for (request, reply) in controlMailbox.take() { answer(request, reply) }
      }
      try loop.watch(signalDescriptor) { [unowned self] in readSignals(signalDescriptor) }
    } catch {
      log.write(
        .bootFailed(
          phase: .fetching,
          Explanation(cannotStart: "the program", error, hint: "docs/errors.md#limits")))
      send(.failed(.failure))
    }
    // A signal may have come before the program did.
    readSignals(signalDescriptor)
    if case .starting = supervision.phase {
      if let desired { desired.start(self) } else { desiredStateIsLoaded() }
    }
    watchMemory()
    notifier.told(supervision, inFlight: dataPlane?.inFlight ?? 0)
    loop.run()
    return exitCode ?? 1
  }

  // MARK: Events

  /// Takes an event in; those that arise while one is handled wait for their turn.
  ///
  /// - Parameter line: the line that tells of it, if the machine makes anything of it.
  func send(_ event: SupervisorEvent, line: EventLine? = nil) {
    events.append((event, line))
    guard !isHandling else { return }
    isHandling = true
    while !events.isEmpty, exitCode == nil {
      let (event, line) = events.removeFirst()
      handle(event, line)
    }
    isHandling = false
  }

  /// The machine's time: whole milliseconds, as the log has it, so that a replay sees the same.
  var now: Instant { Instant(nanoseconds: Clock.now().nanoseconds / 1_000_000 * 1_000_000) }

  private func handle(_ event: SupervisorEvent, _ line: EventLine?) {
    let now = now
    var next = supervision
    let step = next.handle(event, at: now)
    switch step.verdict {
    case .ignored: return
    case .illegal:
      log.write(
        .supervisor(.illegalEvent(phase: supervision.phase.name, what: "\(event)")), at: now)
      return
    case .moved, .stayed: break
    }
    // With nothing to wait for the drain is over as it begins; it has its line all the same.
    let drains = step.phase == .draining || (step.phase == .stopped && !isDraining)
    supervision = next
    if drains { beginDrain(at: now) }
    if let line = line?(step) { log.write(line, at: now, about: event.agent) }
    if drains { writeDraining(at: now) }
    writeLines(of: step, at: now)
    armTimers()
    note(step, of: event, at: now)
    for effect in step.effects { carryOut(effect) }
    publish(step)
    notifier.told(supervision, inFlight: dataPlane?.inFlight ?? 0)
  }

  private func armTimers() {
    let wanted = supervision.timers
    for (timer, entry) in armed where wanted[timer] != entry.due {
      loop.cancel(entry.alarm)
      armed[timer] = nil
    }
    for (timer, due) in wanted where armed[timer] == nil {
      arm(timer, due: due, at: due)
    }
  }

  private func arm(_ timer: SupervisorTimer, due: Instant, at time: Instant) {
    let alarm = loop.schedule(at: time) { [unowned self] in
      let later = due + morePatience(timer)
      guard later <= Clock.now() else { return arm(timer, due: due, at: later) }
      armed[timer] = nil
      send(.due(timer))
    }
    armed[timer] = (due, alarm)
  }

  /// What a worker may take for its boot beyond what the machine knows of: its agent's environment may
  /// give it longer bounds than the supervisor's.
  private func morePatience(_ timer: SupervisorTimer) -> Interval {
    guard case .boot(_, let number) = timer, let worker = workers[number],
      let bounds = workerEnvironment.bootBounds(of: worker.release)
    else { return .zero }
    return max(.zero, bounds - configuration.common.bootBounds)
  }

  // MARK: Effects

  private func carryOut(_ effect: SupervisorEffect) {
    switch effect {
    case .start(let agent, let worker, let revision):
      start(worker, agent: agent, revision: revision)
    case .route(let agent, let worker): route(agent, to: worker)
    case .stop(_, let worker): stop(worker)
    case .kill(_, let worker): workers[worker]?.kill()
    case .forget(let agent): forget(agent)
    case .settled: writeReady()
    case .exit(let code): end(code)
    }
  }

  private func stop(_ worker: Int) {
    workers[worker]?.tell(.terminate)
  }

  // MARK: The end

  /// No worker is left. What they answered may still be on its way to clients.
  private func end(_ code: Int32) {
    exitWanted = code
    endIfIdle()
    guard exitCode == nil else { return }
    // The machine keeps the deadline for workers alone.
    _ = loop.schedule(at: drainDeadline - supervision.policy.exitMargin) { [unowned self] in
      finish(code)
    }
  }

  func endIfIdle() {
    guard let exitWanted, (dataPlane?.inFlight ?? 0) == 0 else { return }
    finish(exitWanted)
  }

  /// A second signal while only clients are waited for.
  func endAtOnce() {
    if let exitWanted { finish(exitWanted) }
  }

  /// Everything is over: what is left goes, the log is written out.
  private func finish(_ code: Int32) {
    guard exitCode == nil else { return }
    logAborted(dataPlane?.cutAll() ?? [])
    writeStopped(code)
    exitCode = code
    watchdog = nil
    desired?.stop()
    hub?.close()
    dataPlane?.leaveBacklog()
    dataPlane?.stop()
    for worker in workers.values { worker.ended() }
    ProcessTree.killDescendants()
    for worker in workers.values { places.release(worker.place, isLast: false) }
    places.close()
    notifier.stopped()
    log.close(
      within: max(Self.leastLogFlush, min(Self.logFlush, drainDeadline - Clock.now())))
    loop.stop()
  }
}

extension SupervisorEvent {
  /// Whom it is about.
  var agent: String? {
    switch self {
    case .desired(let deployment): deployment.agent
    case .removed(let agent): agent
    case .worker(_, let agent, _): agent
    case .due(.restart(let agent, _)), .due(.boot(let agent, _)), .due(.drain(let agent, _)): agent
    case .due(.deadline), .loaded, .terminationRequested, .failed: nil
    }
  }
}

extension SupervisionPolicy {
  /// The machine's share of the configuration.
  init(_ configuration: SupervisorConfiguration) {
    let common = configuration.common
    self.init(drainDeadline: common.shutdownTimeout)
    // The bounds of a worker's own boot, together, and time for its drain after a failure.
    bootPatience = common.bootBounds + workerDeadline + .seconds(30)
  }
}

extension Configuration {
  /// The longest that a boot may take by the run's own bounds.
  var bootBounds: Interval {
    fetchTimeout + installTimeout + max(loadTimeout, hardLimit ?? .zero)
  }
}
