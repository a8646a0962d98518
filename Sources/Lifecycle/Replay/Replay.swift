/// Replays the lines of one run with the machine that wrote them.
///
/// Each line is turned back into the events that it tells of; the machine decides, and what it
/// decides must be what the line says.
public struct Replay: Sendable {
  /// What is to be said of a run.
  public enum Verdict: Sendable, Equatable {
    case conforms
    /// Cut off; legal so far.
    case incomplete
    case unknownVersion(String)
    case violates(Violation)
    /// A line of the run cannot be read, and why.
    case corrupt(String)

    public var name: String {
      switch self {
      case .conforms: "conforms"
      case .incomplete: "incomplete"
      case .unknownVersion: "unknown-version"
      case .violates: "violates"
      case .corrupt: "corrupt"
      }
    }
  }

  public private(set) var runID: String?
  public private(set) var agentAppID: String?
  /// Lines taken so far.
  public private(set) var lines = 0
  private(set) var machine = Machine(policy: Policy())
  private var order = LineOrder()
  private var facts = PackageFacts()
  private var lives = WorkerLives(loggedConfig: .null)
  private var requests = RequestCounts(loggedConfig: .null)
  private var explanations = Explanations(loggedConfig: .null)
  private var problem: Verdict? {
    didSet { isTroubled = problem != nil }
  }

  public init() {}

  /// The state after the lines so far.
  public var state: StateName { machine.state.name }

  /// The timers that run in that state, the next one first.
  public var due: [DueTimer] {
    machine.state.timers(machine.policy).map { DueTimer(timer: $0.key, at: $0.value.milliseconds) }
      .sorted { ($0.at, $0.timer.rawValue) < ($1.at, $1.timer.rawValue) }
  }

  public var verdict: Verdict {
    if let problem { return problem }
    return state == .stopped ? .conforms : .incomplete
  }

  /// Whether something was found that is not as it should be: nothing more is judged.
  public private(set) var isTroubled = false

  /// Takes the run's next line. After a first violation nothing more is judged.
  public mutating func take(_ line: LogLine) {
    lines += 1
    guard problem == nil else { return }
    runID = line.runID
    agentAppID = line.agentAppID ?? agentAppID
    do {
      try check(line)
    } catch {
      problem = .violates(violation(error, of: line))
    }
  }

  /// Takes the run's next line, of which only this much was read.
  public mutating func take(_ line: CountedLine, of owner: LineOwner) {
    lines += 1
    guard !isTroubled else { return }
    do {
      try check(line, owner)
    } catch {
      problem = .violates(violation(error, of: line.line(of: owner)))
    }
  }

  /// Takes a line on trial: whether it is legal. After a no this replay is of no use any more. Lines of
  /// output and of the access log may be left out.
  mutating func accepts(_ line: LogLine) -> Bool {
    requests.isWhole = false
    do { try check(line) } catch { return false }
    return problem == nil
  }

  /// Takes note of a line of this run that cannot be read. `why` is a sentence.
  public mutating func takeCorrupt(_ why: String) {
    lines += 1
    if problem == nil { problem = .corrupt(why) }
  }

  /// Takes the run's next line as a violation, for a reason that only its reader can know. `why` is a
  /// sentence about the line.
  public mutating func refuse(_ line: LogLine, _ promise: Promise, _ why: String) {
    lines += 1
    if problem == nil { problem = .violates(violation(Breach(promise, why), of: line)) }
  }

  private func violation(_ breach: Breach, of line: LogLine) -> Violation {
    // What could have come instead, of what moves the machine, it knows itself.
    let isMove = line.event.transition != nil && breach.promise.group != .lines
    let now = Instant(milliseconds: isMove ? line.uptimeMilliseconds : 0)
    return Violation(
      promise: breach.promise, sequence: line.sequence, state: state, event: line.event.name,
      problem: breach.problem,
      allowed: breach.allowed.isEmpty && isMove ? machine.allowed(at: now) : breach.allowed,
      missedByMilliseconds: breach.missedByMilliseconds)
  }

  /// Judges a line, the checks in the order in which one relies on another.
  private mutating func check(_ line: LogLine) throws(Breach) {
    try line.checkRanges()
    try order.take(line, in: state)
    if case .runStarted(_, let schema, let hash, _, let config) = line.event {
      guard schema == LogLine.schema, hash == MachineTable.hash else {
        problem = .unknownVersion("schema \(schema), machine \(hash)")
        return
      }
      try configure(config)
    }
    // Most lines of a long life.
    if case .agentOutput = line.event, !explanations.isPending { return }
    try explanations.take(line, machine)
    try requests.take(line, machine.state, lives)
    try lives.take(line, machine)
    if case .illegalEvent(let named, _) = line.event, named != state {
      throw Breach(
        .illegalEventNamesTheState, "it was not in \(named.rawValue)",
        allowed: ["in \(state.rawValue)"])
    }
    if case .supervisor = line.event {
      throw Breach(.tableAllows, "\(line.event.name) is a line of a supervisor, not of a run")
    }
    guard let transition = line.event.transition else { return }
    let before = machine
    do throws(Breach) {
      try move(transition, line)
    } catch {
      // The state of a violation is the one before the line.
      machine = before
      throw error
    }
  }

