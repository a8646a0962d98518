/// A supervisor's workers as its lines tell of them.
struct ToldWorkers: Sendable {
  struct Worker: Sendable {
    let agent: String
    let revision: String
    /// Nil until `agent_worker` tells of the process.
    var pid: Int?
    /// The `run_id` of its own log, once a line names it.
    var run: String?
    /// Whether requests went to it.
    var hasServed = false
  }

  /// Those that have not ended, by their numbers.
  private var workers: [Int: Worker] = [:]

  /// The machine starts one.
  mutating func begin(_ worker: Int, _ agent: String, _ revision: String) {
    workers[worker] = Worker(agent: agent, revision: revision)
  }

  func isThere(_ worker: Int) -> Bool { workers[worker] != nil }

  /// Whether it is started, and no line tells of its process yet.
  func isAwaited(_ worker: Int) -> Bool {
    workers[worker].map { $0.pid == nil } ?? false
  }

  mutating func started(_ facts: AgentWorkerFacts) throws(Breach) {
    guard let worker = workers[facts.worker] else { return }
    guard worker.agent == facts.agent, worker.revision == facts.revision else {
      throw Breach(
        .workersAreNumbered, "the machine has started that worker for another agent or revision",
        allowed: ["\(worker.agent) \(worker.revision)"])
    }
    if let other = workers.first(where: { $0.value.pid == facts.pid }) {
      throw Breach(
        .workersAreNumbered,
        "process \(facts.pid) is that of worker \(other.key), which has not ended"
      )
    }
    workers[facts.worker]?.pid = facts.pid
    workers[facts.worker]?.run = facts.workerRun
  }

  /// Takes note of what a line says of one that is there.
  mutating func note(_ line: SupervisorLine) {
    switch line {
    case .agentTraffic(_, _, let worker?): workers[worker]?.hasServed = true
    case .agentState(let facts):
      if let worker = facts.worker, let run = facts.mark.run { workers[worker]?.run = run }
    default: break
    }
  }

  mutating func forget(_ worker: Int) { workers[worker] = nil }

  /// Judges what is said of the end of one, as far as the machine knows nothing of it.
  func checkEnd(_ facts: AgentWorkerExitFacts) throws(Breach) {
    guard let worker = workers[facts.worker], worker.agent == facts.agent else {
      throw Breach(.workersEndOnce, "no such worker of \(facts.agent) is there")
    }
    let hasProcess = facts.end.kind != .couldNotStart
    guard (worker.pid != nil) == hasProcess else {
      throw Breach(
        .workersEndOnce,
        hasProcess ? "no agent_worker tells of its process" : "its process was started",
        allowed: [hasProcess ? "end could_not_start" : "another end than could_not_start"])
    }
    guard hasProcess == ((facts.status == nil) != (facts.signal == nil)) else {
      throw Breach(.workersEndOnce, "a process ends with a status or by a signal")
    }
    if let run = worker.run, facts.mark.run != run {
      throw Breach(
        .workersEndOnce, "its worker_run is not that of the lines before",
        allowed: ["worker_run \(run)"])
    }
  }

  // MARK: Claims

  /// What a line says of a worker that its own log has to say too; nil: nothing, or the line names no run.
  func claim(of line: SupervisorLine) -> WorkerClaim? {
    switch line {
    case .agentWorker(let facts):
      return facts.workerRun.map {
        WorkerClaim(worker: facts.worker, runID: $0, sequence: nil, pid: facts.pid, says: .isThere)
      }
    case .agentState(let facts):
      guard let worker = facts.worker, let run = facts.mark.run else { return nil }
      return WorkerClaim(
        worker: worker, runID: run, sequence: facts.mark.sequence, pid: workers[worker]?.pid,
        says: WorkerClaim.Saying(facts.cause))
    case .agentWorkerExited(let facts):
      guard let run = facts.mark.run else { return nil }
      return WorkerClaim(
        worker: facts.worker, runID: run, sequence: facts.mark.sequence,
        pid: workers[facts.worker]?.pid,
        says: .hasEnded(
          facts.end, how: facts.how, hasServed: workers[facts.worker]?.hasServed ?? false))
    default: return nil
    }
  }
}

extension AgentWorkerExitFacts {
  /// How the process ended, as the end of a sentence.
  var how: String {
    if let signal {
      return outOfMemory ? "ended by \(signal), out of memory" : "ended by \(signal)"
    }
    return status.map { "ended with status \($0)" } ?? "could not be started"
  }
}
