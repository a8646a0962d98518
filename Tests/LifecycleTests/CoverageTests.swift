import Testing

@testable import Lifecycle

@Suite("Coverage of the machine's table")
struct CoverageTests {
  private static let fresh = Coverage()

  private static func report(
    _ lines: [LogLine], _ verdict: Replay.Verdict = .conforms
  ) -> RunReport {
    var history = History()
    for line in lines { history.take(line) }
    return RunReport(
      runID: "r", agentAppID: nil, deploymentID: nil, verdict: verdict, state: .stopped,
      lines: lines.count, history: history, place: "", troublePlace: nil, before: [])
  }

  private static func count(_ coverage: Coverage, _ situation: String, _ event: String) -> Int? {
    coverage.cells.first { $0.situation == situation && $0.event == event }?.count
  }

  @Test("follows each good run along cells that the table has", arguments: GoodRuns.all)
  func walks(_ name: String, _ lines: [LogLine]) {
    var coverage = Self.fresh
    coverage.take(Self.report(lines))
    #expect(coverage.strangers == 0)
    #expect(coverage.runs == 1)
    let transitions = lines.count { $0.event.transition != nil }
    #expect(coverage.entries.values.reduce(0, +) == transitions)
    let moved = coverage.cells.filter { $0.verdict == .moved }.reduce(0) { $0 + $1.count }
    #expect(moved == transitions)
  }

  @Test(
    "knows what led where",
    arguments: [
      ("restarts used up", "loading: again, restarts used up", "worker_lost"),
      ("restarts", "ready", "worker_lost"),
      ("restarts", "ready: 1 of 2 restarts used", "worker_lost"),
      ("restarts", "loading: again, waiting, restarts used up", "timer(restart_delay)"),
      ("load time-out", "loading: again, 1 of 2 restarts used", "timer(load_timeout)"),
      ("first worker lost", "loading: first", "worker_lost"),
      ("hard limit", "loading: first", "timer(hard_limit)"),
      ("configuration", "fetching: not begun", "failed(configuration)"),
      ("UI alone", "ready: no worker", "SIGTERM"),
      ("clean", "draining: asked, lame duck, worker runs, streams", "timer(drain_minimum)"),
      ("clean", "draining: asked, closing, worker runs, streams", "nothing_in_flight"),
      ("clean", "draining: asked, stopping, worker runs, idle, streams", "worker_lost"),
      (
        "worker lost in the drain", "draining: asked, lame duck, worker runs, streams",
        "worker_lost"
      ),
      ("deadline", "draining: asked, closing, worker runs", "timer(agent_stop)"),
      ("deadline", "draining: asked, stopping, worker runs", "timer(agent_kill)"),
      ("deadline", "draining: asked, killing, worker runs", "timer(drain_deadline)"),
      ("second signals of a failure", "draining: failure, stopping", "SIGINT"),
    ])
  func cell(_ name: String, _ situation: String, _ event: String) throws {
    let lines = try #require(GoodRuns.all.first { $0.name == name }).lines
    var coverage = Self.fresh
    coverage.take(Self.report(lines))
    let count = try #require(Self.count(coverage, situation, event))
    #expect(count > 0)
  }

  @Test("stops before the trouble of a run, and passes over runs of other versions")
  func trouble() {
    let lines = GoodRuns.clean()
    var coverage = Self.fresh
    coverage.take(Self.report(lines, .unknownVersion("schema 9")))
    #expect((coverage.runs, coverage.others) == (0, 1))
    let violation = Violation(
      promise: .tableAllows, sequence: 3, state: .fetching, event: "verify", problem: "")
    coverage.take(Self.report(lines, .violates(violation)))
    #expect(coverage.entries.values.reduce(0, +) == 1)
    #expect(Self.count(coverage, "fetching: not begun", "started") == 1)
  }

  @Test("names every transition of the table that was not seen")
  func unseen() {
    let coverage = Self.fresh
    #expect(coverage.entries.values.allSatisfy { $0 == 0 })
    let ending = Coverage.Entry(from: .draining, to: .stopped, cause: "deadline")
    #expect(coverage.entries[ending] == 0)
    #expect(coverage.cells.allSatisfy { $0.verdict == .moved || $0.verdict == .stayed })
  }
}
