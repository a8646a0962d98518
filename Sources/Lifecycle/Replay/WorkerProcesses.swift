/// The agent's processes as a log tells of them: who serves, who is to take its place, who was
/// replaced and has not ended yet.
struct WorkerProcesses: Sendable {
  /// A reload, from `reload_started` to its end.
  private struct Reload {
    let startedAt: Int64
    /// nil: not started yet.
    var successor: (pid: Int, startedAt: Int64)?
  }

  /// Who an end is of.
  enum End {
    case ofCurrent
    /// The worker of the attempt before, killed because it was not ready in time.
    case ofPrevious
    /// One that was replaced, or that was to replace another.
    case ofOther
  }

  private var running: Set<Int> = []
  /// Who serves, or loads for the machine.
  private var current: (pid: Int, attempt: Int)?
  private var reload: Reload?
  private(set) var lastAttempt = 0
  /// When the process of the last attempt was started, in milliseconds of uptime.
  private(set) var lastStart: Int64 = 0
  /// Whether a worker was replaced: it may still have requests.
  private(set) var hasReplaced = false

  mutating func started(
    _ pid: Int, _ attempt: Int, _ state: State, at uptime: Int64
  ) throws(Breach) {
    let isReload = state.name == .ready && reload != nil
    if state.name == .loading, reload != nil {
      throw Breach(.reloadBeginsAndEnds, "the reload before has not ended")
    }
    guard state.name == .loading || state.name == .ready, state.attempt == attempt else {
      throw Breach(
        .workerIsStarted, "no worker \(attempt) is to be started",
        allowed: state.attempt.map { ["attempt \($0)"] } ?? [])
    }
    guard isReload ? reload?.successor == nil : attempt > lastAttempt else {
      throw Breach(.workerIsStarted, "worker \(attempt) was started before")
    }
    guard running.insert(pid).inserted else {
      throw Breach(.processEndsOnce, "process \(pid) has not ended")
    }
    if isReload {
      reload?.successor = (pid, uptime)
    } else {
      (lastAttempt, lastStart, current) = (attempt, uptime, (pid, attempt))
    }
  }

  mutating func ended(_ pid: Int, _ state: State) throws(Breach) -> End {
    guard running.remove(pid) != nil else {
      throw Breach(
        .processEndsOnce, "no worker with process \(pid) runs",
        allowed: running.sorted().map { "pid \($0)" })
    }
    guard let current, current.pid == pid else { return .ofOther }
    guard let attempt = state.attempt, attempt != current.attempt else { return .ofCurrent }
    return .ofPrevious
  }

  // MARK: Reloads

  mutating func reloadStarted(_ pid: Int, _ state: State, at uptime: Int64) throws(Breach) {
    try checkReady(state)
    guard reload == nil else {
      throw Breach(.reloadBeginsAndEnds, "the reload before has not ended")
    }
    guard current?.pid == pid, running.contains(pid) else {
      throw Breach(
        .reloadReplaces, "process \(pid) does not serve",
        allowed: current.map { ["pid \($0.pid)"] } ?? [])
    }
    if let other = running.first(where: { $0 != pid }) {
      throw Breach(
        .reloadBeginsAndEnds, "process \(other), which was replaced, has not ended",
        allowed: ["worker_exited pid \(other)"])
    }
    reload = Reload(startedAt: uptime)
  }

  mutating func reloadFinished(
    _ facts: ReloadFacts, _ state: State, at uptime: Int64
  ) throws(Breach) {
    try checkReady(state)
    guard let begun = reload else {
      throw Breach(.reloadBeginsAndEnds, "no reload_started tells of it")
    }
    guard let successor = begun.successor, successor.pid == facts.pid, running.contains(facts.pid)
    else {
      throw Breach(
        .reloadReplaces, "process \(facts.pid) was not started for it",
        allowed: begun.successor.map { ["pid \($0.pid)"] } ?? [])
    }
    guard let served = current, served.pid == facts.replaced else {
      throw Breach(
        .reloadReplaces, "process \(facts.replaced) did not serve",
        allowed: current.map { ["replaced \($0.pid)"] } ?? [])
    }
    try checkLoad(facts.loadMilliseconds, begun, successor.startedAt, at: uptime)
    current = (facts.pid, served.attempt)
    (reload, hasReplaced) = (nil, true)
  }

  /// A reload's load is counted from between its line and that of its process; times are rounded down.
  private func checkLoad(
    _ load: Int64, _ reload: Reload, _ started: Int64, at uptime: Int64
  ) throws(Breach) {
    let (least, most) = (uptime - started - 1, uptime - reload.startedAt)
    guard load <= most else {
      throw Breach(
        .loadTime, "its load_ms is longer than the reload", missedBy: load - most,
        allowed: ["load_ms at most \(most)"])
    }
    guard load >= least else {
      throw Breach(
        .loadTime, "its load_ms is shorter than the life of its process", missedBy: least - load,
        allowed: ["load_ms from \(least) to \(most)"])
    }
  }

  /// An event may have led out of ready meanwhile; but what was started for it has ended.
  mutating func reloadFailed(_ state: State) throws(Breach) {
    guard [.ready, .loading, .draining].contains(state.name) else {
      throw Breach(.reloadBeginsAndEnds, "nothing is replaced in \(state.name.rawValue)")
    }
    guard let begun = reload else {
      throw Breach(.reloadBeginsAndEnds, "no reload_started tells of it")
    }
    if let successor = begun.successor, running.contains(successor.pid) {
      throw Breach(.reloadBeginsAndEnds, "process \(successor.pid) has not ended")
    }
    reload = nil
  }

  private func checkReady(_ state: State) throws(Breach) {
    guard state.name == .ready else {
      throw Breach(.reloadBeginsAndEnds, "nothing is replaced in \(state.name.rawValue)")
    }
  }

  // MARK: The end

  /// A run does not end in the middle of a reload, nor, drained, before its processes.
  func checkEnd(_ state: State) throws(Breach) {
    guard case .stopped(let stopped) = state else { return }
    if reload != nil { throw Breach(.reloadBeginsAndEnds, "the reload has no end") }
    if stopped.ending == .drained, let pid = running.min() {
      throw Breach(
        .everyWorkerEnds, "process \(pid) has not ended", allowed: ["worker_exited pid \(pid)"])
    }
  }
}
