import Lifecycle
import Testing

@testable import LogTrace

@Suite("Two builds side by side")
struct ComparisonTests {
  /// Runs whose load takes what `load` says, and nothing else any time.
  private static func fleet(_ loads: [Int64], failed: Int = 0) -> Fleet {
    var fleet = Fleet()
    for (index, load) in loads.enumerated() { fleet.take(.made(load: load, name: "r\(index)")) }
    for index in 0..<failed { fleet.take(.made(load: nil, name: "f\(index)")) }
    return fleet
  }

  private static func loads(_ count: Int, seed: UInt64, around middle: Int64) -> [Int64] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Int64.random(in: middle - 40...middle + 40, using: &random) }
  }

  private static func finding(
    _ a: Fleet, _ b: Fleet, _ measure: Measure, _ percent: Int
  ) -> Comparison.Finding? {
    Comparison(a, b, limit: 0.1).rows.first { $0.measure == measure && $0.percent == percent }?
      .finding
  }

  @Test(
    "a slower phase is a regression when it is more than the limit and more than chance",
    arguments: [
      (100, 500, 500, .chance), (100, 500, 520, .worse), (100, 500, 600, .regressed),
      (100, 600, 500, .better), (4, 500, 900, .tooFew), (7, 500, 900, .regressed),
      (7, 500, 540, .chance),
    ] as [(Int, Int64, Int64, Comparison.Finding)])
  func load(_ count: Int, _ before: Int64, _ after: Int64, _ expected: Comparison.Finding) {
    let a = Self.fleet(Self.loads(count, seed: 1, around: before))
    let b = Self.fleet(Self.loads(count, seed: 2, around: after))
    let found = Self.finding(a, b, .load, 50)
    // Equal builds may be equal to the millisecond too.
    #expect(found == expected || expected == .chance && found == .same)
    #expect(Comparison(a, b, limit: 0.1).hasRegressed == (expected == .regressed))
  }

  @Test("a longer tail is seen where half of the runs are as before")
  func tail() {
    let before = Self.loads(200, seed: 1, around: 500)
    let after = Self.loads(170, seed: 2, around: 500) + Self.loads(30, seed: 3, around: 2000)
    #expect(Self.finding(Self.fleet(before), Self.fleet(after), .load, 95) == .regressed)
    #expect(Self.finding(Self.fleet(before), Self.fleet(after), .load, 50) != .regressed)
  }

  @Test("more failures are a regression, unless they may be chance")
  func failures() {
    let loads = Self.loads(40, seed: 1, around: 500)
    let good = Self.fleet(loads)
    #expect(Comparison(good, Self.fleet(loads, failed: 2), limit: 0.1).hasRegressed == false)
    #expect(Comparison(good, Self.fleet(loads, failed: 15), limit: 0.1).hasRegressed)
    #expect(Comparison(Self.fleet(loads, failed: 15), good, limit: 0.1).hasRegressed == false)
  }

  @Test("of equal builds at most the promised part seems to regress")
  func falseAlarms() {
    var alarms = 0
    for seed in 0..<60 {
      let a = Self.fleet(Self.loads(30, seed: UInt64(2 * seed + 1), around: 300))
      let b = Self.fleet(Self.loads(30, seed: UInt64(2 * seed + 2), around: 300))
      if Comparison(a, b, limit: 0).hasRegressed { alarms += 1 }
    }
    // 1 % of 60, and three standard deviations.
    #expect(alarms <= 3)
  }
}

extension RunReport {
  /// A run that loads for some time, serves and stops; without `load` its package is refused.
  static func made(load: Int64?, name: String) -> RunReport {
    var history = History()
    var sequence: Int64 = 0
    func take(_ uptime: Int64, _ event: LogEvent) {
      sequence += 1
      history.take(
        LogLine(
          wallNanoseconds: 1_767_323_045_000_000_000 + uptime * 1_000_000, sequence: sequence,
          runID: name, agentAppID: "a", deploymentID: nil, uptimeMilliseconds: uptime,
          event: event))
    }
    let package = PackageIdentity(name: "p", version: "1", sha256: nil)
    take(0, .fetch(Transition(from: nil, to: .fetching, cause: "started"), source: "", url: ""))
    take(
      1,
      .verify(
        Transition(from: .fetching, to: .verifying, cause: "package_fetched"), bytes: 1,
        fetchMilliseconds: 1))
    var outcome = Stopped.Outcome.failed
    var end: Int64 = 3
    if let load {
      take(
        2,
        .install(
          Transition(from: .verifying, to: .installing, cause: "package_verified"),
          InstallFacts(
            package: package, python: "3.11", environmentKey: nil, environmentCache: .none,
            installer: nil)))
      take(
        2,
        .load(
          Transition(
            from: .installing, to: .loading, cause: "environment_installed", attempt: 1),
          LoadFacts(package: package, surfaces: ["rest"], restSocket: nil, a2aSocket: nil)))
      take(
        2 + load,
        .runtimeReady(
          Transition(from: .loading, to: .ready, cause: "worker_ready", attempt: 1),
          ReadyFacts(
            bootMilliseconds: 2 + load,
            phases: PhaseTimes(fetch: 1, verify: 1, install: 0, load: load),
            loadMilliseconds: load, surfaces: ["rest"], restPort: 1, a2aPort: nil, uiPort: nil)))
      (outcome, end) = (.clean, 3 + load)
    }
    let from: StateName = load == nil ? .verifying : .ready
    take(
      end,
      .drain(
        Transition(from: from, to: .draining, cause: load == nil ? "failure" : "SIGTERM"),
        inFlight: 0, deadlineMilliseconds: 30_000))
    take(
      end,
      .stopped(
        Transition(from: .draining, to: .stopped, cause: "drained"),
        StoppedFacts(
          exitCode: load == nil ? 1 : 0, outcome: outcome, completed: 0, aborted: 0,
          drainMilliseconds: 0)))
    return RunReport(
      runID: name, agentAppID: "a", deploymentID: nil, verdict: .conforms, state: .stopped,
      lines: 7, history: history, place: "\(name).log:1", troublePlace: nil, before: [])
  }
}
