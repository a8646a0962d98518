/// A supervisor's workers as its lines tell of them.
struct ToldWorkers: Sendable {
  struct Worker: Sendable {
    let agent: String
    let revision: String
    /// Nil until `agent_worker` tells of the process.
    var pid: Int?
    /// The `run_id` of its own log, once a line names it.
    var run: String?
    /// The latest line of it that was named.
    var sequence: Int64 = 0
    /// Whether requests went to it.
    var hasServed = false
  }

  /// Those that have not ended, by their numbers.
  private var workers: [Int: Worker] = [:]
  /// The latest that has ended: what its end leads to names its last line too.
  private var lastEnd: (worker: Int, mark: WorkerMark)?

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
  mutating func note(_ line: SupervisorLine) throws(Breach) {
    switch line {
    case .agentTraffic(_, _, let worker?): workers[worker]?.hasServed = true
    case .agentState(let facts):
      if let worker = facts.worker { try note(facts.mark, of: worker) }
    case .agentWorkerStop(let facts):
      try note(WorkerMark(run: facts.workerRun, sequence: nil), of: facts.worker)
    default: break
    }
  }

  /// A worker has one run, of which a later line names no earlier one.
  private mutating func note(_ mark: WorkerMark, of worker: Int) throws(Breach) {
    guard let known = workers[worker] else {
      guard let lastEnd, lastEnd.worker == worker else { return }
      guard mark.run == lastEnd.mark.run,
        (mark.sequence ?? lastEnd.mark.sequence) == lastEnd.mark.sequence
      else {
        throw Breach(
          .workersEndOnce, "it names another line than the last one of worker \(worker)",
          allowed: ["worker_seq \(lastEnd.mark.sequence.map(String.init) ?? "null")"])
      }
      return
    }
    guard let run = mark.run else {
      guard known.run == nil else {
        throw Breach(
          .viewOfProcess, "the run of worker \(worker) was known before",
          allowed: ["worker_run \(known.run ?? "")"])
      }
      return
    }
    guard known.run == nil || known.run == run else {
      throw Breach(
        .viewOfProcess, "its worker_run is not that of the lines before about worker \(worker)",
        allowed: ["worker_run \(known.run ?? "")"])
    }
    if known.run == nil, let other = workers.first(where: { $0.value.run == run })?.key {
      throw Breach(.viewOfProcess, "that run is that of worker \(other)")
    }
    workers[worker]?.run = run
    guard let sequence = mark.sequence else { return }
    guard sequence >= known.sequence else {
      throw Breach(
        .viewOfState, "a later line of worker \(worker) was named before",
        allowed: ["worker_seq from \(known.sequence) on"])
    }
    workers[worker]?.sequence = sequence
  }

  mutating func forget(_ worker: Int, _ mark: WorkerMark) {
    workers[worker] = nil
    lastEnd = (worker, mark)
  }

  /// Judges what is said of the end of one, as far as the machine knows nothing of it.
  mutating func checkEnd(_ facts: AgentWorkerExitFacts) throws(Breach) {
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
    try note(facts.mark, of: facts.worker)
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
