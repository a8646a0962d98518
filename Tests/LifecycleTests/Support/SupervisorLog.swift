import Lifecycle

/// The log of a supervisor and of its workers, made by driving its machine, and theirs, and writing what
/// the programs would.
struct SupervisorLog {
  /// A worker's own log so far.
  struct Worker {
    let agent: String
    let revision: String
    var log: RunLog
    var written = 0
    var isAsked = false
  }

  static let config = JSONValue.members([
    "LOG_LEVEL": "info", "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": 30, "FETCH_TIMEOUT_SEC": 60,
    "INSTALL_TIMEOUT_SEC": 300, "LOAD_TIMEOUT_SEC": 60, "BOOT_BUDGET_MS": 5000,
    "BOOT_HARD_LIMIT_MULTIPLIER": 2,
  ])

  /// All lines, the workers' between the supervisor's.
  private(set) var lines: [LogLine] = []
  private(set) var machine: Supervision
  private(set) var time: Int64 = 5
  private(set) var workers: [Int: Worker] = [:]
  private var sequence: Int64 = 0
  private var drainedAt: Int64 = 0
  private var lastMark: [Int: WorkerMark] = [:]
  /// Workers that cannot be started.
  var unstartable: Set<Int> = []

  static let runID = "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"
  static func workerRun(_ worker: Int) -> String {
    let digits = String(worker, radix: 16)
    return String(repeating: "0", count: 30 - digits.count) + digits + "aa"
  }
  static func revision(_ number: Int) -> String { "00000000000\(number)" }

  /// The supervisor's own lines.
  var own: [LogLine] { lines.filter { $0.runID == Self.runID } }

  init() {
    machine = Supervision(
      policy: SupervisionPolicy(
        bootPatience: .seconds(60 + 300 + 60 + 28 + 30), drainDeadline: .seconds(30)))
    write(
      .started(
        version: "0.1.0", schema: LogLine.schema, machine: SupervisionTable.hash, pid: 6,
        config: Self.config))
  }

  mutating func pass(_ milliseconds: Int64) { time += milliseconds }

  mutating func write(_ line: SupervisorLine) { write(.supervisor(line)) }

  mutating func write(_ event: LogEvent) {
    sequence += 1
    lines.append(
      LogLine(
        wallNanoseconds: 1_767_323_045_678_901_000 + time * 1_000_000, sequence: sequence,
        runID: Self.runID, agentAppID: nil, deploymentID: nil, uptimeMilliseconds: time,
        event: event))
  }

  private func mark(_ worker: Int) -> WorkerMark {
    lastMark[worker] ?? WorkerMark(run: nil, sequence: nil)
  }

  /// As a driver does: the event's own line, the step's lines, the effects.
  mutating func send(
    _ event: SupervisorEvent, _ own: ((SupervisionStep) -> SupervisorLine)? = nil
  ) {
    let step = machine.handle(event, at: .at(time))
    if step.verdict == .ignored || step.verdict == .illegal { return }
    if let own { write(own(step)) }
    let marks = lastMark
    for line in step.lines({ marks[$0] ?? WorkerMark(run: nil, sequence: nil) }) { write(line) }
    var unstarted: [(Int, String)] = []
    for effect in step.effects {
      switch effect {
      case .start(let agent, let worker, let revision):
        if unstartable.contains(worker) {
          unstarted.append((worker, agent))
        } else {
          start(worker, agent, revision)
        }
      case .stop(_, let worker), .kill(_, let worker): workers[worker]?.isAsked = true
      case .settled:
        let counts = machine.counts
        write(
          .ready(
            ready: counts[.ready, default: 0], failed: counts[.failed, default: 0],
            settleMilliseconds: time))
      case .exit(let code):
        write(
          .stopped(
            StoppedFacts(
              exitCode: code, outcome: code == 0 ? .clean : .failed, completed: 4, aborted: 0,
              drainMilliseconds: time - drainedAt)))
      case .route, .forget: break
      }
    }
    for (worker, agent) in unstarted {
      end(worker, agent, .couldNotStart(reason: "no port is free"))
    }
  }

