/// Replays the lines of one supervisor with the machine that wrote them.
///
/// A line tells of an event, or of what the machine made of the one before: after an event its lines are
/// due, whole and in their order (`DueLine`), and only lines that the machine knows nothing of may stand
/// between them. Which line tells of which event is the table of `SupervisorLine`.
public struct SupervisorReplay: Sendable {
  public private(set) var runID: String?
  /// Lines taken so far.
  public private(set) var lines = 0
  /// Whether something was found that is not as it should be: nothing more is judged.
  public private(set) var isTroubled = false
  /// What the last line said of a worker, to be held against the worker's own log; nil: nothing, or the
  /// line was wrong by itself.
  public private(set) var claim: WorkerClaim?

  private(set) var machine = Supervision(policy: SupervisionPolicy())
  private var order = LineOrder()
  /// Lines that have to come next; the first one first.
  private var due: [DueLine] = []
  private(set) var workers = ToldWorkers()
  private var drain = SupervisorDrain()
  private var problem: Replay.Verdict? {
    didSet { isTroubled = problem != nil }
  }

  /// Of the machine's table, which the first line names.
  static let machineHash = SupervisionTable.hash

  public init() {}

  public var phase: SupervisionPhase.Name { machine.phase.name }

  public var verdict: Replay.Verdict {
    if let problem { return problem }
    return phase == .stopped && due.isEmpty ? .conforms : .incomplete
  }

  /// The timers that run, the next one first.
  public var timers: [DueSupervisorTimer] {
    machine.timers.map { DueSupervisorTimer(timer: $0.key, at: $0.value.milliseconds) }
      .sorted { ($0.at, $0.what) < ($1.at, $1.what) }
  }

  /// Takes the run's next line. After a first violation nothing more is judged.
  public mutating func take(_ line: LogLine) {
    lines += 1
    claim = nil
    guard !isTroubled else { return }
    runID = line.runID
    do {
      try check(line)
    } catch {
      problem = .violates(violation(error, of: line))
    }
  }

  /// Takes the run's next line, of which only this much was read.
  public mutating func take(_ line: CountedLine, of owner: LineOwner) {
    lines += 1
    claim = nil
    guard !isTroubled else { return }
    do {
      try line.checkRanges()
      try order.take(line, of: owner, in: standing)
    } catch {
      problem = .violates(violation(error, of: line.line(of: owner)))
    }
  }

  /// Takes note of a line of this run that cannot be read. `why` is a sentence.
  public mutating func takeCorrupt(_ why: String) {
    lines += 1
    if problem == nil { problem = .corrupt(why) }
  }

  /// Takes the run's next line as a violation, for a reason that only its reader can know.
  public mutating func refuse(_ line: LogLine, _ promise: Promise, _ why: String) {
    lines += 1
    if problem == nil { problem = .violates(violation(Breach(promise, why), of: line)) }
  }

  /// The last line is no violation by itself, but another log contradicts it.
  public mutating func contradict(_ violation: Violation) {
    var violation = violation
    violation.phase = phase.rawValue
    if problem == nil { problem = .violates(violation) }
  }

  private func violation(_ breach: Breach, of line: LogLine) -> Violation {
    var violation = Violation(
      promise: breach.promise, sequence: line.sequence, state: standing, event: line.event.name,
      problem: breach.problem,
      allowed: breach.allowed.isEmpty ? due.prefix(1).map(\.text) : breach.allowed,
      missedByMilliseconds: breach.missedByMilliseconds)
    violation.phase = phase.rawValue
    return violation
  }

  /// What the order of lines needs to know: whether the end was told.
  private var standing: StateName { phase == .stopped && due.isEmpty ? .stopped : .ready }

  /// Judges a line, the checks in the order in which one relies on another.
  private mutating func check(_ line: LogLine) throws(Breach) {
    try line.checkRanges()
    try order.take(line, in: standing)
    guard case .supervisor(let told) = line.event else { return try checkOther(line.event) }
    switch told {
    case .started(_, let schema, let hash, _, let config):
      guard schema == LogLine.schema, hash == Self.machineHash else {
        problem = .unknownVersion("schema \(schema), supervisor \(hash)")
        return
      }
      machine = Supervision(policy: SupervisionPolicy(loggedConfig: config))
      try order.configureSupervisor(config)
    case .desiredRefused, .adminRequest: break
    case .illegalEvent(let phase, _):
      guard phase == self.phase else {
        throw Breach(
          .illegalEventNamesTheState, "it was not in \(phase.rawValue)",
          allowed: ["in \(self.phase.rawValue)"])
      }
    case .desiredState, .loaded, .agentDeploy, .agentWorker, .agentState, .agentTraffic,
      .agentWorkerStop, .agentWorkerExited, .agentTargetFailed, .agentRemoved, .ready, .draining,
      .stopped:
      try told.checkRanges()
      // What a violation tells of is what was before the line.
      var next = self
      try next.replay(told, line)
      self = next
      claim = workers.claim(of: told)
      if case .agentWorkerExited(let facts) = told { workers.forget(facts.worker, facts.mark) }
    }
  }

