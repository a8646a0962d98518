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

    public var name: String {
      switch self {
      case .conforms: "conforms"
      case .incomplete: "incomplete"
      case .unknownVersion: "unknown-version"
      case .violates: "violates"
      }
    }
  }

  /// The first line that the machine would not have written.
  public struct Violation: Error, Sendable, Equatable {
    public let sequence: Int64
    public let state: StateName
    public let event: String
    public let problem: String

    public var text: String { "line seq \(sequence), \(event) in \(state.rawValue): \(problem)" }
  }

  /// A transition of the run, for a timeline.
  public struct Entry: Sendable, Equatable {
    public let uptimeMilliseconds: Int64
    public let transition: Transition
    public let name: String
  }

  public private(set) var entries: [Entry] = []
  public private(set) var runID: String?
  public private(set) var agentAppID: String?
  /// Lines taken so far.
  public private(set) var lines = 0
  private var machine = Machine(policy: Policy())
  private var lastSequence: Int64 = 0
  private var lastUptime: Int64 = 0
  private var isBegun = false
  private var problem: Verdict?

  public init() {}

  /// The state after the lines so far.
  public var state: StateName { machine.state.name }

  public var verdict: Verdict {
    if let problem { return problem }
    return state == .stopped ? .conforms : .incomplete
  }

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

  /// Takes a line whose `state` is not its `to`, which no line of ours is.
  public mutating func takeContradiction(_ line: LogLine) {
    lines += 1
    if problem == nil {
      problem = .violates(violation(line, "its state is not the one that it goes to"))
    }
  }

  private func violation(_ line: LogLine, _ text: String) -> Violation {
    Violation(sequence: line.sequence, state: state, event: line.event.name, problem: text)
  }

  private mutating func check(_ line: LogLine) throws(Violation) {
    guard line.sequence == lastSequence + 1 else {
      throw violation(line, "the line before has seq \(lastSequence)")
    }
    lastSequence = line.sequence
    if case .stopped = machine.state { throw violation(line, "stopped is the last line") }
    guard line.uptimeMilliseconds >= lastUptime || line.event.transition == nil else {
      throw violation(line, "its uptime is before that of the line before")
    }
    lastUptime = max(lastUptime, line.uptimeMilliseconds)
    if case .runStarted(_, let schema, let hash, _, let config) = line.event {
      guard !isBegun else { throw violation(line, "a run starts once") }
      isBegun = true
      guard schema == LogLine.schema, hash == MachineTable.hash else {
        problem = .unknownVersion("schema \(schema), machine \(hash)")
        return
      }
      machine = Machine(policy: Policy(loggedConfig: config))
    } else if !isBegun {
      throw violation(line, "the first line of a run is run_started")
    }
    guard let transition = line.event.transition else { return }
    try move(transition, line)
  }

  private mutating func move(_ transition: Transition, _ line: LogLine) throws(Violation) {
    let now = Instant(nanoseconds: line.uptimeMilliseconds * 1_000_000)
    let before = machine.state.name
    guard let events = machine.state.events(for: line.event) else {
      throw violation(line, "no event leads from \(before.rawValue) to \(transition.to.rawValue)")
    }
    var moved: Step?
    for event in events {
      let step = machine.handle(event, at: now)
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
    try compareOutcome(line)
    entries.append(
      Entry(
        uptimeMilliseconds: line.uptimeMilliseconds, transition: transition, name: line.event.name))
  }

  private func compareOutcome(_ line: LogLine) throws(Violation) {
    switch (line.event, machine.state) {
    case (.stopped(_, let facts), .stopped(let stopped)):
      guard facts.exitCode == stopped.exitCode,
        facts.outcome == stopped.outcome(aborted: facts.aborted)
      else { throw violation(line, "its outcome is not what the machine came to") }
    case (.runtimeReady(_, let facts), .ready(let ready)):
      guard facts.bootMilliseconds == ready.boot.total.milliseconds else {
        throw violation(line, "its boot_ms is not the time of the first Ready")
      }
    default: break
    }
  }
}

extension State {
  /// The events that a transition line tells of; nil when no event leads to it from here.
  fileprivate func events(for line: LogEvent) -> [Event]? {
    switch line {
    case .fetch: [.started]
    case .verify: [.packageFetched]
    case .install(_, let facts):
      [
        .packageVerified(
          Preparation(environment: facts.environmentCache, hasWorker: facts.python != nil))
      ]
    case .load(let transition, _): loadEvents(transition)
    case .runtimeReady: readyEvents
    case .drain(let transition, _, _): drainEvents(transition.cause)
    case .stopped(let transition, _): stopEvents(transition.cause)
    case .runStarted, .budgetExceeded, .hardLimitExceeded, .configError, .bootFailed,
      .bootProgress, .fetchRetry, .workerStarted, .workerExited, .requestAborted, .warning,
      .logDropped, .illegalEvent, .agentOutput, .request:
      nil
    }
  }

  /// A restart that waits starts its worker when its delay is over, which is no line.
  private var restartDue: [Event] {
    guard case .loading(let loading) = self, loading.stage != .starting else { return [] }
    return [.timerFired(.restartDelay)]
  }

  private func loadEvents(_ transition: Transition) -> [Event]? {
    switch transition.cause {
    case "environment_installed": [.environmentInstalled]
    case "worker_lost": attempt.map { restartDue + [.workerLost(attempt: $0, jitter: 0)] }
    case "load_timed_out": restartDue + [.timerFired(.loadTimeout)]
    default: nil
    }
  }

  private var readyEvents: [Event]? {
    attempt.map { restartDue + [.workerReady(attempt: $0)] }
  }

  private func drainEvents(_ cause: String) -> [Event]? {
    if let signal = Signal(rawValue: cause) { return [.terminationRequested(signal)] }
    if let failure = Failure(rawValue: cause) { return [.failed(failure)] }
    return cause == "hard_limit" ? [.timerFired(.hardLimit)] : nil
  }

  private func stopEvents(_ cause: String) -> [Event]? {
    guard case .draining(let draining) = self else { return nil }
    switch cause {
    case "drained":
      var events: [Event] = []
      if case .lameDuck = draining.stage { events.append(.timerFired(.drainMinimum)) }
      if draining.workerRuns { events.append(.workerLost(attempt: 0, jitter: 0)) }
      return events + [.nothingInFlight]
    case "deadline": return [.timerFired(.drainDeadline)]
    case "second_signal":
      // Which signal it was is not told; the first one of a failing run only marks the time.
      let signal = Event.terminationRequested(.interrupt)
      return draining.signalledAt == nil ? [signal, signal] : [signal]
    default: return nil
    }
  }
}

extension Policy {
  /// What of a run's configuration, as its first line has it, decides about transitions.
  init(loggedConfig config: JSONValue) {
    self.init()
    guard let restarts = config["WORKER_RESTARTS"]?.text else { return }
    let parts = restarts.split(separator: "/").compactMap { Double($0) }
    guard parts.count == 2, parts[0] >= 0, parts[0] < 1e9, parts[1] >= 0, parts[1] < 1e9 else {
      return
    }
    restartsMaximum = Int(parts[0])
    restartsWindow = .seconds(parts[1])
    if let multiplier = config["BOOT_HARD_LIMIT_MULTIPLIER"]?.whole, multiplier == 0 {
      hardLimit = nil
    }
  }
}