  private mutating func start(_ worker: Int, _ agent: String, _ revision: String) {
    workers[worker] = Worker(agent: agent, revision: revision, log: RunLog())
    write(
      .agentWorker(
        AgentWorkerFacts(
          agent: agent, worker: worker, revision: revision, pid: 100 + worker, port: 8000 + worker,
          workerRun: nil)))
    relay(worker)
  }

  /// Passes on what the worker has written.
  private mutating func relay(_ worker: Int) {
    guard let from = workers[worker] else { return }
    for var line in from.log.lines[from.written...] {
      line.runID = Self.workerRun(worker)
      line.agentAppID = from.agent
      if case .runStarted(let version, let schema, let machine, _, let config) = line.event {
        line.event = .runStarted(
          version: version, schema: schema, machine: machine, pid: 100 + worker, config: config)
      }
      line.wallNanoseconds = 1_767_323_045_678_901_000 + time * 1_000_000
      lines.append(line)
      lastMark[worker] = WorkerMark(run: line.runID, sequence: line.sequence)
    }
    workers[worker]?.written = from.log.lines.count
  }

  // MARK: What happens

  mutating func desire(
    _ agent: String, _ revision: Int, _ cause: Deployment.Cause = .start, surge: Bool = true,
    restarts: Int = 3
  ) {
    let deployment = Deployment(
      agent: agent, revision: Self.revision(revision),
      restarts: RestartIntensity(maximum: restarts, window: .seconds(60)), cause: cause,
      surge: surge)
    send(.desired(deployment)) { _ in .agentDeploy(deployment, deploymentID: "d\(revision)") }
  }

  mutating func told(
    _ source: DesiredSource, added: [String] = [], changed: [String] = [], removed: [String] = []
  ) {
    write(
      .desiredState(
        DesiredStateFacts(
          source: source, revision: "r", added: added, changed: changed, removed: removed)))
    for agent in removed { send(.removed(agent: agent)) }
  }

  mutating func load() {
    let count = machine.agents.count
    send(.loaded) { _ in .loaded(agents: count) }
  }

  /// The newest worker of an agent.
  func newest(_ agent: String) -> Int {
    workers.filter { $0.value.agent == agent }.keys.max() ?? 0
  }

  /// The worker becomes Ready for the first time.
  mutating func boot(_ worker: Int, for milliseconds: Int64 = 1500) {
    guard let agent = workers[worker]?.agent else { return }
    time += milliseconds
    workers[worker]?.log.boot()
    relay(worker)
    send(.worker(worker, agent: agent, .ready))
  }

  /// The worker's agent is lost, and is back.
  mutating func restartAgent(of worker: Int) {
    guard let agent = workers[worker]?.agent else { return }
    time += 1000
    workers[worker]?.log.loseWorker()
    relay(worker)
    send(.worker(worker, agent: agent, .restarting))
    time += 900
    workers[worker]?.log.becomeReady()
    relay(worker)
    send(.worker(worker, agent: agent, .ready))
  }

  /// The worker drains, as it was asked to or by itself, and ends.
  mutating func drain(_ worker: Int) {
    guard let agent = workers[worker]?.agent else { return }
    time += 50
    workers[worker]?.log.send(.terminationRequested(.terminate))
    relay(worker)
    send(.worker(worker, agent: agent, .draining))
    time += 1500
    workers[worker]?.log.drainOut()
    relay(worker)
    end(worker, agent, .asked)
  }

  mutating func kill(_ worker: Int, chance: Double = 0.5) {
    guard let agent = workers[worker]?.agent else { return }
    time += 700
    end(
      worker, agent, .crashed(reason: "its worker process was ended by SIGKILL"), chance: chance)
  }

  /// Its boot fails.
  mutating func giveUp(_ worker: Int) {
    guard let agent = workers[worker]?.agent else { return }
    time += 300
    if workers[worker]?.log.machine.state.name != .ready {
      workers[worker]?.log.boot(until: .installing)
    }
    workers[worker]?.log.fail()
    workers[worker]?.log.drainOut()
    relay(worker)
    send(.worker(worker, agent: agent, .draining))
    end(worker, agent, .gaveUp(reason: "it failed"))
  }

