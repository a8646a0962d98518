/// One field of a line, and what it should say.
struct FieldChange {
  var name: String
  var old: String
  var new: String
  /// The event with this field changed.
  var event: LogEvent
}

/// What differs between two events of the same kind, field by field.
struct FieldDifferences {
  private(set) var list: [FieldChange] = []

  init(from old: LogEvent, to new: LogEvent) {
    switch (old, new) {
    case (.fetch(let old, let source, let url), .fetch(let new, _, _)):
      add(old, new) { .fetch($0, source: source, url: url) }
    case (.verify(let old, let bytes, let time), .verify(let new, _, let newTime)):
      add(old, new) { .verify($0, bytes: bytes, fetchMilliseconds: time) }
      add("fetch_ms", time, newTime) { .verify(old, bytes: bytes, fetchMilliseconds: $0) }
    case (.install(let old, let facts), .install(let new, let newFacts)):
      add(old, new) { .install($0, facts) }
      add("environment.cache", \.environmentCache, facts, newFacts) { .install(old, $0) }
    case (.load(let old, let facts), .load(let new, let newFacts)):
      add(old, new) { .load($0, facts) }
      add("package", \.package, facts, newFacts) { .load(old, $0) }
      add("surfaces", \.surfaces, facts, newFacts) { .load(old, $0) }
    case (.runtimeReady(let old, let facts), .runtimeReady(let new, let newFacts)):
      add(old, new) { .runtimeReady($0, facts) }
      addReady(old, facts, newFacts)
    case (.drain(let old, let count, let time), .drain(let new, _, let newTime)):
      add(old, new) { .drain($0, inFlight: count, deadlineMilliseconds: time) }
      add("deadline_ms", time, newTime) {
        .drain(old, inFlight: count, deadlineMilliseconds: $0)
      }
    case (.stopped(let old, let facts), .stopped(let new, let newFacts)):
      add(old, new) { .stopped($0, facts) }
      add("exit_code", \.exitCode, facts, newFacts) { .stopped(old, $0) }
      add("outcome", \.outcome, facts, newFacts) { .stopped(old, $0) }
      add("drain_ms", \.drainMilliseconds, facts, newFacts) { .stopped(old, $0) }
      add("aborted", \.aborted, facts, newFacts) { .stopped(old, $0) }
      add("completed", \.completed, facts, newFacts) { .stopped(old, $0) }
    case (.workerExited(let facts), .workerExited(let newFacts)): addExit(facts, newFacts)
    case (.workerStarted(let pid, let attempt), .workerStarted(let newPID, let newAttempt)):
      add("pid", pid, newPID) { .workerStarted(pid: $0, attempt: attempt) }
      add("attempt", attempt, newAttempt) { .workerStarted(pid: pid, attempt: $0) }
    case (.reloadStarted(let pid), .reloadStarted(let newPID)):
      add("pid", pid, newPID) { .reloadStarted(pid: $0) }
    case (.reloadFinished(let facts), .reloadFinished(let newFacts)):
      add("pid", \.pid, facts, newFacts) { .reloadFinished($0) }
      add("replaced", \.replaced, facts, newFacts) { .reloadFinished($0) }
      add("load_ms", \.loadMilliseconds, facts, newFacts) { .reloadFinished($0) }
    case (.bootFailed(let phase, let explanation), .bootFailed(let newPhase, _)):
      add("phase", phase, newPhase) { .bootFailed(phase: $0, explanation) }
    case (.budgetExceeded(let boot, let budget), .budgetExceeded(let newBoot, let newBudget)):
      add("boot_ms", boot, newBoot) {
        .budgetExceeded(bootMilliseconds: $0, budgetMilliseconds: budget)
      }
      add("budget_ms", budget, newBudget) {
        .budgetExceeded(bootMilliseconds: boot, budgetMilliseconds: $0)
      }
    case (.hardLimitExceeded, .hardLimitExceeded): addHardLimit(old, new)
    case (.illegalEvent(let state, let what), .illegalEvent(let newState, _)):
      add("in", state, newState) { .illegalEvent(state: $0, what: what) }
    default: break
    }
  }

