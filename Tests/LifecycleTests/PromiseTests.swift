import Lifecycle
import Testing

/// For each promise a log that breaks it.
@Suite("A promise")
struct PromiseTests {
  struct Broken: CustomTestStringConvertible, Sendable {
    let promise: Promise
    let lines: [LogLine]
    /// By how much it is missed, where that is a time.
    var missed: Int64?
    var testDescription: String { promise.rawValue }

    init(_ promise: Promise, missed: Int64? = nil, _ lines: [LogLine]) {
      (self.promise, self.lines, self.missed) = (promise, lines, missed)
    }
  }

  static let lines: [Broken] = [
    Broken(.sequenceWithoutGap, removing("verify", renumber: false)),
    Broken(.startsWithRunStarted, removing("run_started")),
    Broken(.nothingAfterStopped, duplicating("stopped")),
    Broken(
      .oneAgent,
      {
        var lines = GoodRuns.clean()
        lines[4].deploymentID = "other"
        return lines
      }()),
    Broken(.uptimeRises, missed: 2, at("runtime_ready", 700)),
    Broken(.logLevel, configured(GoodRuns.clean(), "LOG_LEVEL", "warning")),
    Broken(
      .valuesInRange,
      editing("verify") {
        guard case .verify(let transition, _, let time) = $0 else { return }
        $0 = .verify(transition, bytes: -1, fetchMilliseconds: time)
      }),
  ]

  static let machine: [Broken] = [
    Broken(.stateIsTo, transition("load") { $0.state = .ready }),
    Broken(.tableAllows, removing("verify")),
    Broken(.fromIsTheStateBefore, transition("load") { $0.from = nil }),
    Broken(.toIsWhereTheMachineGoes, transition("verify") { ($0.to, $0.state) = (.ready, .ready) }),
    Broken(
      .causeIsWhatMovedIt, transition("runtime_ready") { $0.cause = "environment_installed" }),
    Broken(.attemptIsTheMachines, transition("load") { $0.attempt = 2 }),
    Broken(
      .illegalEventNamesTheState,
      inserting(.illegalEvent(state: .loading, what: "started"), after: "runtime_ready")),
    Broken(.exitCodeAndOutcome, stopped { $0.exitCode = 1 }),
  ]

  static let times: [Broken] = [
    Broken(.noTimerFiresEarly, missed: 52, at("stopped", 31_400, GoodRuns.deadline())),
    Broken(.fetchTimeout, missed: 1, later("verify", by: 62_001 - 100)),
    Broken(.installTimeout, missed: 1, later("load", by: 302_001 - 400)),
    Broken(
      .loadTimeout, missed: 1,
      later(
        "runtime_ready", by: 62_001 - 800,
        configured(GoodRuns.clean(), "BOOT_HARD_LIMIT_MULTIPLIER", 0))),
    Broken(.hardLimit, missed: 1, later("runtime_ready", by: 12_001 - 800 - 200)),
    Broken(.drainMinimum, missed: 3660, configured(GoodRuns.clean(), "DRAIN_MIN_SEC", 5)),
    Broken(.drainDeadline, missed: 1, later("stopped", by: 51, GoodRuns.deadline())),
    Broken(.phaseTimes, missed: 7, ready { $0.phases.load += 7 }),
    Broken(.loadTime, missed: 7, ready { $0.loadMilliseconds -= 7 }),
    Broken(.drainTime, missed: 7, stopped { $0.drainMilliseconds += 7 }),
    Broken(
      .deadlineIsTold, missed: 7,
      editing("drain") {
        guard case .drain(let transition, let count, let time) = $0 else { return }
        $0 = .drain(transition, inFlight: count, deadlineMilliseconds: time + 7)
      }),
  ]

  static let package: [Broken] = [
    Broken(
      .packageStays,
      editing("load") {
        guard case .load(let transition, var facts) = $0 else { return }
        facts.package.version = "2"
        $0 = .load(transition, facts)
      }),
    Broken(
      .environmentAgrees,
      editing("install") {
        guard case .install(let transition, var facts) = $0 else { return }
        facts.installer = nil
        $0 = .install(transition, facts)
      }),
    Broken(.readyNeedsAllSurfaces, ready { $0.surfaces = [] }),
    Broken(
      .portsStay,
      editing("runtime_ready", GoodRuns.restarts(), last: true) {
        guard case .runtimeReady(let transition, var facts) = $0 else { return }
        facts.restPort += 1
        $0 = .runtimeReady(transition, facts)
      }),
  ]

  static let workers: [Broken] = [
    Broken(.workerIsStarted, removing("worker_started")),
    Broken(.processEndsOnce, exit(GoodRuns.restarts()) { $0.pid = 5 }),
    Broken(.everyWorkerEnds, removing("worker_exited")),
    Broken(.everyExitIsAnswered, removing("worker_exited", GoodRuns.restarts())),
    Broken(.exitSaysHow, exit(GoodRuns.restarts()) { $0.signal = "SIGKILL" }),
    Broken(
      .restartIntensity,
      exit(GoodRuns.restartsUsedUp(), last: true) {
        ($0.willRestart, $0.delayMilliseconds) = (true, 0)
      }),
    Broken(.restartsAreCounted, exit(GoodRuns.restarts()) { $0.restarts = 2 }),
    Broken(
      .restartDelay, missed: 7, exit(GoodRuns.restarts()) { $0.delayMilliseconds = 7 }),
    Broken(.reloadBeginsAndEnds, removing("reload_failed", GoodRuns.drainInReload())),
    Broken(
      .reloadReplaces,
      editing("reload_finished", GoodRuns.reloads()) {
        $0 = .reloadFinished(ReloadFacts(pid: 1101, replaced: 5, loadMilliseconds: 600))
      }),
  ]