  mutating func end(_ worker: Int, _ agent: String, _ end: WorkerEnd, chance: Double = 0.5) {
    let mark = mark(worker)
    workers[worker] = nil
    send(.worker(worker, agent: agent, .ended(end, chance: chance))) { step in
      let kind = end.kind
      return .agentWorkerExited(
        AgentWorkerExitFacts(
          agent: agent, worker: worker, mark: mark, end: end,
          status: kind == .asked ? 0 : kind == .gaveUp ? 1 : nil,
          signal: kind == .crashed ? "SIGKILL" : nil, outOfMemory: false,
          restarts: step.restart?.restarts ?? 0,
          delayMilliseconds: step.restart?.delay.milliseconds))
    }
    lastMark[worker] = nil
  }

  /// The next timer fires.
  mutating func fire() {
    let next = machine.timers.min { ($0.value, "\($0.key)") < ($1.value, "\($1.key)") }
    guard let (timer, due) = next else { return }
    // A driver's clock has whole milliseconds, and it is never early.
    time = max(time, (due.nanoseconds + 999_999) / 1_000_000)
    send(.due(timer))
  }

  /// Lets the delay of a restart pass.
  mutating func restart() {
    if machine.timers.keys.contains(where: { if case .restart = $0 { true } else { false } }) {
      fire()
    }
  }

  mutating func terminate(_ signal: Signal = .terminate) {
    drainedAt = time
    send(.terminationRequested(signal)) { _ in
      .draining(cause: signal.rawValue, inFlight: 1, deadlineMilliseconds: 30_000)
    }
  }

  /// Asked to stop, all workers drain.
  mutating func stop() {
    pass(4000)
    terminate()
    for worker in workers.keys.sorted() { drain(worker) }
  }
}

/// Supervisors' logs that are as they should be.
enum GoodSupervisors {
  static let all: [(name: String, log: SupervisorLog)] = [
    ("two agents", log { $0.stop() }), ("a rolling change", rolling()),
    ("a change that fails", failedChange()), ("a change without a surge", withoutSurge()),
    ("a failed change without a surge", failedWithoutSurge()), ("workers killed", killed()),
    ("restarts used up", usedUp()), ("an agent that restarts", restarting()),
    ("a worker that drains by itself", drainsItself()), ("a first boot that fails", failedBoot()),
    ("an agent removed", removed()), ("an agent wanted again", wantedAgain()),
    ("a worker that cannot be started", unstartable()), ("a boot that takes too long", slowBoot()),
    ("a drain that takes too long", slowDrain()), ("the deadline", deadline()),
    ("a second signal", secondSignal()), ("a worker that lies", lying()),
    ("no agents", empty()), ("stopped while starting", stoppedStarting()),
    ("a change replaced by another", replacedChange()),
  ]

  /// Two agents that are Ready.
  static func log(_ story: (inout SupervisorLog) -> Void) -> SupervisorLog {
    var log = SupervisorLog()
    log.told(.config, added: ["alpha", "beta"])
    log.desire("alpha", 1)
    log.desire("beta", 1)
    log.load()
    log.boot(1)
    log.boot(2, for: 800)
    log.pass(2000)
    story(&log)
    return log
  }

