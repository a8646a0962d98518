/// A worker on its way out.
public struct RetiringWorker: Sendable, Equatable {
  public enum Stage: Sendable, Equatable {
    /// It was asked to stop then.
    case stopping(since: Instant)
    /// Its end is still to be reported.
    case killing
  }

  public let worker: Int
  public internal(set) var stage: Stage
}

/// What one agent's step does beyond its state, gathered while the state decides, and thrown away when
/// that refuses the event.
struct AgentTurn {
  let agent: String
  let now: Instant
  let policy: SupervisionPolicy
  /// The number of the next worker of the supervisor's life.
  private(set) var nextWorker: Int
  var retiring: [RetiringWorker]
  private(set) var effects: [SupervisorEffect] = []
  private(set) var stops: [WorkerStop] = []
  private(set) var failedTargets: [FailedTarget] = []
  private(set) var restart: PlannedRestart?

  init(
    agent: String, now: Instant, policy: SupervisionPolicy, nextWorker: Int,
    retiring: [RetiringWorker]
  ) {
    self.agent = agent
    self.now = now
    self.policy = policy
    self.nextWorker = nextWorker
    self.retiring = retiring
  }

  // MARK: Workers

  /// Starts a worker of that version, or lets it wait for the ends of those before it.
  mutating func begin(_ version: AgentVersion) -> BootProgress {
    guard hasRoom(for: version) else { return .awaiting }
    let worker = nextWorker
    nextWorker += 1
    effects.append(.start(agent: agent, worker: worker, revision: version.revision))
    return .booting(worker: worker, since: now)
  }

  func hasRoom(for version: AgentVersion) -> Bool { version.hasRoom(beside: retiring, policy) }

  /// After the end of a worker that was on its way out: what waited for it begins, if that was the last
  /// one needed.
  mutating func resume(_ version: AgentVersion, _ progress: BootProgress) -> BootProgress {
    switch progress {
    case .awaiting: begin(version)
    case .delayed(let until, _): until <= now && hasRoom(for: version) ? begin(version) : progress
    case .booting: progress
    }
  }

  mutating func stop(_ worker: Int, _ cause: WorkerStop.Cause) {
    retiring.append(RetiringWorker(worker: worker, stage: .stopping(since: now)))
    effects.append(.stop(agent: agent, worker: worker))
    stops.append(
      WorkerStop(agent: agent, worker: worker, isForced: false, cause: cause, reason: nil))
  }

  mutating func stop(_ progress: BootProgress, _ cause: WorkerStop.Cause) {
    switch progress {
    case .awaiting, .delayed: break
    case .booting(let worker, _): stop(worker, cause)
    }
  }

  mutating func stop(_ change: AgentChange?, _ cause: WorkerStop.Cause) {
    guard case .rolling(_, let progress) = change else { return }
    stop(progress, cause)
  }

  mutating func kill(_ worker: Int, _ cause: WorkerStop.Cause, reason: String? = nil) {
    let killed = RetiringWorker(worker: worker, stage: .killing)
    if let place = retiring.firstIndex(where: { $0.worker == worker }) {
      retiring[place] = killed
    } else {
      retiring.append(killed)
    }
    effects.append(.kill(agent: agent, worker: worker))
    stops.append(
      WorkerStop(agent: agent, worker: worker, isForced: true, cause: cause, reason: reason))
  }

  // MARK: Losses

  /// A worker of that version is gone: its next one begins, at once or after a delay. Nil when that
  /// was one restart too many.
  mutating func restart(
    _ version: AgentVersion, after worker: Int, chance: Double, isProven: Bool
  ) -> (version: AgentVersion, progress: BootProgress)? {
    guard let next = version.restarted(at: now, isProven: isProven) else { return nil }
    let count = next.restarts.count
    let delay = SupervisionPolicy.restartDelay(after: count - 1, chance: chance)
    restart = PlannedRestart(agent: agent, restarts: count, delay: delay)
    if delay > .zero { return (next, .delayed(until: now + delay, after: worker)) }
    return (next, begin(next))
  }

  mutating func note(failed target: FailedTarget) { failedTargets.append(target) }
}

extension WorkerEnd {
  /// Whether a version that never was Ready may be tried again.
  var isCrash: Bool {
    switch self {
    case .crashed, .asked: true
    case .gaveUp, .couldNotStart: false
    }
  }

  /// Why it ended, when nobody here asked it to.
  var unaskedReason: String {
    switch self {
    case .asked: "the worker stopped, though the supervisor had not asked it to"
    case .gaveUp(let reason), .crashed(let reason), .couldNotStart(let reason): reason
    }
  }
}

extension AgentVersion {
  /// Whether a worker of it may start beside those on their way out.
  func hasRoom(beside retiring: [RetiringWorker], _ policy: SupervisionPolicy) -> Bool {
    deployment.surge ? retiring.count < policy.retiringMaximum : retiring.isEmpty
  }

  /// Why it is given up after that.
  func usedUp(_ reason: String) -> String {
    deployment.restarts.maximum == 0
      ? reason
      : "\(reason); its \(deployment.restarts.maximum) restarts are used up"
  }
}

extension SupervisionPolicy {
  var bootTimedOut: String { "it was not Ready after \(bootPatience.milliseconds / 1000) s" }
  var drainTimedOut: String { "it drained for more than \(drainPatience.milliseconds / 1000) s" }
}
