/// The lines that explain what happens next: a failure, the hard limit, the budget, a bad
/// configuration; and those that tell how far the boot is.
struct Explanations: Sendable {
  /// What the owner of the machine has said that something must follow on.
  private enum Pending {
    case nothing
    /// `boot_failed` sums them up.
    case configErrors
    /// `boot_failed` explains it.
    case hardLimit
    /// The drain follows.
    case failure
    /// The boot ends at this time.
    case budget(at: Int64, afterFailure: Bool)
  }

  private let level: LogLevel
  private let budget: Interval?
  private var pending = Pending.nothing
  private var hadConfigErrors = false
  private var hadHardLimit = false
  private var hadBudget = false

  init(loggedConfig config: JSONValue) {
    level = LogLevel(loggedConfig: config)
    budget = config["BOOT_BUDGET_MS"]?.decimal.flatMap {
      $0 > 0 && $0 < 1e12 ? .seconds($0 / 1000) : nil
    }
  }

  /// Whether something must follow at once.
  var isPending: Bool { if case .nothing = pending { false } else { true } }

  /// Whether a failure was explained that has not led to its drain yet.
  var isFailing: Bool {
    switch pending {
    case .failure, .budget(_, afterFailure: true): true
    case .nothing, .configErrors, .hardLimit, .budget: false
    }
  }

  /// Judges a line before the machine takes it.
  mutating func take(_ line: LogLine, _ machine: Machine) throws(Breach) {
    switch line.event {
    case .configError: try configError(machine.state)
    case .bootFailed(let phase, _): try bootFailed(phase, machine.state)
    case .hardLimitExceeded(let boot, let counted, let limit, let phases):
      let told = HardLimitTimes(boot: boot, counted: counted, limit: limit, phases: phases)
      try hardLimit(told, line, machine)
    case .budgetExceeded(let boot, let milliseconds): try budget(boot, milliseconds, line)
    case .bootProgress(let phase, _): try progress(phase, machine.state.name)
    case .fetchRetry:
      guard machine.state.name == .fetching, machine.state.hasBegun else {
        throw Breach(.retriesWhileFetching, "nothing is fetched in \(machine.state.name.rawValue)")
      }
    case .drain, .runtimeReady: break
    default: try other(line.event)
    }
  }

  /// Any other line of the owner comes where nothing must follow at once.
  private func other(_ event: LogEvent) throws(Breach) {
    guard event.clock == .ofOwner else { return }
    switch pending {
    case .nothing: return
    case .configErrors:
      throw Breach(
        .configurationIsToldWhole, "config_error is followed by boot_failed",
        allowed: ["config_error", "boot_failed"])
    case .hardLimit: throw Breach(.hardLimitIsTold, Self.beforeFailure, allowed: ["boot_failed"])
    case .failure:
      throw Breach(
        .explanationLeadsToTheEnd, "boot_failed is followed by the drain that it explains",
        allowed: ["drain"])
    case .budget: throw Breach(.budgetIsTold, Self.afterBudget)
    }
  }

  private static let beforeFailure = "the hard limit's line is followed by boot_failed"
  private static let afterBudget = "it stands between the budget's line and the end of the boot"

  private mutating func configError(_ state: State) throws(Breach) {
    if isFailing {
      throw Breach(
        .configurationIsToldWhole, "it comes after the boot_failed that sums it up",
        allowed: ["drain"])
    }
    guard !state.hasBegun else {
      throw Breach(.configurationIsToldWhole, "the configuration is read before the boot")
    }
    (pending, hadConfigErrors) = (.configErrors, true)
  }

  private mutating func bootFailed(_ phase: StateName, _ state: State) throws(Breach) {
    let expected = state.name == .ready ? .loading : state.name
    guard phase == expected else {
      throw Breach(
        .explanationLeadsToTheEnd, "its phase is not the state, \(state.name.rawValue)",
        allowed: ["phase \(expected.rawValue)"])
    }
    if case .budget = pending { throw Breach(.budgetIsTold, Self.afterBudget) }
    if isFailing { throw Breach(.explanationLeadsToTheEnd, "a failure is explained once") }
    pending = .failure
  }

  struct HardLimitTimes: Equatable {
    var boot: Int64
    var counted: Int64
    var limit: Int64
    var phases: PhaseTimes
  }

