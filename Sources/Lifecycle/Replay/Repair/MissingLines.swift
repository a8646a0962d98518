/// The lines that could stand at a place of a log: what a line that is missing may have been.
struct MissingLines {
  private let machine: Machine
  private let testimony: Testimony
  private let processes: NamedProcesses
  /// The instants between the lines before and after, the likelier first.
  private let times: [Int64]
  /// The process that the next line with one names.
  private let nextProcess: Int?
  private(set) var events: [(event: LogEvent, uptime: Int64)] = []

  /// `before` and `after` are the lines around the place.
  init(
    _ machine: Machine, before: ArraySlice<LogLine>, after: ArraySlice<LogLine>,
    _ testimony: Testimony
  ) {
    self.machine = machine
    self.testimony = testimony
    processes = NamedProcesses(before)
    let next = after.first?.uptimeMilliseconds
    let last = before.last?.uptimeMilliseconds
    times = [next ?? last ?? 0, last ?? 0].distinct
    nextProcess = after.prefix(20).lazy.compactMap { $0.event.process }.first
    guard !before.isEmpty else {
      addBeginning(after)
      return
    }
    addTransitions()
    addReports()
    addWorkers()
    addReloads()
  }

  private mutating func add(_ event: LogEvent, at uptimes: [Int64]) {
    for uptime in uptimes { events.append((event, uptime)) }
  }

  /// A transition as the machine makes it.
  private mutating func move(_ event: LogEvent, at uptimes: [Int64?]) {
    for uptime in uptimes.compactMap(\.self).distinct {
      if let said = machine.says(event, at: uptime) { events.append((said, uptime)) }
    }
  }

  // MARK: The first line

  /// Its configuration is what the other lines tell of it, else the defaults.
  private mutating func addBeginning(_ after: ArraySlice<LogLine>) {
    let budget = testimony.budgetMilliseconds ?? 5000
    let limit = testimony.hardLimitMilliseconds ?? budget &* 2
    let deadline = Double(testimony.deadlineMilliseconds ?? 30_000) / 1000
    let most = max(3, testimony.mostRestarts)
    for (restarts, minimum) in [
      ("\(most)/60", min(1, deadline / 10)), ("\(most)/60", 0), ("\(testimony.mostRestarts)/60", 0),
      ("\(most)/600", 0),
    ] {
      add(
        .runStarted(
          version: "", schema: LogLine.schema, machine: MachineTable.hash, pid: 1,
          config: .members([
            "LOG_LEVEL": "info", "WORKER_RESTARTS": .string(restarts),
            "BOOT_BUDGET_MS": .integer(budget),
            "BOOT_HARD_LIMIT_MULTIPLIER": .number(Double(limit) / Double(max(1, budget))),
            "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": .number(deadline), "DRAIN_MIN_SEC": .number(minimum),
          ])), at: [min(times.first ?? 0, times.last ?? 0)])
    }
  }

  // MARK: Transitions

  private mutating func addTransitions() {
    func transition(_ to: StateName, _ cause: String) -> Transition {
      Transition(from: nil, to: to, cause: cause)
    }
    let package = testimony.package ?? LoadFacts.unknown.package
    var load = testimony.load ?? .unknown
    load.package = package
    if testimony.load == nil {
      load.surfaces = testimony.ready?.surfaces ?? []
      load.restSocket = testimony.hasWorker ? "/par-\(testimony.runID)/rest.sock" : nil
      load.a2aSocket = load.surfaces.contains("a2a") ? "/par-\(testimony.runID)/a2a.sock" : nil
    }
    let latest = times.reversed() as [Int64]
    switch machine.state {
    case .fetching(let fetching):
      if fetching.begunAt == nil {
        move(.fetch(transition(.fetching, "started"), source: "file", url: ""), at: latest)
      } else {
        move(
          .verify(transition(.verifying, "package_fetched"), bytes: 0, fetchMilliseconds: 0),
          at: [testimony.bootTime(of: "verify")] + times)
      }
    case .verifying:
      for cache in [Preparation.Environment.none, .hit, .miss] {
        let facts = InstallFacts(
          package: package, python: testimony.hasWorker ? "3" : nil,
          environmentKey: cache == .none ? nil : "", environmentCache: cache, installer: nil)
        move(
          .install(transition(.installing, "package_verified"), facts),
          at: [testimony.bootTime(of: "install")] + times)
      }
    case .installing:
      move(
        .load(transition(.loading, "environment_installed"), load),
        at: [testimony.bootTime(of: "load")] + times)
    case .loading(let loading):
      addReady(loading, load)
      move(.load(transition(.loading, "worker_lost"), load), at: latest)
      let due = machine.state.timers(machine.policy)[.loadTimeout]?.milliseconds
      move(.load(transition(.loading, "load_timed_out"), load), at: [due] + times)
    case .ready: move(.load(transition(.loading, "worker_lost"), load), at: latest)
    case .draining, .stopped: return
    }
    let due = machine.state.timers(machine.policy)[.hardLimit]?.milliseconds
    for cause in ["SIGTERM", "SIGINT", "hard_limit", "configuration", "failure"] {
      move(
        .drain(transition(.draining, cause), inFlight: 0, deadlineMilliseconds: 0),
        at: [testimony.drainStart, cause == "hard_limit" ? due : nil] + times)
    }
  }

