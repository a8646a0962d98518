@testable import Lifecycle

/// Replays a supervisor's own lines with the machine that wrote them: each line is turned back into the
/// event that it tells of, or it is one that the event before led to. `SupervisorLine` says which is
/// which.
///
/// It is written apart from the one of `trace`, so that the tests have a second opinion. What it judges: that the machine can have taken that event there, that it came to what the lines
/// say, in their order, and that no timer fired early. What a line says of processes, ports, requests
/// and of workers' own logs is for others to judge.
struct SupervisionReplay: Sendable {
  /// Why a line cannot stand there.
  struct Disagreement: Error, Equatable, Sendable {
    enum Kind: Sendable, Equatable {
      /// It is not the line that comes next.
      case order
      /// No event leads to it, or the machine refuses the one that does.
      case refused
      /// It says something else than the machine.
      case differs
      /// A timer fired that many milliseconds too early.
      case early(milliseconds: Int64)
    }

    let kind: Kind
    /// A sentence about the line.
    let problem: String
    /// What could have stood there instead; empty where that is not known.
    let allowed: [String]
  }

  private(set) var machine: Supervision
  /// Lines that the last event led to and that are still to come.
  private(set) var expected: [SupervisorLine] = []
  /// Workers that were started and have no `agent_worker` yet: their revisions by their numbers.
  private(set) var unannounced: [Int: String] = [:]
  /// The steps that the last line led to.
  private(set) var steps: [SupervisionStep] = []

  init(policy: SupervisionPolicy) { machine = Supervision(policy: policy) }

  /// Whether all is said: the last line was the supervisor's last.
  private(set) var isOver = false
  /// What the machine ended the process with.
  private var exitCode: Int32?

  /// Takes the next of the supervisor's lines, as of then. After a disagreement the replay is of no
  /// use any more.
  mutating func take(
    _ line: SupervisorLine, at now: Instant
  ) throws(Disagreement) {
    steps = []
    guard line.isReplayed else { return }
    if isOver {
      throw Disagreement(kind: .order, problem: "it comes after the last line", allowed: [])
    }
    if let next = expected.first {
      guard next.kind == line.kind else { throw .order(line, expected: next) }
      expected.removeFirst()
      try Self.compare(line, with: next)
      return
    }
    switch line {
    case .started: return
    case .agentWorker(let facts): return try announce(facts, at: now)
    case .stopped(let facts): return try stop(facts, at: now)
    case .desiredState(let facts):
      for agent in facts.removed { try send(.removed(agent: agent), at: now) }
      return
    case .agentWorkerExited(let facts): return try exit(facts, at: now)
    case .agentDeploy(let deployment, _): return try send(.desired(deployment), at: now)
    case .loaded: return try send(.loaded, at: now)
    case .draining(let cause, _, _):
      return try send(try Self.drain(cause), at: now)
    case .agentState, .agentTraffic, .agentWorkerStop: break
    case .agentTargetFailed, .agentRemoved, .ready, .desiredRefused, .adminRequest, .illegalEvent:
      throw .refused("nothing leads to \(line.kind.spelling) here")
    }
    // It tells of an event and is the first that this leads to.
    guard let event = event(line) else {
      throw .refused("nothing leads to \(line.kind.spelling) here")
    }
    try send(event, at: now)
    guard let next = expected.first, next.kind == line.kind else {
      throw .refused("the machine makes nothing of it that is \(line.kind.spelling)")
    }
    expected.removeFirst()
    try Self.compare(line, with: next)
  }

  // MARK: Events

  private mutating func send(
    _ event: SupervisorEvent, at now: Instant
  ) throws(Disagreement) {
    if case .due(let timer) = event, let due = machine.timers[timer] {
      let early = due.milliseconds - now.milliseconds
      // The line has whole milliseconds.
      if early > 1 {
        throw Disagreement(
          kind: .early(milliseconds: early), problem: "it is not due before \(due.milliseconds) ms",
          allowed: [])
      }
    }
    let step = machine.handle(event, at: now)
    steps.append(step)
    if step.verdict == .illegal { throw .refused("the machine refuses what it tells of") }
    for effect in step.effects {
      switch effect {
      case .start(_, let worker, let revision): unannounced[worker] = revision
      case .exit(let code): exitCode = code
      case .route, .stop, .kill, .forget, .settled: break
      }
    }
    expected += step.lines { _ in WorkerMark(run: nil, sequence: nil) }
    guard step.effects.contains(.settled) else { return }
    let counts = machine.counts
    expected.append(
      .ready(ready: counts[.ready] ?? 0, failed: counts[.failed] ?? 0, settleMilliseconds: 0))
  }