  static let requests: [Broken] = [
    Broken(
      .abortedNeedsACause, swapping("request_aborted", GoodRuns.lostInDrain(), with: "drain")),
    Broken(.abortedAreTold, exit(GoodRuns.restarts()) { $0.inFlight = ["1"] }),
    Broken(
      .countsOfRequests,
      editing("stopped", GoodRuns.badPackage()) {
        guard case .stopped(let transition, var facts) = $0 else { return }
        facts.completed = 1
        $0 = .stopped(transition, facts)
      }),
    Broken(.accessLog, missed: 5000, configured(GoodRuns.clean(), "SLOW_REQUEST_MS", 15_000)),
  ]

  static let explanations: [Broken] = [
    Broken(.failureIsExplained, removing("boot_failed", GoodRuns.badPackage())),
    Broken(
      .explanationLeadsToTheEnd,
      inserting(
        .bootFailed(phase: .loading, Explanation(error: "it failed")), after: "runtime_ready")),
    Broken(.configurationIsToldWhole, removing("config_error", GoodRuns.configuration())),
    Broken(.hardLimitIsTold, removing("Boot time exceeded hard limit", GoodRuns.hardLimit())),
    Broken(
      .budgetIsTold, missed: 2402, removing("Boot time exceeded budget", GoodRuns.slowBoot())),
    Broken(
      .progressNamesThePhase,
      inserting(.bootProgress(phase: .loading, message: "x"), after: "verify")),
    Broken(
      .retriesWhileFetching,
      inserting(.fetchRetry(attempt: 1, error: "x", delayMilliseconds: 1), after: "verify")),
  ]

  static let all = lines + machine + times + package + workers + requests + explanations

  @Test("that is broken is named, with the time that it was missed by", arguments: all)
  func broken(broken: Broken) {
    guard case .violates(let violation) = ReplayTests.verdict(broken.lines) else {
      Issue.record("\(ReplayTests.verdict(broken.lines))")
      return
    }
    #expect(violation.promise == broken.promise, "\(violation.text)")
    #expect(violation.missedByMilliseconds == broken.missed, "\(violation.text)")
  }

  @Test("is kept by no log that breaks it: each has one here")
  func complete() {
    // Whether a line stands twice word for word, only who reads the file knows.
    let ofRuns = Promise.allCases.filter { $0.group != .supervisors && $0.group != .views }
    #expect(Set(Self.all.map(\.promise)) == Set(ofRuns).subtracting([.noLineTwice]))
  }

  @Test("has a name in kebab-case and a sentence that ends, and stands in the table once")
  func table() {
    let table = Promise.tableText
    for promise in Promise.allCases {
      let name = promise.rawValue
      #expect(name.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x2D }, "\(name)")
      #expect(promise.text.hasSuffix("."), "\(name)")
      #expect(table.split(separator: "\n").count { $0.hasPrefix("  \(name) ") } == 1, "\(name)")
    }
  }

  @Test("about levels lets the writer tell of lines that it lost")
  func dropped() {
    let kept = GoodRuns.clean().filter { $0.event.isAlwaysWritten }
    let lines = inserting(.logDropped(count: 3), after: "runtime_ready", kept)
    #expect(ReplayTests.verdict(configured(lines, "LOG_LEVEL", "error")) == .conforms)
  }

  // MARK: What was allowed

  static let allowed: [(name: String, lines: [LogLine], allowed: [String])] = [
    (
      "in verifying", transition("install") { $0.cause = "other" },
      [
        "install (package_verified)",
        "drain (SIGINT | SIGTERM | failure | hard_limit from 10102 ms on)",
      ]
    ),
    (
      "in ready", transition("drain") { $0.cause = "other" },
      ["load (worker_lost)", "drain (SIGINT | SIGTERM | failure)"]
    ),
    (
      "in a drain", transition("stopped") { $0.cause = "other" },
      [
        "stopped (drained | second_signal | deadline from 36452 ms on)"
      ]
    ),
    ("of a number", removing("verify", renumber: false), ["seq 3"]),
    ("of a time", stopped { $0.drainMilliseconds += 7 }, ["drain_ms 1340"]),
  ]

  @Test("tells what could have stood there instead", arguments: 0..<allowed.count)
  func instead(index: Int) {
    let (name, lines, expected) = Self.allowed[index]
    guard case .violates(let violation) = ReplayTests.verdict(lines) else {
      Issue.record("\(name) conforms")
      return
    }
    #expect(violation.allowed == expected, "\(name)")
  }
}

// MARK: Making them

private func inserting(
  _ event: LogEvent, after name: String, _ lines: [LogLine] = GoodRuns.clean()
) -> [LogLine] {
  var lines = lines
  if let index = lines.firstIndex(where: { $0.event.name == name }) {
    var line = lines[index]
    line.event = event
    lines.insert(line, at: index + 1)
  }
  return renumbered(lines)
}

/// The log from that line on, later.
private func later(
  _ name: String, by milliseconds: Int64, _ lines: [LogLine] = GoodRuns.clean()
) -> [LogLine] {
  var lines = lines
  guard let first = lines.firstIndex(where: { $0.event.name == name }) else { return lines }
  for index in lines[first...].indices { lines[index].uptimeMilliseconds += milliseconds }
  return lines
}