  private mutating func addReady(_ loading: Loading, _ load: LoadFacts) {
    let transition = Transition(from: .loading, to: .ready, cause: "worker_ready")
    var facts =
      testimony.ready
      ?? ReadyFacts(
        bootMilliseconds: 0, phases: PhaseTimes(fetch: 0, verify: 0, install: 0, load: 0),
        loadMilliseconds: 0, surfaces: load.surfaces, restPort: 0, a2aPort: nil, uiPort: nil)
    let boot = loading.attempt == 1 ? testimony.bootTime(of: "runtime_ready") : nil
    for uptime in ([boot] + times).compactMap(\.self).distinct {
      facts.loadMilliseconds = max(0, uptime &- (processes.startedAt ?? uptime))
      move(.runtimeReady(transition, facts), at: [uptime])
    }
  }

  // MARK: What explains them

  private mutating func addReports() {
    let state = machine.state
    guard state.name != .draining, state.name != .stopped else { return }
    let phase = state.name == .ready ? .loading : state.name
    add(.bootFailed(phase: phase, Explanation(error: "")), at: times)
    if state.name == .fetching { add(.configError(variable: "", error: ""), at: times) }
    guard !state.wasReady else { return }
    if let budget = testimony.budgetMilliseconds ?? budget {
      for uptime in times {
        add(.budgetExceeded(bootMilliseconds: uptime, budgetMilliseconds: budget), at: [uptime])
      }
    }
    guard let limit = machine.policy.hardLimit?.milliseconds else { return }
    for uptime in times where LogLine.plausibleUptimes.contains(uptime) {
      let phases = state.phases(at: Instant(milliseconds: uptime))
      add(
        .hardLimitExceeded(
          bootMilliseconds: uptime, countedMilliseconds: phases.counted.milliseconds,
          hardLimitMilliseconds: limit, phases: PhaseTimes(phases)), at: [uptime])
    }
  }

  /// The limit is a multiple of the budget, by default of two.
  private var budget: Int64? {
    testimony.configuredBudget ?? machine.policy.hardLimit.map { $0.milliseconds / 2 }
  }

  // MARK: Processes

  private mutating func addWorkers() {
    let state = machine.state
    if let attempt = state.attempt {
      let pid = nextProcess.flatMap { processes.running.contains($0) ? nil : $0 }
      let ready =
        testimony.ready.map { $0.bootMilliseconds &- $0.loadMilliseconds }
        .flatMap { attempt == 1 ? $0 : nil }
      add(
        .workerStarted(pid: pid ?? processes.unused, attempt: attempt),
        at: ([ready] + times.reversed()).compactMap(\.self).distinct)
    }
    if let request = processes.untold.first {
      add(
        .requestAborted(
          AbortedFacts(method: "", route: "", ageMilliseconds: 0, requestID: request, surface: "")),
        at: times)
    }
    for pid in processes.running.suffix(4) {
      for uptime in times { add(.workerExited(exit(of: pid, at: uptime)), at: [uptime]) }
    }
  }

  private func exit(of pid: Int, at uptime: Int64) -> WorkerExit {
    var exit = WorkerExit(
      pid: pid, status: 0, signal: nil, outOfMemory: false, asked: true, stack: nil, inFlight: [],
      restarts: machine.state.restartCount, willRestart: false, delayMilliseconds: nil)
    guard pid == processes.current, machine.state.attempt != nil else { return exit }
    (exit.status, exit.asked) = (1, false)
    guard let next = machine.afterLoss(at: uptime), case .loading(let loading) = next else {
      return exit
    }
    (exit.willRestart, exit.delayMilliseconds) = (true, 0)
    exit.restarts = next.restartCount
    if case .waiting(let until) = loading.stage {
      exit.delayMilliseconds = until.milliseconds &- uptime
    }
    return exit
  }

  private mutating func addReloads() {
    guard let current = processes.current else { return }
    if processes.isReloading {
      add(.reloadFailed(Explanation(error: "")), at: times)
      if let successor = processes.successor {
        for uptime in times {
          let load = max(0, uptime &- (processes.startedAt ?? uptime))
          add(
            .reloadFinished(
              ReloadFacts(pid: successor, replaced: current, loadMilliseconds: load)),
            at: [uptime])
        }
      }
    } else if machine.state.name == .ready {
      add(.reloadStarted(pid: current), at: times)
    }
  }
}

extension LogEvent {
  /// The agent's process that the line speaks of.
  var process: Int? {
    switch self {
    case .workerStarted(let pid, _), .reloadStarted(let pid): pid
    case .workerExited(let exit): exit.pid
    case .reloadFinished(let facts): facts.pid
    default: nil
    }
  }
}

extension Array where Element: Equatable {
  /// Without what stands there before already.
  var distinct: [Element] {
    var kept: [Element] = []
    for element in self where !kept.contains(element) { kept.append(element) }
    return kept
  }
}
