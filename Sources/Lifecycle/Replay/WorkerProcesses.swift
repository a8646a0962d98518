/// The agent's processes as a log tells of them: who serves, who is to take its place, who was
/// replaced and has not ended yet.
struct WorkerProcesses: Sendable {
  /// A reload, from `reload_started` to its end.
  private struct Reload {
    let startedAt: Int64
    /// nil: not started yet.
    var successor: Int?
  }

  private var running: Set<Int> = []
  /// Who serves, or loads for the machine.
  private var current: (pid: Int, attempt: Int)?
  private var reload: Reload?
  private(set) var lastAttempt = 0
  /// Whether a worker was replaced: it may still have requests.
  private(set) var hasReplaced = false

  /// What is wrong with a `worker_started`; nil: nothing.
  mutating func started(_ pid: Int, _ attempt: Int, _ state: State) -> String? {
    let isReload = state.name == .ready && reload != nil
    if state.name == .loading, reload != nil { return "the reload before has not ended" }
    guard state.name == .loading || state.name == .ready, state.attempt == attempt else {
      return "no worker \(attempt) is to be started"
    }
    guard isReload ? reload?.successor == nil : attempt > lastAttempt else {
      return "worker \(attempt) was started before"
    }
    guard running.insert(pid).inserted else { return "process \(pid) has not ended" }
    if isReload {
      reload?.successor = pid
    } else {
      (lastAttempt, current) = (attempt, (pid, attempt))
    }
    return nil
  }

  enum End { case unknown, ofCurrent, ofOther }

  mutating func ended(_ pid: Int, _ state: State) -> End {
    guard running.remove(pid) != nil else { return .unknown }
    guard let current, current.pid == pid, current.attempt == state.attempt else { return .ofOther }
    return .ofCurrent
  }

  mutating func reloadStarted(_ pid: Int, _ state: State, at uptime: Int64) -> String? {
    guard state.name == .ready else { return "nothing is replaced in \(state.name.rawValue)" }
    guard reload == nil else { return "the reload before has not ended" }
    guard current?.pid == pid, running.contains(pid) else { return "process \(pid) does not serve" }
    reload = Reload(startedAt: uptime)
    return nil
  }

  mutating func reloadFinished(_ facts: ReloadFacts, _ state: State, at uptime: Int64) -> String? {
    guard state.name == .ready else { return "nothing is replaced in \(state.name.rawValue)" }
    guard let begun = reload else { return "no reload_started tells of it" }
    guard begun.successor == facts.pid, running.contains(facts.pid) else {
      return "process \(facts.pid) was not started for it"
    }
    guard let served = current, served.pid == facts.replaced else {
      return "process \(facts.replaced) did not serve"
    }
    guard facts.loadMilliseconds <= uptime - begun.startedAt else {
      return "its load_ms is longer than the reload"
    }
    current = (facts.pid, served.attempt)
    (reload, hasReplaced) = (nil, true)
    return nil
  }

  /// An event may have led out of ready meanwhile; but what was started for it has ended.
  mutating func reloadFailed(_ state: State) -> String? {
    guard [.ready, .loading, .draining].contains(state.name) else {
      return "nothing is replaced in \(state.name.rawValue)"
    }
    guard let begun = reload else { return "no reload_started tells of it" }
    if let successor = begun.successor, running.contains(successor) {
      return "process \(successor) has not ended"
    }
    reload = nil
    return nil
  }

  /// A run does not end in the middle of a reload.
  func trouble(in next: State) -> String? {
    reload != nil && next.name == .stopped ? "the reload has no end" : nil
  }
}
