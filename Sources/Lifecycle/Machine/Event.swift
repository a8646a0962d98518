/// What happened. Facts are in the past tense; the one wish is `terminationRequested`.
public enum Event: Sendable, Equatable {
  /// The configuration is read and the listeners are open: the boot begins.
  case started
  case packageFetched
  case packageVerified(Preparation)
  case environmentInstalled
  /// Every configured surface answers.
  case workerReady(attempt: Int)
  /// The worker's process ended, whatever its status. `jitter` is a random percentage (−20 … 20)
  /// for the delay before a restart.
  case workerLost(attempt: Int, jitter: Int)
  case failed(Failure)
  case terminationRequested(Signal)
  /// No request is in flight, and new ones are refused.
  case nothingInFlight
  case timerFired(Timer)
}

/// What Verifying found out about the way ahead.
public struct Preparation: Sendable, Equatable {
  /// Where the agent's environment comes from: no own one is needed, the cache has it, it must be
  /// installed.
  public enum Environment: String, Sendable, CaseIterable { case none, hit, miss }

  public var environment: Environment
  /// Whether there is agent code to run; a package whose only surface is `ui` has none.
  public var hasWorker: Bool

  public init(environment: Environment, hasWorker: Bool) {
    self.environment = environment
    self.hasWorker = hasWorker
  }
}

/// Why the program gives up by itself.
public enum Failure: String, Sendable, CaseIterable {
  case configuration
  case failure
}

/// The two signals that ask the program to stop.
public enum Signal: String, Sendable, CaseIterable {
  case terminate = "SIGTERM"
  case interrupt = "SIGINT"
}
