extension SupervisionPolicy {
  /// What of a supervisor's configuration, as its first line has it, the machine decides by.
  init(loggedConfig config: JSONValue) {
    self.init()
    // A supervisor is configured by the names of a run.
    let worker = Policy(loggedConfig: config)
    drainDeadline = worker.drainDeadline
    // The bounds of a worker's own boot together, and time for its drain after a failure.
    bootPatience =
      worker.fetchTimeout + worker.installTimeout
      + max(worker.loadTimeout, worker.hardLimit ?? .zero) + workerDeadline + .seconds(30)
  }
}

extension SupervisorLine {
  /// Each number is one that can be: `Promise.valuesInRange`.
  func checkRanges() throws(Breach) {
    switch self {
    case .started(_, _, _, let pid, _): try Self.process(Int64(pid))
    case .desiredState, .desiredRefused, .agentTargetFailed, .agentRemoved, .illegalEvent: break
    case .loaded(let agents): try Self.count("agents", Int64(agents))
    case .agentDeploy(let deployment, _):
      try Self.count("restart.max", Int64(deployment.restarts.maximum))
      try Self.count("restart.window_ms", deployment.restarts.window.milliseconds)
      try Self.revision(deployment.revision)
    case .agentWorker(let facts):
      try Self.worker(facts.worker)
      try Self.process(Int64(facts.pid))
      try Self.revision(facts.revision)
      if let port = facts.port { try Self.count("port", Int64(port), from: 1, to: 65_535) }
    case .agentState(let facts):
      if let worker = facts.worker { try Self.worker(worker) }
      try Self.mark(facts.mark)
    case .agentTraffic(_, let from, let to):
      for worker in [from, to].compactMap(\.self) { try Self.worker(worker) }
    case .agentWorkerStop(let facts): try Self.worker(facts.worker)
    case .agentWorkerExited(let facts):
      try Self.worker(facts.worker)
      try Self.mark(facts.mark)
      try Self.count("restarts", Int64(facts.restarts))
      if let delay = facts.delayMilliseconds { try Self.count("delay_ms", delay) }
      if let status = facts.status { try Self.count("status", Int64(status), to: 255) }
    case .adminRequest(let facts): try Self.count("status", Int64(facts.status), to: 999)
    case .ready(let ready, let failed, let milliseconds):
      try Self.count("ready", Int64(ready))
      try Self.count("failed", Int64(failed))
      try Self.count("settle_ms", milliseconds)
    case .draining(_, let inFlight, let deadline):
      try Self.count("in_flight", Int64(inFlight))
      try Self.count("deadline_ms", deadline)
    case .stopped(let facts):
      try Self.count("exit_code", Int64(facts.exitCode), to: 1)
      try Self.count("completed", Int64(facts.completed))
      try Self.count("aborted", Int64(facts.aborted))
      try Self.count("drain_ms", facts.drainMilliseconds)
    }
  }

  /// More than 285,000 years in milliseconds is no time, and no count either.
  private static func count(
    _ field: String, _ value: Int64, from least: Int64 = 0, to most: Int64 = 1 << 53
  ) throws(Breach) {
    guard value >= least, value <= most else {
      throw Breach(
        .valuesInRange, "its \(field) is \(value)",
        allowed: ["\(field) from \(least)" + (most < 1 << 53 ? " to \(most)" : "")])
    }
  }

  private static func worker(_ number: Int) throws(Breach) {
    try count("worker", Int64(number), from: 1)
  }

  private static func process(_ pid: Int64) throws(Breach) { try count("pid", pid, from: 1) }

  private static func mark(_ mark: WorkerMark) throws(Breach) {
    if let sequence = mark.sequence { try count("worker_seq", sequence, from: 1) }
    guard mark.run != nil || mark.sequence == nil else {
      throw Breach(.valuesInRange, "it names a line of a worker's log that it does not name")
    }
  }

  private static func revision(_ text: String) throws(Breach) {
    let isRevision =
      !text.isEmpty
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
    guard isRevision else {
      throw Breach(.valuesInRange, "its revision is not of hexadecimal digits")
    }
  }
}