  private mutating func addReady(
    _ transition: Transition, _ facts: ReadyFacts, _ newFacts: ReadyFacts
  ) {
    let make: (ReadyFacts) -> LogEvent = { .runtimeReady(transition, $0) }
    add("boot_ms", \.bootMilliseconds, facts, newFacts, make)
    addPhases(facts.phases, newFacts.phases) {
      var changed = facts
      changed.phases = $0
      return make(changed)
    }
    add("load_ms", \.loadMilliseconds, facts, newFacts, make)
    add("surfaces", \.surfaces, facts, newFacts, make)
    add("rest_port", \.restPort, facts, newFacts, make)
    add("a2a_port", \.a2aPort, facts, newFacts, make)
    add("ui_port", \.uiPort, facts, newFacts, make)
  }

  private mutating func addPhases(
    _ old: PhaseTimes, _ new: PhaseTimes, _ make: (PhaseTimes) -> LogEvent
  ) {
    add("phases_ms.fetch", \.fetch, old, new, make)
    add("phases_ms.verify", \.verify, old, new, make)
    add("phases_ms.install", \.install, old, new, make)
    add("phases_ms.load", \.load, old, new, make)
  }

  private mutating func addExit(_ facts: WorkerExit, _ newFacts: WorkerExit) {
    let make: (WorkerExit) -> LogEvent = { .workerExited($0) }
    add("pid", \.pid, facts, newFacts, make)
    add("restarts", \.restarts, facts, newFacts, make)
    add("will_restart", \.willRestart, facts, newFacts, make)
    add("delay_ms", \.delayMilliseconds, facts, newFacts, make)
    add("status", \.status, facts, newFacts, make)
    add("signal", \.signal, facts, newFacts, make)
  }

  private mutating func addHardLimit(_ old: LogEvent, _ new: LogEvent) {
    guard case .hardLimitExceeded(let boot, let counted, let limit, let phases) = old,
      case .hardLimitExceeded(let newBoot, let newCounted, let newLimit, let newPhases) = new
    else { return }
    func make(_ boot: Int64, _ counted: Int64, _ limit: Int64, _ phases: PhaseTimes) -> LogEvent {
      .hardLimitExceeded(
        bootMilliseconds: boot, countedMilliseconds: counted, hardLimitMilliseconds: limit,
        phases: phases)
    }
    add("boot_ms", boot, newBoot) { make($0, counted, limit, phases) }
    add("counted_ms", counted, newCounted) { make(boot, $0, limit, phases) }
    add("hard_limit_ms", limit, newLimit) { make(boot, counted, $0, phases) }
    addPhases(phases, newPhases) { make(boot, counted, limit, $0) }
  }

  /// `to` and `state` are one thing told twice; where both are wrong they are changed together.
  private mutating func add(
    _ old: Transition, _ new: Transition, _ make: (Transition) -> LogEvent
  ) {
    add("from", \.from, old, new, make)
    if old.to != new.to && old.state != new.state {
      var changed = old
      (changed.to, changed.state) = (new.to, new.state)
      append("to", old.to, new.to, make(changed))
    } else {
      add("to", \.to, old, new, make)
      add("state", \.state, old, new, make)
    }
    add("cause", \.cause, old, new, make)
    add("attempt", \.attempt, old, new, make)
  }

  private mutating func add<Facts, Value: Equatable>(
    _ name: String, _ field: WritableKeyPath<Facts, Value>, _ old: Facts, _ new: Facts,
    _ make: (Facts) -> LogEvent
  ) {
    guard old[keyPath: field] != new[keyPath: field] else { return }
    var changed = old
    changed[keyPath: field] = new[keyPath: field]
    append(name, old[keyPath: field], new[keyPath: field], make(changed))
  }

  private mutating func add<Value: Equatable>(
    _ name: String, _ old: Value, _ new: Value, _ make: (Value) -> LogEvent
  ) {
    if old != new { append(name, old, new, make(new)) }
  }

  private mutating func append<Value>(
    _ name: String, _ old: Value, _ new: Value, _ event: LogEvent
  ) {
    list.append(
      FieldChange(name: name, old: Self.text(old), new: Self.text(new), event: event))
  }

  /// As the log writes it, shortened.
  private static func text<Value>(_ value: Value) -> String {
    switch value {
    case let value as StateName?: value?.rawValue ?? "null"
    case let value as Int?: value.map { String($0) } ?? "null"
    case let value as Int64?: value.map { String($0) } ?? "null"
    case let value as String?: value ?? "null"
    case let value as Stopped.Outcome: value.rawValue
    case let value as Preparation.Environment: value.rawValue
    case let value as PackageIdentity: "\(value.name) \(value.version)"
    case let value as [String]: value.joined(separator: ", ")
    default: "\(value)"
    }
  }
}
