import Lifecycle
import Testing

@Suite("A timeline")
struct TimelineTests {
  @Test("has a stretch for each stay in a state")
  func stretches() {
    var history = History()
    for line in GoodRuns.clean() { history.take(line) }
    let timeline = Timeline(history)
    #expect(
      timeline.stretches.map(\.state) == [
        .fetching, .verifying, .installing, .loading, .ready, .draining, .stopped,
      ])
    #expect(timeline.stretches.allSatisfy { $0.end != nil })
  }

  @Test("of a long life keeps the beginning and the end")
  func bounded() {
    var history = History()
    let lines = GoodRuns.clean()
    history.take(lines[0])
    var warning = lines[0]
    for sequence in 2...Int64(History.limit + 100) {
      warning.sequence = sequence
      warning.event = .warning(code: "x", message: "y")
      history.take(warning)
    }
    let kept = history.moments.map(\.sequence)
    #expect(kept.count == History.limit)
    #expect(history.leftOut == 100)
    #expect(kept.first == 1 && kept.last == Int64(History.limit + 100))
    #expect(kept == kept.sorted())
  }

  private func timeline(_ lines: [LogLine]) -> Timeline {
    var history = History()
    for line in lines { history.take(line) }
    return Timeline(history)
  }

  @Test(
    "parts every stretch of every good run into its own work and waiting", arguments: GoodRuns.all)
  func parted(_ run: (name: String, lines: [LogLine])) {
    let timeline = timeline(run.lines)
    for stretch in timeline.stretches {
      #expect((stretch.own ?? 0) + stretch.waited == stretch.length)
      for (wait, next) in zip(stretch.waits, stretch.waits.dropFirst()) {
        #expect(wait.end <= next.start)
      }
      for wait in stretch.waits {
        #expect(stretch.start <= wait.start && wait.start < wait.end)
        #expect(wait.end <= stretch.end ?? .max)
      }
    }
    for (stretch, next) in zip(timeline.stretches, timeline.stretches.dropFirst()) {
      #expect(stretch.end == next.start)
    }
  }

  @Test(
    "tells what was waited for",
    arguments: [
      ("clean", [(StateName.draining, Timeline.Wait.Reason.lameDuck, Int64(1000))]),
      ("SIGINT", []),
      (
        "restarts",
        [
          (.loading, .restartDelay, 400), (.loading, .restartDelay, 1200),
          (.loading, .restartDelay, 565),
        ]
      ),
      ("deadline", [(.draining, .lameDuck, 1000), (.draining, .requests, 27_000)]),
    ] as [(String, [(StateName, Timeline.Wait.Reason, Int64)])])
  func waits(_ name: String, _ expected: [(StateName, Timeline.Wait.Reason, Int64)]) throws {
    let lines = try #require(GoodRuns.all.first { $0.name == name }).lines
    let found = timeline(lines).stretches.flatMap { stretch in
      stretch.waits.map { (stretch.state, $0.what, $0.length) }
    }
    #expect(found.map { "\($0)" } == expected.map { "\($0)" })
  }

  private static let retries: [LogEvent] = [
    .fetch(Transition(from: nil, to: .fetching, cause: "started"), source: "s3", url: "/a"),
    .fetchRetry(attempt: 1, error: "no answer", delayMilliseconds: 500),
    .fetchRetry(attempt: 2, error: "no answer", delayMilliseconds: 60_000),
    .verify(
      Transition(from: .fetching, to: .verifying, cause: "package_fetched"), bytes: 1,
      fetchMilliseconds: 0),
  ]
  private static let lock: [LogEvent] = [
    .install(
      Transition(from: .verifying, to: .installing, cause: "package_verified"),
      InstallFacts(
        package: RunLog.package, python: "3.11", environmentKey: "k", environmentCache: .miss,
        installer: "uv")),
    .bootProgress(
      phase: .installing, message: "waiting for another boot that installs the same environment"),
    .bootProgress(
      phase: .installing, message: "waiting for another boot that installs the same environment"),
    .bootProgress(phase: .installing, message: "installing"),
  ]

  @Test(
    "knows waits that last from a line to another, and none beyond the stretch",
    arguments: [
      (retries, [Int64(0), 1000, 2500, 9000], [Int64(500), 6500]),
      (lock, [0, 5000, 10_000, 15_000], [5000]),
    ])
  func pauses(_ events: [LogEvent], _ uptimes: [Int64], _ lengths: [Int64]) {
    let lines = zip(events, uptimes).enumerated().map { index, pair in
      LogLine(
        wallNanoseconds: 0, sequence: Int64(index + 1), runID: "r", agentAppID: nil,
        deploymentID: nil, uptimeMilliseconds: pair.1, event: pair.0)
    }
    #expect(timeline(lines).stretches.first?.waits.map(\.length) == lengths)
  }

  @Test(
    "tells of each loss and how long nobody served",
    arguments: [
      ("clean", 0, Int64(0)), ("restarts", 5, 4965), ("restarts used up", 2, 0),
      ("first worker lost", 1, 0), ("load time-out", 2, 61_200), ("reloads", 1, 700),
      ("reload failed", 0, 0), ("worker lost in the drain", 0, 0),
    ])
  func losses(_ name: String, _ count: Int, _ unserved: Int64) throws {
    let timeline = timeline(try #require(GoodRuns.all.first { $0.name == name }).lines)
    #expect(timeline.losses.count == count)
    #expect(timeline.unserved == unserved)
  }

  @Test(
    "tells a boot that failed from a run that gave up after it had served",
    arguments: [
      ("restarts used up", "gave up: it failed"),
      ("first worker lost", "failed in loading: it failed"),
    ])
  func failures(_ name: String, _ words: String) throws {
    let lines = try #require(GoodRuns.all.first { $0.name == name }).lines
    #expect(timeline(lines).marks.filter { $0.kind == .bootFailed }.map(\.label) == [words])
  }

  @Test(
    "tells of each reload",
    arguments: [
      ("reloads", 3, 0), ("reload failed", 1, 2), ("lost in a reload", 0, 1),
      ("drain in a reload", 0, 1),
    ])
  func reloads(_ name: String, _ finished: Int, _ failed: Int) throws {
    let reloads = timeline(try #require(GoodRuns.all.first { $0.name == name }).lines).reloads
    let ends = reloads.map {
      if case .finished = $0.outcome { "finished" } else { $0.outcome == nil ? "open" : "failed" }
    }
    #expect(ends.filter { $0 == "finished" }.count == finished)
    #expect(ends.filter { $0 == "failed" }.count == failed)
  }

  @Test("never goes back in time, whatever the lines say")
  func clocks() {
    var lines = GoodRuns.restarts()
    for (index, uptime) in zip(
      lines.indices, [5, 3, .max, -7, 0, .min, 12] as [Int64])
    { lines[index].uptimeMilliseconds = uptime }
    let timeline = timeline(lines)
    for (stretch, next) in zip(timeline.stretches, timeline.stretches.dropFirst()) {
      #expect(stretch.start <= next.start)
    }
    #expect(timeline.unserved >= 0 && timeline.served >= 0)
  }

  @Test(
    "says how a process ended",
    arguments: [
      (nil, "SIGKILL", true, nil, "ended by the kernel because memory ran out"),
      (
        nil, "SIGKILL", false, "the agent's event loop did not run for 2 s\nThread 1",
        "killed: the agent's event loop did not run for 2 s"
      ),
      (nil, "SIGKILL", false, "my last words", "ended by SIGKILL"),
      (nil, "SIGSEGV", false, "Fatal Python error", "ended by SIGSEGV"),
      (
        1, nil, false, "Traceback (most recent call last):\n  File x\nValueError: no",
        "ended with status 1: ValueError: no"
      ),
      (3, nil, false, "bye", "ended with status 3"),
    ] as [(Int?, String?, Bool, String?, String)])
  func why(_ status: Int?, _ signal: String?, _ oom: Bool, _ stack: String?, _ text: String) {
    let exit = WorkerExit(
      pid: 1, status: status, signal: signal, outOfMemory: oom, asked: false, stack: stack,
      inFlight: [], restarts: 0, willRestart: false, delayMilliseconds: nil)
    #expect(exit.why == text)
  }
}