  private mutating func hardLimit(
    _ told: HardLimitTimes, _ line: LogLine, _ machine: Machine
  ) throws(Breach) {
    if isFailing {
      throw Breach(.hardLimitIsTold, "it comes after the boot_failed that explains it")
    }
    if hadHardLimit { throw Breach(.hardLimitIsTold, "the hard limit is told of once") }
    let known = machine.state.phases(at: Instant(milliseconds: line.uptimeMilliseconds))
    let limit = machine.policy.hardLimit?.milliseconds ?? 0
    let expected = HardLimitTimes(
      boot: line.uptimeMilliseconds, counted: known.counted.milliseconds, limit: limit,
      phases: PhaseTimes(known))
    guard told == expected, machine.policy.hardLimit != nil else {
      throw Breach(
        .hardLimitIsTold, "its times are not the machine's",
        missedBy: abs(told.counted - expected.counted),
        allowed: [
          "boot_ms \(expected.boot)", "counted_ms \(expected.counted)", "hard_limit_ms \(limit)",
          "phases_ms \(expected.phases.text)",
        ])
    }
    guard machine.state.timers(machine.policy)[.hardLimit] != nil else {
      throw Breach(.hardLimitIsTold, "no hard limit runs in \(machine.state.name.rawValue)")
    }
    guard told.counted >= told.limit else {
      throw Breach(
        .noTimerFiresEarly, "its counted_ms has not reached the limit",
        missedBy: told.limit - told.counted)
    }
    (pending, hadHardLimit) = (.hardLimit, true)
  }

  private mutating func budget(
    _ boot: Int64, _ milliseconds: Int64, _ line: LogLine
  ) throws(Breach) {
    guard !hadBudget else { throw Breach(.budgetIsTold, "the budget is told of once") }
    guard boot == line.uptimeMilliseconds, milliseconds == budget?.milliseconds,
      boot >= milliseconds
    else {
      throw Breach(
        .budgetIsTold, "its times are not the run's", missedBy: abs(boot - line.uptimeMilliseconds),
        allowed: [
          "boot_ms \(line.uptimeMilliseconds)", "budget_ms \(budget?.milliseconds ?? 0)",
        ])
    }
    hadBudget = true
    pending = .budget(at: boot, afterFailure: isFailing)
  }

  /// A worker that is killed may still be said to load for a moment.
  private func progress(_ phase: StateName, _ state: StateName) throws(Breach) {
    guard phase == state || phase == .loading && state == .draining else {
      throw Breach(
        .progressNamesThePhase, "its phase is not the state, \(state.rawValue)",
        allowed: ["phase \(state.rawValue)"])
    }
  }

  /// Judges a transition once the machine has made it.
  mutating func moved(_ line: LogLine, from previous: State, to next: State) throws(Breach) {
    defer { (pending, hadHardLimit) = (.nothing, false) }
    try checkFailure(line.event, next)
    try checkBudget(line, from: previous, to: next)
  }

  /// A drain that nobody asked for is explained before, and what was explained comes.
  private func checkFailure(_ event: LogEvent, _ next: State) throws(Breach) {
    guard case .draining(let draining) = next, !draining.cause.isAsked,
      case .drain(let transition, _, _) = event
    else {
      if isFailing {
        throw Breach(
          .explanationLeadsToTheEnd, "boot_failed is followed by the drain that it explains",
          allowed: ["drain"])
      }
      switch pending {
      case .configErrors:
        throw Breach(.configurationIsToldWhole, "config_error is followed by boot_failed")
      case .hardLimit: throw Breach(.hardLimitIsTold, Self.beforeFailure)
      case .nothing, .failure, .budget: return
      }
    }
    guard isFailing else { throw Breach(.failureIsExplained, "no boot_failed tells why") }
    guard (transition.cause == "configuration") == hadConfigErrors else {
      throw Breach(
        .configurationIsToldWhole, "\(hadConfigErrors ? "a" : "no") config_error tells why")
    }
    guard (transition.cause == "hard_limit") == hadHardLimit else {
      throw Breach(
        .hardLimitIsTold, "\(hadHardLimit ? "a" : "no") line tells of the hard limit")
    }
  }

  /// The budget's line is there when the first boot ends later than that, and only then.
  private func checkBudget(
    _ line: LogLine, from previous: State, to next: State
  ) throws(Breach) {
    let bootEnds: Bool
    switch next {
    case .ready: bootEnds = !previous.wasReady
    case .draining(let draining): bootEnds = !previous.wasReady && !draining.cause.isAsked
    case .fetching, .verifying, .installing, .loading, .stopped: bootEnds = false
    }
    if case .budget(let time, _) = pending {
      guard bootEnds else { throw Breach(.budgetIsTold, "it does not end the first boot") }
      guard time == line.uptimeMilliseconds else {
        throw Breach(.budgetIsTold, "uptime_ms", is: line.uptimeMilliseconds, insteadOf: time)
      }
      return
    }
    guard let budget, level <= .warning, bootEnds, previous.hasBegun else { return }
    let excess = Instant(milliseconds: line.uptimeMilliseconds) - .start - budget
    guard excess <= .zero else {
      throw Breach(
        .budgetIsTold, "no line tells that the budget was exceeded",
        missedBy: excess.milliseconds, allowed: ["Boot time exceeded budget"])
    }
  }
}

extension State {
  /// Whether the boot has begun.
  var hasBegun: Bool {
    if case .fetching(let fetching) = self { fetching.begunAt != nil } else { true }
  }
}

extension PhaseTimes {
  /// As a person reads it.
  var text: String { "fetch \(fetch), verify \(verify), install \(install), load \(load)" }
}