  /// The event that a line tells of which is the first of its step.
  private func event(_ line: SupervisorLine) -> SupervisorEvent? {
    switch line {
    case .agentState(let facts):
      guard let worker = facts.worker, unannounced[worker] == nil else { return nil }
      switch facts.cause {
      case .workerReady: return .worker(worker, agent: facts.agent, .ready)
      case .workerRestarting: return .worker(worker, agent: facts.agent, .restarting)
      case .workerDraining: return .worker(worker, agent: facts.agent, .draining)
      case .deployed, .removed, .workerContradicted, .workerEnded, .bootTimedOut, .drainTimedOut,
        .supervisorDraining:
        return nil
      }
    case .agentTraffic(let agent, let from, let to):
      if let to { return unannounced[to] == nil ? .worker(to, agent: agent, .ready) : nil }
      return from.map { .worker($0, agent: agent, .draining) }
    case .agentWorkerStop(let facts):
      switch facts.cause {
      case .bootTimedOut: return .due(.boot(agent: facts.agent, worker: facts.worker))
      case .drainTimedOut: return .due(.drain(agent: facts.agent, worker: facts.worker))
      case .contradicted:
        return .worker(
          facts.worker, agent: facts.agent, .contradicted(reason: facts.reason ?? ""))
      case .deadline: return .due(.deadline)
      case .secondSignal: return .terminationRequested(.interrupt)
      case .replaced, .removed, .supervisorDraining: return nil
      }
    case .started, .desiredState, .desiredRefused, .loaded, .agentDeploy, .agentWorker,
      .agentWorkerExited, .agentTargetFailed, .agentRemoved, .adminRequest, .ready, .draining,
      .stopped, .illegalEvent:
      return nil
    }
  }

  private static func drain(_ cause: String) throws(Disagreement) -> SupervisorEvent {
    if let signal = Signal(rawValue: cause) { return .terminationRequested(signal) }
    guard let failure = Failure(rawValue: cause) else {
      throw .refused("no drain has the cause \(cause)")
    }
    return .failed(failure)
  }

  /// A worker runs that the machine has started, or that it starts now because its delay is over.
  private mutating func announce(
    _ facts: AgentWorkerFacts, at now: Instant
  ) throws(Disagreement) {
    if unannounced[facts.worker] == nil {
      try restart(facts.worker, of: facts.agent, facts.revision, at: now)
    }
    guard let revision = unannounced[facts.worker] else {
      throw .differs("worker", "\(facts.worker)", unannounced.keys.min().map { "\($0)" })
    }
    guard machine.agent(facts.agent)?.workers.contains(facts.worker) == true else {
      throw .refused("worker \(facts.worker) is not one of \(facts.agent)")
    }
    guard facts.revision == revision else { throw .differs("revision", facts.revision, revision) }
    unannounced[facts.worker] = nil
  }

  /// The timers of delays of an agent, or of all, in the order in which they are due.
  private func delays(of agent: String?) -> [(timer: SupervisorTimer, due: Instant)] {
    machine.timers.compactMap { timer, due in
      guard case .restart(let id, _) = timer, id == agent ?? id else { return nil }
      return (timer, due)
    }.sorted { ($0.due, "\($0.timer)") < ($1.due, "\($1.timer)") }
  }

  /// A delay that is over starts that worker.
  private mutating func restart(
    _ worker: Int, of agent: String, _ revision: String?, at now: Instant
  ) throws(Disagreement) {
    for (timer, due) in delays(of: agent) {
      var trial = machine
      let step = trial.handle(.due(timer), at: max(now, due))
      let isThat = step.effects.contains {
        guard case .start(agent, worker, let started) = $0 else { return false }
        return started == revision ?? started
      }
      if isThat { return try send(.due(timer), at: now) }
    }
    throw .refused("nothing has started worker \(worker)")
  }

