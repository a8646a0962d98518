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
  private var evidence = Evidence(loggedConfig: .null)
  private var lastSequence: Int64 = 0
  private var lastUptime: Int64 = 0
  private var isBegun = false
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
      problem = .violates(error)
    }
  }

  /// Takes a line on trial: whether it is legal. After a no this replay is of no use any more.
  mutating func accepts(_ line: LogLine) -> Bool {
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
  public mutating func refuse(_ line: LogLine, _ why: String) {
    lines += 1
    if problem == nil { problem = .violates(violation(line, why)) }
  }

  private func violation(_ line: LogLine, _ text: String) -> Violation {
    Violation(
      promise: .machine, sequence: line.sequence, state: state, event: line.event.name,
      problem: text)
  }

  private mutating func check(_ line: LogLine) throws(Violation) {
    guard line.sequence == lastSequence + 1 else {
      throw violation(line, "the line before has seq \(lastSequence)")
    }
    lastSequence = line.sequence
    if case .stopped = machine.state { throw violation(line, "stopped is the last line") }
    if case .runStarted(_, let schema, let hash, _, let config) = line.event {
      guard !isBegun else { throw violation(line, "a run starts once") }
      isBegun = true
      guard schema == LogLine.schema, hash == MachineTable.hash else {
        problem = .unknownVersion("schema \(schema), machine \(hash)")
        return
      }
      machine = Machine(policy: Policy(loggedConfig: config))
      evidence = Evidence(loggedConfig: config)
    } else if !isBegun {
      throw violation(line, "the first line of a run is run_started")
    }
    if let trouble = evidence.take(line, machine) { throw violation(line, trouble) }
    if line.event.isInOrder {
      guard line.uptimeMilliseconds >= lastUptime else {
        throw violation(line, "its uptime is before that of the lines before")
      }
      lastUptime = line.uptimeMilliseconds
    }
    if let transition = line.event.transition { try move(transition, line) }
  }

  private mutating func move(_ transition: Transition, _ line: LogLine) throws(Violation) {
    guard transition.state == transition.to else {
      throw violation(line, "its state is not the one that it goes to")
    }
    let now = Instant(milliseconds: line.uptimeMilliseconds)
    let previous = machine.state
    let before = previous.name
    guard let moves = previous.moves(for: line.event, at: now, machine.policy) else {
      throw violation(line, "no event leads from \(before.rawValue) to \(transition.to.rawValue)")
    }
    var moved: Step?
    for move in moves {
      if case .timerFired(let timer) = move.event,
        let due = machine.state.timers(machine.policy)[timer],
        due.milliseconds > move.at.milliseconds
      {
        throw violation(line, "\(timer.rawValue) is not due before \(due.milliseconds) ms")
      }
      let step = machine.handle(move.event, at: move.at)
      if step.verdict == .moved { moved = step }
    }
    guard let moved else { throw violation(line, "the machine stays in \(before.rawValue)") }
    let from: StateName? = moved.cause == "started" ? nil : moved.from
    guard transition.from == from else {
      let logged = transition.from?.rawValue ?? "null"
      throw violation(line, "it comes from \(logged), but the state was \(before.rawValue)")
    }
    guard transition.to == moved.to else {
      throw violation(
        line, "it goes to \(transition.to.rawValue), the machine to \(moved.to.rawValue)")
    }
    guard transition.cause == moved.cause else {
      throw violation(line, "its cause is \(transition.cause), the machine's \(moved.cause)")
    }
    guard transition.attempt == machine.state.attempt else {
      throw violation(line, "its attempt is not the machine's")
    }
    if let trouble = line.event.disagreement(with: machine.state, machine.policy, at: now)
      ?? evidence.moved(line, from: previous, to: machine.state)
    {
      throw violation(line, trouble)
    }
  }
}

extension LogEvent {
  /// Whether the line's instant is taken when it is written, by the owner of the machine. Other
  /// threads' lines, and those of what a transition cuts off, may be a little later than the
  /// transition that follows them.
  fileprivate var isInOrder: Bool {
    switch self {
    case .runStarted, .configError, .bootFailed, .hardLimitExceeded, .workerStarted,
      .workerExited, .reloadStarted, .reloadFinished, .reloadFailed:
      true
    case .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped: true
    case .budgetExceeded, .bootProgress, .fetchRetry, .requestAborted, .warning, .logDropped,
      .illegalEvent, .agentOutput, .request, .slowRequest:
      false
    }
  }
}
