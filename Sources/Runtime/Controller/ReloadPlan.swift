import Lifecycle

/// What becomes of the wish to replace the worker: one reload at a time, and at most two workers.
///
/// A wish that comes in the middle of a reload, or while the worker that was replaced still has
/// requests, is kept, and several are one: the worker that serves in the end was started after the
/// last of them.
struct ReloadPlan: Equatable {
  enum Stage: Equatable {
    case none
    /// The new worker loads beside the one that serves.
    case loading
    /// The new one serves; the one that it replaced has not ended yet.
    case retiring
  }

  enum Answer: Equatable {
    case begin
    /// When the reload before is over.
    case later
    /// Why not, as the end of a sentence.
    case refuse(String)
  }

  private(set) var stage = Stage.none
  private(set) var isWanted = false

  /// A reload is wished for.
  /// - Parameter hasWorker: whether the package has code that a process runs.
  mutating func ask(in state: StateName, hasWorker: Bool) -> Answer {
    switch state {
    case .fetching, .verifying, .installing, .loading:
      return .refuse("the agent is not ready; it is started in any case")
    case .draining, .stopped: return .refuse("the program stops")
    case .ready: break
    }
    guard hasWorker else { return .refuse("the package has no code that runs in a process") }
    guard stage == .none else {
      isWanted = true
      return .later
    }
    return .begin
  }

  mutating func began() { (stage, isWanted) = (.loading, false) }

  /// The new worker serves.
  mutating func replaced() { stage = .retiring }

  /// The new worker failed.
  /// - Returns: whether another reload is to begin.
  mutating func failed() -> Bool { over() }

  /// The worker that was replaced has ended.
  /// - Returns: as `failed`.
  mutating func retired() -> Bool { over() }

  /// The machine left ready: what comes next starts a worker anew, or none. One that was replaced
  /// still ends in its own time.
  mutating func leftReady() {
    isWanted = false
    if stage == .loading { stage = .none }
  }

  private mutating func over() -> Bool {
    stage = .none
    return isWanted
  }
}
