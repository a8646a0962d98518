import Lifecycle
import Testing

@testable import LogTrace

@Suite("A run as text")
struct TextViewTests {
  private static let package = PackageIdentity(name: "demo", version: "1.2", sha256: nil)

  private static func move(_ from: StateName?, _ to: StateName, _ cause: String) -> Transition {
    Transition(from: from, to: to, cause: cause, attempt: to == .loading ? 2 : nil)
  }

  /// A life with a restart, by uptime.
  private static let life: [(Int64, LogEvent)] = [
    (
      2,
      .runStarted(
        version: "0.1.0", schema: 1, machine: "m", pid: 7, config: .members(["DRAIN_MIN_SEC": 1]))
    ),
    (10, .fetch(move(nil, .fetching, "started"), source: "https", url: "/a")),
    (110, .fetchRetry(attempt: 1, error: "no answer", delayMilliseconds: 400)),
    (
      610,
      .verify(
        move(.fetching, .verifying, "package_fetched"), bytes: 12_345_678, fetchMilliseconds: 610)
    ),
    (
      710,
      .install(
        move(.verifying, .installing, "package_verified"),
        InstallFacts(
          package: package, python: "3.11", environmentKey: "k", environmentCache: .hit,
          installer: nil))
    ),
    (
      710,
      .load(
        Transition(from: .installing, to: .loading, cause: "environment_installed", attempt: 1),
        LoadFacts(package: package, surfaces: ["rest"], restSocket: nil, a2aSocket: nil))
    ),
    (711, .workerStarted(pid: 8, attempt: 1)),
    (1210, ready(attempt: 1)),
    (
      61_210,
      .workerExited(
        WorkerExit(
          pid: 8, status: nil, signal: "SIGKILL", outOfMemory: true, asked: false, stack: nil,
          inFlight: ["r1", "r2"], restarts: 1, willRestart: true, delayMilliseconds: 500))
    ),
    (
      61_210,
      .load(
        move(.ready, .loading, "worker_lost"),
        LoadFacts(package: package, surfaces: ["rest"], restSocket: nil, a2aSocket: nil))
    ),
    (61_710, .workerStarted(pid: 9, attempt: 2)),
    (62_210, ready(attempt: 2)),
    (
      70_000, .drain(move(.ready, .draining, "SIGTERM"), inFlight: 3, deadlineMilliseconds: 30_000)
    ),
    (
      71_100,
      .stopped(
        move(.draining, .stopped, "drained"),
        StoppedFacts(
          exitCode: 0, outcome: .clean, completed: 3, aborted: 0, drainMilliseconds: 1100))
    ),
  ]

  private static func ready(attempt: Int) -> LogEvent {
    .runtimeReady(
      Transition(from: .loading, to: .ready, cause: "worker_ready", attempt: attempt),
      ReadyFacts(
        bootMilliseconds: 1210, phases: PhaseTimes(fetch: 610, verify: 100, install: 0, load: 500),
        loadMilliseconds: 500, surfaces: ["rest"], restPort: 80, a2aPort: nil, uiPort: nil))
  }

  private func report(
    _ events: [(Int64, LogEvent)], _ verdict: Replay.Verdict = .conforms
  ) -> RunReport {
    var history = History()
    for (index, (uptime, event)) in events.enumerated() {
      history.take(
        LogLine(
          wallNanoseconds: 1_767_323_045_000_000_000, sequence: Int64(index + 1), runID: "abc123",
          agentAppID: "demo", deploymentID: nil, uptimeMilliseconds: uptime, event: event))
    }
    let last = events.last { $0.1.transition != nil }?.1.transition?.to
    return RunReport(
      runID: "abc123", agentAppID: "demo", deploymentID: nil, verdict: verdict,
      state: last ?? .fetching, lines: events.count, history: history, place: "a.log:1",
      troublePlace: nil, before: [])
  }

  private func text(_ run: RunReport, width: Int = 80) -> [String] {
    var options = TraceOptions()
    options.width = width
    var view = TextView(options)
    return view.show(run).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test("is its course to scale, with what was waited for")
  func course() {
    let expected = """
      conforms, clean  demo 1.2                                2026-01-02 03:04:05 UTC
      run abc123
      14 lines, 1 m 11 s, ready after 1.21 s, served 1 m 07 s, down 1.00 s, 1 loss

            10 ms  fetching    ███░░░              600 ms  https
                   own 200 ms, waiting: retry of the download 400 ms
           110 ms  ! attempt 1: no answer; again in 400 ms
           610 ms  verifying   ███▎                100 ms  12.3 MB
           710 ms  installing  ▏                     0 ms  Python 3.11, cached
           710 ms  loading     ███                 500 ms
      """
    let lines = text(report(Self.life))
    // The bars are another test's.
    let bars: Set<Character> = ["█", "░", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "◆", "■", " "]
    func words(_ line: some StringProtocol) -> String { String(line).filter { !bars.contains($0) } }
    for (line, wanted) in zip(
      lines, expected.split(separator: "\n", omittingEmptySubsequences: false))
    {
      #expect(words(line) == words(wanted))
    }
    let rest = lines.dropFirst(10).map { $0.split(separator: " ").joined(separator: " ") }
    #expect(
      rest.map { $0.filter { !"█░▏▎▍▌▋▊▉◆■".contains($0) }.replacing("  ", with: " ") } == [
        "1.21 s ready 1 m 00 s",
        "1 m 01 s ✗ process 8 ended by the kernel because memory ran out, 2 requests",
        "in flight; ready again after 1.00 s",
        "1 m 01 s loading 1.00 s attempt 2",
        "own 500 ms, waiting: restart delay 500 ms",
        "1 m 02 s ready 7.79 s",
        "1 m 10 s draining 1.10 s SIGTERM, 3 in flight",
        "own 100 ms, waiting: lame duck 1.00 s",
        "1 m 11 s stopped drained, clean, exit 0", "", "",
      ])
  }