  static func rolling() -> SupervisorLog {
    log {
      $0.told(.api, changed: ["alpha"])
      $0.desire("alpha", 2, .api)
      $0.boot(3)
      $0.drain(1)
      $0.desire("alpha", 2, .restart)
      $0.boot(4)
      $0.drain(3)
      $0.stop()
    }
  }
  static func failedChange() -> SupervisorLog {
    log {
      $0.desire("beta", 2, .config)
      $0.giveUp(3)
      $0.pass(500)
      $0.desire("beta", 1, .rollback)
      $0.stop()
    }
  }
  static func withoutSurge() -> SupervisorLog {
    log {
      $0.desire("beta", 2, .config, surge: false)
      $0.drain(2)
      $0.boot(3)
      $0.stop()
    }
  }
  static func failedWithoutSurge() -> SupervisorLog {
    log {
      $0.desire("beta", 2, .config, surge: false)
      $0.drain(2)
      $0.giveUp(3)
      $0.boot(4)
      $0.stop()
    }
  }
  static func killed() -> SupervisorLog {
    log {
      $0.kill(1)
      $0.boot(3)
      $0.kill(3, chance: 0.8)
      $0.restart()
      $0.boot(4)
      $0.kill(4, chance: 0.3)
      $0.restart()
      $0.boot(5)
      $0.stop()
    }
  }
  static func usedUp() -> SupervisorLog {
    log {
      for _ in 0..<4 {
        $0.kill($0.newest("beta"), chance: 0.6)
        $0.restart()
      }
      $0.pass(1000)
      $0.desire("beta", 2, .api)
      $0.boot($0.newest("beta"))
      $0.stop()
    }
  }
  static func restarting() -> SupervisorLog {
    log {
      $0.restartAgent(of: 1)
      $0.restartAgent(of: 2)
      $0.stop()
    }
  }
  static func drainsItself() -> SupervisorLog {
    log {
      $0.drain(1)
      $0.boot($0.newest("alpha"))
      $0.stop()
    }
  }
  static func failedBoot() -> SupervisorLog {
    var log = SupervisorLog()
    log.told(.state, added: ["alpha", "beta"])
    log.desire("alpha", 1)
    log.desire("beta", 1)
    log.load()
    log.giveUp(2)
    log.boot(1)
    log.stop()
    return log
  }
  static func removed() -> SupervisorLog {
    log {
      $0.told(.config, removed: ["alpha"])
      $0.drain(1)
      $0.stop()
    }
  }
  static func wantedAgain() -> SupervisorLog {
    log {
      $0.told(.api, removed: ["alpha"])
      $0.pass(10)
      $0.told(.api, added: ["alpha"])
      $0.desire("alpha", 3, .api)
      $0.drain(1)
      $0.boot(3)
      $0.stop()
    }
  }
  static func unstartable() -> SupervisorLog {
    log {
      $0.unstartable = [3]
      $0.desire("alpha", 2, .api)
      $0.stop()
    }
  }
  static func slowBoot() -> SupervisorLog {
    log {
      $0.desire("alpha", 2, .api)
      $0.fire()
      $0.pass(20)
      $0.kill(3)
      $0.stop()
    }
  }
  static func slowDrain() -> SupervisorLog {
    log {
      $0.desire("alpha", 2, .api)
      $0.boot(3)
      $0.fire()
      $0.pass(20)
      $0.kill(1)
      $0.stop()
    }
  }
  static func deadline() -> SupervisorLog {
    log {
      $0.terminate()
      $0.drain(1)
      $0.fire()
      $0.pass(-690)
      $0.kill(2)
    }
  }
  static func secondSignal() -> SupervisorLog {
    log {
      $0.terminate()
      $0.drain(1)
      $0.send(.terminationRequested(.interrupt))
      $0.pass(-690)
      $0.kill(2)
    }
  }
  static func lying() -> SupervisorLog {
    log {
      $0.send(.worker(1, agent: "alpha", .contradicted(reason: "its log cannot be true")))
      $0.kill(1)
      $0.restart()
      $0.boot($0.newest("alpha"))
      $0.stop()
    }
  }
  static func empty() -> SupervisorLog {
    var log = SupervisorLog()
    log.load()
    log.pass(100)
    log.terminate()
    return log
  }
  static func stoppedStarting() -> SupervisorLog {
    var log = SupervisorLog()
    log.told(.config, added: ["alpha"])
    log.desire("alpha", 1)
    log.load()
    log.pass(100)
    log.terminate()
    log.drain(1)
    return log
  }
  static func replacedChange() -> SupervisorLog {
    log {
      $0.desire("alpha", 2, .config)
      $0.pass(100)
      $0.desire("alpha", 3, .config)
      $0.drain(3)
      $0.boot(4)
      $0.drain(1)
      $0.stop()
    }
  }
}