  private mutating func exit(
    _ facts: AgentWorkerExitFacts, at now: Instant
  ) throws(Disagreement) {
    if facts.end.kind == .couldNotStart, unannounced[facts.worker] == nil {
      try restart(facts.worker, of: facts.agent, nil, at: now)
    }
    guard machine.agent(facts.agent)?.workers.contains(facts.worker) == true else {
      throw .refused("no worker \(facts.worker) of \(facts.agent) runs")
    }
    let isThere = unannounced[facts.worker] == nil
    guard isThere == (facts.end.kind != .couldNotStart) else {
      throw .refused(
        isThere ? "the worker was started before" : "the worker was not started")
    }
    unannounced[facts.worker] = nil
    let ceiling = SupervisionPolicy.delayCeiling(after: facts.restarts - 1)
    let delay = Interval.milliseconds(facts.delayMilliseconds ?? 0)
    let chance = ceiling > .zero ? delay.seconds / ceiling.seconds : 0
    try send(.worker(facts.worker, agent: facts.agent, .ended(facts.end, chance: chance)), at: now)
    let restart = steps.last?.restart
    guard (restart != nil) == (facts.delayMilliseconds != nil) else {
      throw .differs(
        "will_restart", "\(facts.delayMilliseconds != nil)", "\(restart != nil)")
    }
    guard let restart else { return }
    guard restart.restarts == facts.restarts else {
      throw .differs("restarts", "\(facts.restarts)", "\(restart.restarts)")
    }
    guard delay.milliseconds >= 0, delay.milliseconds <= ceiling.milliseconds else {
      throw .differs(
        "delay_ms", "\(delay.milliseconds)", "at most \(ceiling.milliseconds)")
    }
  }

  private mutating func stop(_ facts: StoppedFacts, at now: Instant) throws(Disagreement) {
    guard case .draining = machine.phase else {
      guard machine.phase == .stopped else {
        throw .refused("the supervisor did not drain before")
      }
      return try over(facts)
    }
    try send(.due(.deadline), at: now)
    guard machine.phase == .stopped else { throw .refused("workers run that were not killed") }
    try over(facts)
  }

  private mutating func over(_ facts: StoppedFacts) throws(Disagreement) {
    isOver = true
    guard facts.exitCode == exitCode else {
      throw .differs("exit_code", "\(facts.exitCode)", exitCode.map { "\($0)" })
    }
  }

  // MARK: Comparison

  /// What a line says is what the machine did; what only a driver knows is not compared.
  private static func compare(
    _ line: SupervisorLine, with expected: SupervisorLine
  ) throws(Disagreement) {
    for (said, done) in zip(line.fields, expected.fields) {
      guard !driversOwn.contains(said.name), said.value != done.value else { continue }
      // A line that would be too long has its texts cut.
      if let text = said.value.text, text.hasSuffix("…") { continue }
      throw .differs(
        said.name, String(decoding: JSONWriter.encode(said.value), as: UTF8.self),
        String(decoding: JSONWriter.encode(done.value), as: UTF8.self))
    }
  }

  private static let driversOwn: Set<String> = ["worker_run", "worker_seq", "settle_ms"]
}

extension SupervisionReplay.Disagreement {
  fileprivate static func order(_ line: SupervisorLine, expected: SupervisorLine) -> Self {
    Self(
      kind: .order, problem: "\(expected.kind.spelling) comes before \(line.kind.spelling) here",
      allowed: ["\(expected.kind.spelling)"])
  }

  fileprivate static func refused(_ problem: String) -> Self {
    Self(kind: .refused, problem: problem, allowed: [])
  }

  fileprivate static func differs(_ field: String, _ said: String, _ done: String?) -> Self {
    Self(
      kind: .differs, problem: "its \(field) is \(said), the machine's \(done ?? "none")",
      allowed: done.map { ["\(field) \($0)"] } ?? [])
  }
}