  /// Lines that a supervisor shares with a run.
  private func checkOther(_ event: LogEvent) throws(Breach) {
    switch event {
    case .configError, .bootFailed, .warning, .logDropped, .agentOutput, .request, .slowRequest,
      .requestAborted, .supervisor:
      break
    case .runStarted, .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped,
      .budgetExceeded, .hardLimitExceeded, .bootProgress, .fetchRetry, .workerStarted,
      .workerExited, .reloadStarted, .reloadFinished, .reloadFailed, .illegalEvent:
      throw Breach(.supervisorAllows, "it is a line of a run, and this is a supervisor's log")
    }
  }

  // MARK: The machine

  private mutating func replay(_ told: SupervisorLine, _ line: LogLine) throws(Breach) {
    let now = Instant(milliseconds: line.uptimeMilliseconds)
    if due.isEmpty {
      try checkOverdue(at: now)
      try begin(told, at: now)
    } else if case .agentWorker(let facts) = told, workers.isAwaited(facts.worker),
      due.allSatisfy(\.comesLate)
    {
      try workers.started(facts)
    } else {
      try takeDue(told)
    }
    try drain.take(told, at: line.uptimeMilliseconds, machine.policy)
  }

  private mutating func takeDue(_ told: SupervisorLine) throws(Breach) {
    guard let next = due.first else { return }
    try next.check(told)
    due.removeFirst()
    try workers.note(told)
  }

  /// The line tells of an event; what that leads to is due from here on.
  private mutating func begin(_ told: SupervisorLine, at now: Instant) throws(Breach) {
    switch told {
    case .desiredState(let facts):
      try checkNames(facts)
      for agent in facts.removed { try handle(.removed(agent: agent), at: now) }
    case .loaded(let agents):
      try handle(.loaded, at: now)
      guard agents == machine.agents.count else {
        throw Breach(
          .desiredIsDeployed, "agents", is: Int64(agents), insteadOf: Int64(machine.agents.count))
      }
    case .agentDeploy(let deployment, _):
      try handle(.desired(deployment), at: now)
    case .agentWorker(let facts):
      try start(facts.worker, of: facts.agent, at: now)
      try workers.started(facts)
    case .agentWorkerExited(let facts): try end(facts, at: now)
    case .draining(let cause, _, _):
      try handle(Self.drainEvent(cause), at: now)
    case .agentState, .agentTraffic, .agentTargetFailed, .agentWorkerStop, .stopped:
      try infer(told, at: now)
    case .agentRemoved, .ready:
      throw Breach(.stepIsTold, "nothing has just happened that it would tell of")
    case .started, .desiredRefused, .adminRequest, .illegalEvent: break
    }
  }

  /// An agent is added, changed or removed. Whether what is added or changed has an `agent_deploy` is
  /// decided by the machine: of what is wanted already there is none.
  private func checkNames(_ facts: DesiredStateFacts) throws(Breach) {
    var named: Set<String> = []
    for agent in facts.added + facts.changed + facts.removed {
      guard named.insert(agent).inserted else {
        throw Breach(.desiredIsDeployed, "it names \(agent) twice")
      }
    }
    if let agent = facts.removed.first(where: { machine.agent($0) == nil }) {
      throw Breach(.desiredIsDeployed, "no agent \(agent) was wanted before")
    }
  }

  private static func drainEvent(_ cause: String) throws(Breach) -> SupervisorEvent {
    if let signal = Signal(rawValue: cause) { return .terminationRequested(signal) }
    if let failure = Failure(rawValue: cause) { return .failed(failure) }
    throw Breach(
      .causeIsWhatMovedIt, "nothing of that name begins a drain",
      allowed: ["SIGTERM", "SIGINT", "configuration", "failure"])
  }

  /// The line comes first of those that an event leads to which has none of its own: the event is that
  /// one of those which can come that leads to it.
  private mutating func infer(_ told: SupervisorLine, at now: Instant) throws(Breach) {
    var nearest: Breach?
    for event in machine.events(leadingTo: told) {
      var next = self
      do throws(Breach) {
        try next.checkDue(event, at: now)
        try next.handle(event, at: now)
        guard !next.due.isEmpty else { continue }
        try next.takeDue(told)
        self = next
        return
      } catch {
        // What is nearer to the line says more: the event that was meant, and what is wrong with it.
        if nearest == nil || next.due.first?.isMeant(by: told) ?? false { nearest = error }
      }
    }
    throw nearest
      ?? Breach(
        told.promise, "no event leads to it here", allowed: machine.standing(of: told.agent))
  }