  /// The same for a line that only some of these look at.
  @inline(__always)
  private mutating func check(_ line: CountedLine, _ owner: LineOwner) throws(Breach) {
    try line.checkRanges()
    try order.take(line, of: owner, in: state)
    switch line.kind {
    case .request: try requests.take(line.numbers)
    case .agentOutput:
      if explanations.isPending { try explanations.take(line.line(of: owner), machine) }
    }
  }

  private mutating func configure(_ config: JSONValue) throws(Breach) {
    machine = Machine(policy: Policy(loggedConfig: config))
    try order.configure(config)
    lives = WorkerLives(loggedConfig: config)
    requests = RequestCounts(loggedConfig: config)
    explanations = Explanations(loggedConfig: config)
  }

  // MARK: Transitions

  private mutating func move(_ transition: Transition, _ line: LogLine) throws(Breach) {
    guard transition.state == transition.to else {
      throw Breach(
        .stateIsTo, "its state is not the one that it goes to",
        allowed: ["state \(transition.to.rawValue)"])
    }
    let now = Instant(milliseconds: line.uptimeMilliseconds)
    let previous = machine.state
    let moved = try step(line, at: now)
    try compare(transition, with: moved, from: previous.name)
    try previous.checkOverdue(
      at: now, machine.policy, workerStartedAt: lives.workerStartedAt(previous))
    try line.event.checkTimes(in: machine.state, machine.policy, at: now)
    try facts.take(line)
    try explanations.moved(line, from: previous, to: machine.state)
    try lives.moved(line, from: previous, to: machine.state, hasWorker: facts.hasWorker)
    try requests.moved(line, to: machine.state)
  }

  /// Gives the machine the events that a line tells of.
  private mutating func step(_ line: LogLine, at now: Instant) throws(Breach) -> Step {
    let before = machine.state.name
    guard let moves = machine.state.moves(for: line.event, at: now, machine.policy) else {
      throw Breach(
        .tableAllows, "no event leads to \(line.event.name) from \(before.rawValue)")
    }
    var moved: Step?
    for move in moves {
      try checkDue(move)
      let step = machine.handle(move.event, at: move.at)
      if step.verdict == .moved { moved = step }
    }
    guard let moved else {
      throw Breach(.tableAllows, "the machine stays in \(before.rawValue)")
    }
    return moved
  }

  /// A timer does not fire before it is due.
  private func checkDue(_ move: State.Move) throws(Breach) {
    guard case .timerFired(let timer) = move.event,
      let due = machine.state.timers(machine.policy)[timer]
    else { return }
    let early = due.milliseconds - move.at.milliseconds
    guard early > 0 else { return }
    let promise: Promise =
      switch timer {
      case .drainMinimum: .drainMinimum
      case .restartDelay: .restartDelay
      default: .noTimerFiresEarly
      }
    throw Breach(
      promise, "\(timer.rawValue) is not due before \(due.milliseconds) ms", missedBy: early)
  }

  /// What the line says is what the machine did.
  private func compare(
    _ transition: Transition, with moved: Step, from before: StateName
  ) throws(Breach) {
    let from: StateName? = moved.cause == "started" ? nil : moved.from
    guard transition.from == from else {
      throw Breach(
        .fromIsTheStateBefore,
        "it comes from \(transition.from?.rawValue ?? "null"), but the state was \(before.rawValue)",
        allowed: ["from \(from?.rawValue ?? "null")"])
    }
    guard transition.to == moved.to else {
      throw Breach(
        .toIsWhereTheMachineGoes,
        "it goes to \(transition.to.rawValue), the machine to \(moved.to.rawValue)")
    }
    guard transition.cause == moved.cause else {
      throw Breach(
        .causeIsWhatMovedIt, "its cause is \(transition.cause), the machine's \(moved.cause)")
    }
    guard transition.attempt == machine.state.attempt else {
      throw Breach(
        .attemptIsTheMachines, "its attempt is not the machine's",
        allowed: ["attempt \(machine.state.attempt.map(String.init) ?? "null")"])
    }
  }
}
