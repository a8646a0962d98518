/// Goes the way of one run through the machine's table, from the lines of its log.
///
/// The log tells every transition, and more: a timer whose time was over fired, for a driver keeps armed
/// exactly the timers of the state; the end of an agent's process has a line. What neither says stays
/// unknown: an event that was ignored, or when in a drain nothing was in flight any more.
struct CoverageWalk {
  private var machine = Machine(policy: Policy())
  private var time = Instant.start
  /// Whether the worker's end was told of, after which there is no restart.
  private var isLost = false
  private(set) var coverage: Coverage

  init(_ coverage: Coverage) { self.coverage = coverage }

  /// Takes the run's lines, the last of which is `last`.
  mutating func take(_ history: History, through last: Int64) {
    for (index, moment) in history.moments.enumerated() where moment.sequence <= last {
      // Behind the gap of a very long life the machine's state is not known any more.
      if history.leftOut > 0, index >= History.limit / 2 { break }
      take(moment.event, at: Instant(milliseconds: moment.uptimeMilliseconds))
    }
  }

  private mutating func take(_ event: LogEvent, at now: Instant) {
    time = max(time, now)
    switch event {
    case .runStarted(_, _, _, _, let config):
      machine = Machine(policy: Policy(loggedConfig: config))
    case .illegalEvent(let state, _): coverage.countIllegal(in: state)
    case .workerExited(let exit):
      isLost = !exit.asked && !exit.willRestart
      if case .draining(let draining) = machine.state { ended(exit, draining) }
    case .budgetExceeded, .hardLimitExceeded, .configError, .bootFailed, .bootProgress,
      .fetchRetry, .workerStarted, .reloadStarted, .reloadFinished, .reloadFailed,
      .requestAborted, .warning, .logDropped, .agentOutput, .request, .slowRequest,
      .supervisor:
      break
    case .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped:
      guard let transition = event.transition else { return }
      fireTimers()
      if transition.cause == Failure.failure.rawValue, let event = failure {
        send(event, at: time)
      } else {
        for move in machine.state.moves(for: event, at: time, machine.policy) ?? [] {
          send(move.event, at: move.at)
        }
      }
      isLost = false
      coverage.countEntry(transition)
    }
  }

  /// What a failure came from, where the lines before tell; nil: from the work of a phase itself.
  private var failure: Event? {
    if let due = machine.state.timers(machine.policy)[.loadTimeout], due <= time {
      return .timerFired(.loadTimeout)
    }
    guard isLost, let attempt = machine.state.attempt else { return nil }
    return .workerLost(attempt: attempt, jitter: 0)
  }

  /// An agent's process ends in a drain: when it was asked to before its last time to be asked, nothing
  /// was in flight.
  private mutating func ended(_ exit: WorkerExit, _ draining: Draining) {
    guard draining.workerRuns else { return }
    fireTimers()
    if case .draining(let now) = machine.state, exit.asked, now.stage == .closing, !now.isIdle {
      send(.nothingInFlight, at: time)
    }
    send(.workerLost(attempt: 0, jitter: 0), at: time)
  }

  /// Lets the timers of a drain fire whose time is over, in their order.
  private mutating func fireTimers() {
    while case .draining = machine.state {
      let due = machine.state.timers(machine.policy).filter {
        $0.value <= time && $0.key != .drainDeadline
      }
      guard let next = due.min(by: { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) })
      else { return }
      send(.timerFired(next.key), at: next.value)
    }
  }

  private mutating func send(_ event: Event, at now: Instant) {
    let before = machine.state
    let policy = machine.policy
    let step = machine.handle(event, at: now)
    coverage.count(event, in: before, at: now, step, policy)
  }
}