  @Test("draws waiting lighter than work, and each stretch after the one before")
  func bars() {
    let timeline = report(Self.life).timeline
    var bars = TimelineBars(timeline.stretches, end: timeline.end, width: 33)
    let drawn = timeline.stretches.map { bars.next($0, end: timeline.end) }
    // 3.3 s in 33 columns, a tenth of a second each.
    #expect(
      drawn == [
        "█░░░░█", "      █", "       ▏", "       █████", "            ◆",
        "            ░░░░░█████", "                      ◆",
        "                      ░░░░░░░░░░█", String(repeating: " ", count: 32) + "■",
      ])
  }

  @Test("fits every window", arguments: [1, 10, 25, 40, 59, 60, 80, 133, 160, 500])
  func fits(_ width: Int) {
    var run = report(Self.life)
    run.agentAppID = String(repeating: "エージェント", count: 20)
    for line in text(run, width: width) { #expect(DisplayText.width(line) <= width) }
  }

  @Test("folds the middle of a long life")
  func folded() {
    var events = Array(Self.life.prefix(8))
    for count in 0..<40 {
      let time = Int64(10_000 + count * 1000)
      events += Self.life[8...10].map { (time, $0.1) }
      events.append((time + 100, Self.life[11].1))
    }
    let lines = text(report(events, .incomplete))
    let folds = lines.filter { $0.contains("…") && $0.contains("restarts") }
    #expect(folds.count == 1)
    #expect(folds.first?.contains("… 32 restarts, 3.20 s down") == true)
    let rows = lines.filter { $0.contains("  ready  ") || $0.contains("  loading  ") }
    #expect(rows.count == TimelineText.shownFirst + TimelineText.shownLast - 3)
  }

  @Test("shows one mark of very many alike, and counts the rest")
  func many() {
    var events = Array(Self.life.prefix(8))
    for _ in 1...50 { events.append((2000, .warning(code: "x", message: "y"))) }
    let lines = text(report(events, .incomplete))
    #expect(lines.filter { $0.contains("! x: y") }.count == 3)
    #expect(lines.contains { $0.contains("… 47 more: warnings") })
  }

  @Test(
    "explains a violation: place, promise, state, what was allowed, by how much, and the repair")
  func violation() throws {
    let violation = Violation(
      promise: try #require(Promise.allCases.first), sequence: 9, state: .ready,
      event: "drain", problem: "it is too early",
      allowed: ["drain (SIGTERM)", "load (worker_lost)"],
      missedByMilliseconds: 1234)
    var run = report(Self.life, .violates(violation))
    run.troublePlace = "a.log:77"
    run.before = Array(run.history.moments.prefix(2))
    run.repairs = ["drop the line", "move it"]
    let lines = text(run).drop { !$0.hasPrefix("  ✗") }.map {
      $0.split(separator: " ").joined(separator: " ")
    }
    #expect(lines.first == "✗ violates \(violation.promise.rawValue) at a.log:77")
    #expect(
      Array(lines.drop { !$0.hasPrefix("line") }) == [
        "line seq 9, drain: it is too early", "state ready, before the line",
        "missed by 1.23 s (1234 ms)", "allowed drain (SIGTERM) · load (worker_lost)",
        "before 1 2 ms run_started version 0.1.0, process 7",
        "2 10 ms fetch started, https", "repair drop the line", "or move it", "", "",
      ])
  }

  @Test("is one line after the first ones without trouble, and whole with it")
  func quiet() {
    var view = TextView(TraceOptions())
    for _ in 1...TextView.shownWhole { #expect(view.show(report(Self.life)).contains("fetching")) }
    let next = view.show(report(Self.life))
    #expect(next.hasPrefix("From here on a run without trouble has one line; --run ID shows it"))
    #expect(view.show(report(Self.life)).split(separator: "\n").count == 1)
    #expect(view.show(report(Self.life, .corrupt("it is no JSON"))).contains("fetching"))
    #expect(view.show(report(Self.life, .incomplete)).split(separator: "\n").count == 1)
  }

  @Test("tells why there is no run")
  func nothing() {
    var totals = Totals()
    var options = TraceOptions()
    #expect(totals.nothing(options) == "there is no line to check")
    totals.foreign = 9
    #expect(totals.nothing(options).hasSuffix("trace reads the JSON lines of LOG_FORMAT=json"))
    options.runID = "beef"
    #expect(totals.nothing(options) == "no run has an id that begins with beef")
  }

  @Test("stays readable in a narrow window", arguments: [20, 30, 40, 59])
  func narrow(columns: Int) {
    var options = TraceOptions()
    options.width = columns
    var view = TextView(options)
    let lines = view.show(report(Self.life, .corrupt("it is no JSON"))).split(separator: "\n")
    #expect(lines.allSatisfy { DisplayText.width($0) <= columns })
    // No text is broken into a column of letters.
    #expect(lines.count < 90)
    #expect(!lines.contains { $0.allSatisfy { $0 == " " || $0 == "…" } })
  }

  @Test("ends with a line of totals")
  func totals() {
    var totals = Totals()
    #expect(totals.text(TraceOptions()) == "there is no line to check")
    totals.runs = ["conforms": 1200, "violates": 1, "unknown-version": 2]
    totals.lines = 12_345
    totals.foreign = 3
    totals.cutOff = 1
    totals.duplicates = 2
    #expect(
      totals.text(TraceOptions())
        == "1,203 runs: 1,200 conform, 1 violates, 2 unknown-version; 12,345 lines, "
        + "3 lines of others, 1 cut off, 2 duplicates passed over")
  }
}
