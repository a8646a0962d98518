/// What the lines of a run, the wrong ones included, tell about its other lines: where the numbers of a
/// line that is missing or wrong are taken from.
struct Testimony {
  /// Of the first boot: a `runtime_ready` or the line of the hard limit tells them.
  private(set) var phases: PhaseTimes?
  private(set) var bootMilliseconds: Int64?
  /// When the drain began, as `stopped` has it.
  private(set) var drainStart: Int64?
  private(set) var deadlineMilliseconds: Int64?
  private(set) var package: PackageIdentity?
  private(set) var load: LoadFacts?
  private(set) var ready: ReadyFacts?
  private(set) var hasWorker = false
  /// Every process that a line names.
  private(set) var processes: [Int] = []
  private(set) var budgetMilliseconds: Int64?
  private(set) var hardLimitMilliseconds: Int64?
  private(set) var mostRestarts = 0
  /// What the first line has.
  private(set) var configuredBudget: Int64?

  let runID: String

  init(_ lines: [LogLine]) {
    runID = lines.first?.runID ?? ""
    for line in lines { take(line) }
  }

  private mutating func take(_ line: LogLine) {
    switch line.event {
    case .runStarted(_, _, _, _, let config):
      configuredBudget = config["BOOT_BUDGET_MS"]?.decimal.flatMap { Int64(exactly: $0.rounded()) }
    case .install(_, let facts): package = package ?? facts.package
    case .load(_, let facts): (package, load) = (facts.package, load ?? facts)
    case .runtimeReady(_, let facts):
      ready = ready ?? facts
      phases = facts.phases
      bootMilliseconds = bootMilliseconds ?? facts.bootMilliseconds
    case .hardLimitExceeded(let boot, _, let limit, let times):
      phases = phases ?? times
      bootMilliseconds = bootMilliseconds ?? boot
      hardLimitMilliseconds = limit
    case .budgetExceeded(_, let budget): budgetMilliseconds = budget
    case .drain(_, _, let deadline): deadlineMilliseconds = deadline
    case .stopped(_, let facts): drainStart = line.uptimeMilliseconds &- facts.drainMilliseconds
    case .workerStarted(let pid, _):
      hasWorker = true
      name(pid)
    case .workerExited(let exit):
      hasWorker = true
      mostRestarts = max(mostRestarts, exit.restarts)
      name(exit.pid)
    case .reloadStarted(let pid): name(pid)
    case .reloadFinished(let facts):
      name(facts.replaced)
      name(facts.pid)
    default: break
    }
  }

  private mutating func name(_ pid: Int) {
    if !processes.contains(pid) { processes.append(pid) }
  }

  /// When a transition of the first boot was made, by the times of the phases.
  func bootTime(of event: String) -> Int64? {
    guard let phases else { return nil }
    switch event {
    case "verify": return phases.fetch
    case "install": return phases.fetch &+ phases.verify
    case "load": return phases.fetch &+ phases.verify &+ phases.install
    case "runtime_ready": return bootMilliseconds
    default: return nil
    }
  }
}

/// The agent's processes after some of a run's lines, as those lines name them.
struct NamedProcesses {
  private(set) var running: [Int] = []
  private(set) var current: Int?
  private(set) var successor: Int?
  private(set) var isReloading = false
  /// When the latest one started.
  private(set) var startedAt: Int64?
  private var highest = 100
  /// Requests that the latest end of a worker cut off and that no line tells of yet.
  private(set) var untold: [String] = []

  init(_ lines: ArraySlice<LogLine>) {
    for line in lines { take(line) }
  }

  private mutating func take(_ line: LogLine) {
    switch line.event {
    case .workerStarted(let pid, _):
      running.append(pid)
      highest = max(highest, pid)
      startedAt = line.uptimeMilliseconds
      if isReloading, successor == nil { successor = pid } else { current = pid }
    case .workerExited(let exit):
      running.removeAll { $0 == exit.pid }
      untold = exit.inFlight
    case .requestAborted(let facts): untold.removeAll { $0 == facts.requestID }
    case .reloadStarted: (isReloading, successor) = (true, nil)
    case .reloadFinished(let facts): (isReloading, current, successor) = (false, facts.pid, nil)
    case .reloadFailed: (isReloading, successor) = (false, nil)
    default: break
    }
  }

  /// A number that no running process has.
  var unused: Int { highest &+ 1 }
}
