import Lifecycle

/// A supervisor and all around it, by chance: workers that become Ready, restart, end; desired states;
/// timers when they are due; and the lines that a driver writes of it.
struct SupervisorWalk {
  private struct Worker {
    var agent: String
    var isReady = false
    var isStopping = false
    var isLeaving = false
  }

  private(set) var machine: Supervision
  private(set) var now = Instant.start
  /// What a supervisor writes, in order.
  private(set) var lines: [(at: Instant, line: SupervisorLine)] = []
  /// Each event with what came of it.
  private(set) var steps: [(event: SupervisorEvent, step: SupervisionStep)] = []
  private var workers: [Int: Worker] = [:]
  private var random: SplitMix
  private var isLoaded = false
  private var drainStartedAt = Instant.start
  /// Of 1000 steps, how many ask the supervisor to stop.
  private let endings: Int

  init(seed: UInt64, agents: Int = 3, endings: Int = 4) {
    random = SplitMix(seed: seed)
    self.endings = endings
    machine = Supervision(policy: SupervisionPolicy(bootPatience: .seconds(90), retiringMaximum: 2))
    names = (0..<agents).map { "agent-\($0)" }
    write(.started(version: "1", schema: 1, machine: SupervisionTable.hash, pid: 1, config: [:]))
  }

  private let names: [String]

  private mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
  private mutating func write(_ line: SupervisorLine) { lines.append((now, line)) }

  /// Goes on until the supervisor has stopped, or for that many steps.
  mutating func run(_ count: Int) {
    for _ in 0..<count where machine.phase != .stopped { step() }
  }

  /// Lets the supervisor drain, and everything come to its end.
  mutating func finish() {
    if machine.phase.name != .draining, machine.phase != .stopped { terminate(.terminate) }
    while machine.phase != .stopped {
      if let worker = workers.keys.min() { end(worker, .asked) } else { passTime() }
    }
  }

  private mutating func step() {
    now = now + .milliseconds(Int64(pick(50)))
    let place = pick(1000)
    if !isLoaded, place < 200 {
      isLoaded = true
      write(.loaded(agents: machine.agents.count))
      return handle(.loaded)
    }
    if place < endings { return terminate(pick(2) == 0 ? .terminate : .interrupt) }
    switch place {
    case ..<80: desire()
    case ..<100:
      let agent = names[pick(names.count)]
      guard machine.agent(agent) != nil, machine.phase.name != .draining else { return }
      write(
        .desiredState(
          DesiredStateFacts(source: .api, revision: nil, added: [], changed: [], removed: [agent])))
      handle(.removed(agent: agent))
    case ..<300: passTime()
    default: worker()
    }
  }

  private mutating func terminate(_ signal: Signal) {
    let event = SupervisorEvent.terminationRequested(signal)
    if machine.phase.name == .starting || machine.phase.name == .serving {
      drainStartedAt = now
      write(.draining(cause: signal.rawValue, inFlight: 0, deadlineMilliseconds: 30_000))
    }
    handle(event)
  }

  private mutating func desire() {
    let causes: [Deployment.Cause] = [.config, .config, .api, .restart, .rollback, .memory]
    let deployment = Deployment(
      agent: names[pick(names.count)], revision: "\(pick(3))",
      restarts: RestartIntensity(maximum: pick(4), window: .seconds(60)),
      cause: causes[pick(causes.count)], surge: pick(4) > 0)
    // A drain takes no more wishes.
    guard machine.phase.name == .starting || machine.phase.name == .serving else { return }
    write(.agentDeploy(deployment, deploymentID: nil))
    handle(.desired(deployment))
  }

  private mutating func passTime() {
    let pause = Interval.milliseconds(Int64(pick(40_000)))
    let next = machine.timers.min { ($0.value, "\($0.key)") < ($1.value, "\($1.key)") }
    guard let (timer, due) = next, due <= now + pause else {
      now = now + pause
      return
    }
    now = max(now, due)
    handle(.due(timer))
  }

  private mutating func worker() {
    guard !workers.isEmpty else { return passTime() }
    let number = workers.keys.sorted()[pick(workers.count)]
    guard let worker = workers[number] else { return }
    func tell(_ walk: inout SupervisorWalk, _ news: WorkerNews) {
      walk.handle(.worker(number, agent: worker.agent, news))
    }
    switch pick(20) {
    case 0 where !worker.isStopping: end(number, .crashed(reason: "killed by SIGKILL"))
    case 1 where pick(4) == 0: end(number, .gaveUp(reason: "its boot failed"))
    case 2 where worker.isReady && !worker.isStopping && !worker.isLeaving:
      tell(&self, .restarting)
      tell(&self, .ready)
    case 3 where pick(3) == 0 && !worker.isLeaving:
      workers[number]?.isLeaving = true
      tell(&self, .draining)
    case 4 where pick(3) == 0:
      workers[number]?.isLeaving = true
      tell(&self, .contradicted(reason: "its log cannot be true"))
    case 5 where worker.isStopping || worker.isLeaving: end(number, .asked)
    case 6...14 where !worker.isReady && !worker.isLeaving:
      workers[number]?.isReady = true
      tell(&self, .ready)
    case 15...19 where worker.isStopping: end(number, .asked)
    default: tell(&self, .listening)
    }
  }

  private mutating func end(_ number: Int, _ end: WorkerEnd) {
    guard let worker = workers.removeValue(forKey: number) else { return }
    let chance = Double(pick(1000)) / 1000
    let event = SupervisorEvent.worker(number, agent: worker.agent, .ended(end, chance: chance))
    handle(event) { step in
      .agentWorkerExited(
        AgentWorkerExitFacts(
          agent: worker.agent, worker: number, mark: WorkerMark(run: "r\(number)", sequence: 9),
          end: end, status: end.kind == .couldNotStart ? nil : 1, signal: nil, outOfMemory: false,
          restarts: step.restart?.restarts ?? 0,
          delayMilliseconds: step.restart?.delay.milliseconds))
    }
  }

  /// As a driver does: the event's own line, the step's lines, the effects.
  private mutating func handle(
    _ event: SupervisorEvent, own: ((SupervisionStep) -> SupervisorLine)? = nil
  ) {
    let step = machine.handle(event, at: now)
    steps.append((event, step))
    if let own { write(own(step)) }
    for line in step.lines({ WorkerMark(run: "r\($0)", sequence: 9) }) { write(line) }
    var unstarted: [Int] = []
    for effect in step.effects {
      switch effect {
      case .start(let agent, let worker, let revision):
        workers[worker] = Worker(agent: agent)
        if pick(30) == 0 {
          unstarted.append(worker)
          continue
        }
        write(
          .agentWorker(
            AgentWorkerFacts(
              agent: agent, worker: worker, revision: revision, pid: 100 + worker, port: 8001,
              workerRun: nil)))
      case .stop(_, let worker): workers[worker]?.isStopping = true
      case .kill(_, let worker):
        workers[worker]?.isStopping = true
        workers[worker]?.isLeaving = true
      case .settled:
        let counts = machine.counts
        write(
          .ready(
            ready: counts[.ready] ?? 0, failed: counts[.failed] ?? 0,
            settleMilliseconds: now.milliseconds))
      case .exit(let code):
        write(
          .stopped(
            StoppedFacts(
              exitCode: code, outcome: code == 0 ? .clean : .failed, completed: 0, aborted: 0,
              drainMilliseconds: now.milliseconds - drainStartedAt.milliseconds)))
      case .route, .forget: break
      }
    }
    for worker in unstarted { end(worker, .couldNotStart(reason: "no port is free")) }
  }
}
