/// What happened to a supervisor. Facts are in the past tense; the one wish is `terminationRequested`.
public enum SupervisorEvent: Sendable, Equatable {
  /// An agent is wanted, or wanted otherwise. The revision that is wanted already changes nothing,
  /// unless the cause is a restart. A restart is ignored while a change of that agent runs; a driver
  /// refuses it before.
  case desired(Deployment)
  /// An agent is not wanted any more; one that is unknown is ignored.
  case removed(agent: String)
  /// The desired state at start is complete: every agent of it was `desired` before.
  case loaded
  /// News of the worker with that number, which the machine gave it in `start`.
  case worker(Int, agent: String, WorkerNews)
  case due(SupervisorTimer)
  case terminationRequested(Signal)
  /// The supervisor itself cannot go on.
  case failed(Failure)
}

/// What a worker's event log says, or its process does.
public enum WorkerNews: Sendable, Equatable {
  /// The process runs. Changes nothing: it is there for the log.
  case started(pid: Int)
  /// Its port answers, if only with 503. Changes nothing.
  case listening
  /// `runtime_ready`.
  case ready
  /// `load` after a first `runtime_ready`: its agent restarts, and it holds requests.
  case restarting
  /// `drain`.
  case draining
  /// Its log cannot be true, or is none: it is not believed any more, and is killed. `reason` is a
  /// sentence.
  case contradicted(reason: String)
  /// The process is gone, and its log read to the end; the last news of a worker. `chance` is a
  /// random number in 0 ..< 1 for the delay before a restart.
  case ended(WorkerEnd, chance: Double)
}

/// How a worker ended. Reasons are sentences.
public enum WorkerEnd: Sendable, Equatable {
  /// Its log ends with `stopped` after a signal: whether the supervisor asked, it knows itself.
  case asked
  /// Its log ends with `stopped` and a failure.
  case gaveUp(reason: String)
  /// Killed, or ended without `stopped`.
  case crashed(reason: String)
  /// There never was a process.
  case couldNotStart(reason: String)

  public var kind: Kind {
    switch self {
    case .asked: .asked
    case .gaveUp: .gaveUp
    case .crashed: .crashed
    case .couldNotStart: .couldNotStart
    }
  }

  /// Nil when it was asked to end.
  public var reason: String? {
    switch self {
    case .asked: nil
    case .gaveUp(let reason), .crashed(let reason), .couldNotStart(let reason): reason
    }
  }

  /// The kinds of end in the log's words.
  public enum Kind: String, Sendable, CaseIterable {
    case asked
    case gaveUp = "gave_up"
    case crashed
    case couldNotStart = "could_not_start"
  }
}

/// What a timer is for. Its due time is part of the state that runs it: `Supervision.timers`.
public enum SupervisorTimer: Sendable, Hashable {
  /// The delay before a worker is started again, after the end of that worker. (Two of one agent can
  /// run: its active version's and its target's.)
  case restart(agent: String, after: Int)
  /// A worker that neither becomes Ready nor ends.
  case boot(agent: String, worker: Int)
  /// A worker that drains and does not end.
  case drain(agent: String, worker: Int)
  /// Of the supervisor's own drain: first every worker is killed, then the process ends.
  case deadline
}