  @discardableResult
  private mutating func handle(
    _ event: SupervisorEvent, at now: Instant
  ) throws(Breach) -> SupervisionStep {
    var routes: [String: Int] = [:]
    for agent in machine.agents { routes[agent.id] = agent.route }
    let step = machine.handle(event, at: now)
    guard step.verdict != .illegal else {
      throw Breach(.supervisorAllows, "the machine refuses it in \(phase.rawValue)")
    }
    for effect in step.effects {
      if case .start(let agent, let worker, let revision) = effect {
        workers.begin(worker, agent, revision)
      }
    }
    due += DueLine.all(of: step, routes: routes, agents: machine.agents)
    return step
  }

  // MARK: Timers

  /// A timer does not fire before it is due.
  private func checkDue(_ event: SupervisorEvent, at now: Instant) throws(Breach) {
    guard case .due(let timer) = event, let at = machine.timers[timer], now < at else { return }
    throw Breach(
      timer.promise, "\(timer.words) is not over before \(at.milliseconds) ms",
      missedBy: at.milliseconds - now.milliseconds,
      allowed: ["uptime_ms from \(at.milliseconds) on"])
  }

  /// Timers whose time is over have fired before anything else happens.
  private func checkOverdue(at now: Instant) throws(Breach) {
    let latest = now - .milliseconds(Promise.patience)
    let overdue = machine.timers.filter { $0.value < latest }
      .min { ($0.value, $0.key.words) < ($1.value, $1.key.words) }
    guard let overdue else { return }
    throw Breach(
      overdue.key.promise, "\(overdue.key.words) was over at \(overdue.value.milliseconds) ms",
      missedBy: (latest - overdue.value).milliseconds)
  }

  // MARK: Workers

  /// A worker of which no line has told that it is started: the delay before a restart was over.
  private mutating func start(_ worker: Int, of agent: String, at now: Instant) throws(Breach) {
    guard !workers.isAwaited(worker) else { return }
    guard worker == machine.state.nextWorker else {
      throw Breach(
        .workersAreNumbered, "the machine has started no worker of that number",
        allowed: ["worker \(machine.state.nextWorker)"])
    }
    let delays = machine.timers.filter {
      if case .restart(agent, _) = $0.key { true } else { false }
    }
    guard let delay = delays.min(by: { $0.value < $1.value }) else {
      throw Breach(
        .workersAreNumbered, "no worker of \(agent) is to be started",
        allowed: machine.standing(of: agent))
    }
    try checkDue(.due(delay.key), at: now)
    try handle(.due(delay.key), at: now)
    guard workers.isAwaited(worker) else {
      throw Breach(.workersAreNumbered, "it waits for the end of other workers of \(agent)")
    }
  }

  private mutating func end(_ facts: AgentWorkerExitFacts, at now: Instant) throws(Breach) {
    if !workers.isThere(facts.worker) { try start(facts.worker, of: facts.agent, at: now) }
    try workers.checkEnd(facts)
    var nearest: Breach?
    // Whether a restart lies in the window is decided by less than the milliseconds of a log.
    for shift: Int64 in [0, 1, -1] {
      var next = self
      do throws(Breach) {
        try next.end(facts, asIfAt: now + .milliseconds(shift))
        self = next
        return
      } catch { nearest = nearest ?? error }
    }
    if let nearest { throw nearest }
  }

  private mutating func end(
    _ facts: AgentWorkerExitFacts, asIfAt now: Instant
  ) throws(Breach) {
    // The ceiling of the delay is the machine's, and its chance what the line has drawn.
    let ceiling = SupervisionPolicy.delayCeiling(after: max(0, facts.restarts - 1)).milliseconds
    let delay = facts.delayMilliseconds ?? 0
    guard delay >= 0, delay <= ceiling else {
      throw Breach(
        .delayBeforeRestart, "it announces a longer delay than any", missedBy: delay - ceiling,
        allowed: ["delay_ms at most \(ceiling)"])
    }
    let chance = ceiling > 0 ? Double(delay) / Double(ceiling) : 0
    let step = try handle(
      .worker(facts.worker, agent: facts.agent, .ended(facts.end, chance: chance)), at: now)
    guard (step.restart != nil) == (facts.delayMilliseconds != nil) else {
      throw Breach(
        .restartsOfWorkers,
        step.restart == nil ? "it is not started again" : "its restarts are not used up",
        allowed: ["will_restart \(step.restart != nil)"])
    }
    if let restart = step.restart, restart.restarts != facts.restarts {
      throw Breach(
        .restartsOfWorkers, "restarts", is: Int64(facts.restarts),
        insteadOf: Int64(restart.restarts))
    }
  }
}
