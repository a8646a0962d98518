import Testing

@testable import Lifecycle

@Suite("Replay")
struct ReplayTests {
  static func verdict(_ lines: [LogLine]) -> Replay.Verdict {
    var replay = Replay()
    for line in lines { replay.take(line) }
    return replay.verdict
  }

  @Test("of a good run conforms", arguments: 0..<GoodRuns.all.count)
  func conforms(index: Int) {
    let (name, lines) = GoodRuns.all[index]
    #expect(lines.last?.event.name == "stopped", "\(name)")
    #expect(Self.verdict(lines) == .conforms, "\(name)")
  }

  @Test("of a run that was cut off anywhere is incomplete", arguments: 0..<GoodRuns.all.count)
  func incomplete(index: Int) {
    let lines = GoodRuns.all[index].lines
    for length in 0..<lines.count {
      #expect(Self.verdict(Array(lines.prefix(length))) == .incomplete, "\(length)")
    }
  }

  @Test("knows whose run it is and how far it came")
  func progress() {
    var replay = Replay()
    for line in GoodRuns.clean() { replay.take(line) }
    #expect(replay.state == .stopped)
    #expect(replay.agentAppID == "my-agent")
    #expect(replay.lines == GoodRuns.clean().count)
  }

  @Test("of a log of another machine or another schema is of an unknown version")
  func unknown() {
    var lines = GoodRuns.clean()
    lines[0].event = .runStarted(
      version: "9", schema: 1, machine: "0000000000000000", pid: 1, config: [:])
    #expect(Self.verdict(lines).name == "unknown-version")
    lines[0].event = .runStarted(
      version: "9", schema: 2, machine: MachineTable.hash, pid: 1, config: [:])
    #expect(Self.verdict(lines).name == "unknown-version")
  }

  @Test("lets other threads' lines carry a later time than the transition after them")
  func crossedTimes() {
    var lines = GoodRuns.clean()
    let index = lines.firstIndex { $0.event.name == "drain" } ?? 0
    var late = lines[index - 1]
    late.uptimeMilliseconds = lines[index].uptimeMilliseconds + 3
    late.event = .warning(code: "http2_refused", message: "x")
    lines.insert(late, at: index)
    #expect(Self.verdict(renumbered(lines)) == .conforms)
  }

  @Test("of a run that logs warnings alone lacks the lines below, and conforms")
  func quiet() {
    for (name, lines) in GoodRuns.all {
      var kept = lines.filter { $0.event.level >= .warning || $0.event.isAlwaysWritten }
      if case .runStarted(let version, let schema, let machine, let pid, .object(let members)) =
        kept[0].event
      {
        kept[0].event = .runStarted(
          version: version, schema: schema, machine: machine, pid: pid,
          config: .object(
            members.map { $0.name == "LOG_LEVEL" ? JSONMember("LOG_LEVEL", "warning") : $0 }))
      }
      #expect(Self.verdict(renumbered(kept)) == .conforms, "\(name)")
    }
  }

  // MARK: Violations

  struct Forgery: CustomTestStringConvertible, Sendable {
    let name: String
    let lines: [LogLine]
    /// A part of what is said.
    let problem: String
    var testDescription: String { name }

    init(_ name: String, _ lines: [LogLine], _ problem: String) {
      (self.name, self.lines, self.problem) = (name, lines, problem)
    }
  }

  static let forgeries: [Forgery] = [
    Forgery("a line is missing", removing("verify", renumber: false), "has seq 2"),
    Forgery("a transition is missing", removing("verify"), "stays"),
    Forgery("the first line is missing", removing("run_started"), "first line"),
    Forgery("a line is there twice", duplicating("load", renumber: false), "has seq"),
    Forgery("a transition is there twice", duplicating("load"), "stays"),
    Forgery("a run starts twice", duplicating("run_started"), "starts once"),
    Forgery("a line comes after the last", duplicating("stopped"), "stopped is the last line"),
    Forgery("another from", transition("load") { $0.from = .verifying }, "it comes from"),
    Forgery("no from", transition("load") { $0.from = nil }, "it comes from null"),
    Forgery(
      "a from at the beginning", transition("fetch") { $0.from = .fetching }, "it comes from"),
    Forgery("another to", transition("verify") { $0.to = .installing }, "it goes to"),
    Forgery("another cause", transition("load") { $0.cause = "worker_lost" }, "no event leads"),
    Forgery("an unknown cause", transition("drain") { $0.cause = "boredom" }, "no event leads"),
    Forgery("another attempt", transition("runtime_ready") { $0.attempt = 2 }, "its attempt"),
    Forgery("no attempt", transition("load") { $0.attempt = nil }, "its attempt"),
    Forgery("an attempt too many", transition("drain") { $0.attempt = 1 }, "its attempt"),
    Forgery("another outcome", stopped { $0.outcome = .cut }, "its outcome"),
    Forgery("an abort that does not cut", stopped { $0.aborted = 1 }, "its outcome"),
    Forgery("another exit code", stopped { $0.exitCode = 1 }, "its outcome"),
    Forgery("another drain_ms", stopped { $0.drainMilliseconds += 1 }, "its drain_ms"),
    Forgery("another boot_ms", ready { $0.bootMilliseconds -= 1 }, "its boot_ms"),
    Forgery("another phase", ready { $0.phases.install += 1 }, "its phases_ms"),
    Forgery("another load_ms", ready { $0.loadMilliseconds += 1 }, "its load_ms"),
    Forgery(
      "another deadline",
      editing("drain") {
        guard case .drain(let transition, let count, _) = $0 else { return }
        $0 = .drain(transition, inFlight: count, deadlineMilliseconds: 1)
      }, "its deadline_ms"),
    Forgery(
      "another fetch_ms",
      editing("verify") {
        guard case .verify(let transition, let bytes, let time) = $0 else { return }
        $0 = .verify(transition, bytes: bytes, fetchMilliseconds: time + 1)
      }, "its fetch_ms"),
    Forgery("time goes back", at("runtime_ready", 3), "its uptime"),
    Forgery(
      "drained before DRAIN_MIN", configured(GoodRuns.clean(), "DRAIN_MIN_SEC", 5),
      "drain_minimum is not due"),
    Forgery(
      "the deadline before its time", at("stopped", 31_400, GoodRuns.deadline()),
      "drain_deadline is not due"),
    Forgery(
      "the hard limit before its time", GoodRuns.hardLimit(early: true), "not reached the limit"),
    Forgery(
      "another hard limit",
      configured(GoodRuns.hardLimit(), "BOOT_HARD_LIMIT_MULTIPLIER", .number(1.5)), "its times"),
    Forgery(
      "a request cut off by nobody",
      swapping("request_aborted", GoodRuns.lostInDrain(), with: "drain"),
      "nothing can have"),
    Forgery(
      "a failure without a word", removing("boot_failed", GoodRuns.badPackage()), "no boot_failed"),
    Forgery(
      "a bad configuration without a word", removing("config_error", GoodRuns.configuration()),
      "no config_error"),
    Forgery(
      "a hard limit without its line",
      removing("Boot time exceeded hard limit", GoodRuns.hardLimit()), "no line tells of the hard"),
    Forgery(
      "a hard limit that was no cause",
      editing("drain", GoodRuns.hardLimit()) {
        $0.changeTransition { $0.cause = "failure" }
      },
      "a line tells of the hard"),
    Forgery(
      "a restart in the middle of a reload",
      {
        var lines = GoodRuns.lostInReload()
        if let end = lines.firstIndex(where: { $0.event.name == "reload_failed" }) {
          lines.swapAt(end, end + 1)
        }
        return renumbered(lines)
      }(), "has not ended"),
    Forgery(
      "a slow boot without its line", removing("Boot time exceeded budget", GoodRuns.slowBoot()),
      "no line tells that the budget"),
    Forgery(
      "a slow boot told twice", duplicating("Boot time exceeded budget", GoodRuns.slowBoot()),
      "told of once"),
    Forgery(
      "a loss without its line", removing("worker_exited", GoodRuns.restarts()), "no worker_exited"),
    Forgery("a worker that never started", removing("worker_started"), "no worker_started"),
    Forgery("a worker that started twice", duplicating("worker_started"), "was started before"),
    Forgery(
      "a restart that was not announced", exit(GoodRuns.restarts()) { $0.willRestart = false },
      "a delay is there"),
    Forgery(
      "an end that was announced as a restart",
      exit(GoodRuns.restartsUsedUp(), last: true) {
        ($0.willRestart, $0.delayMilliseconds) = (true, 0)
      }, "one more than allowed"),
    Forgery(
      "another number of restarts", exit(GoodRuns.restarts()) { $0.restarts = 2 }, "other restarts"),
    Forgery(
      "a delay longer than any", exit(GoodRuns.restarts()) { $0.delayMilliseconds = 700 },
      "longer delay"),
    Forgery("another process ended", exit(GoodRuns.restarts()) { $0.pid = 5 }, "no worker with"),
    Forgery(
      "a reload that never began", removing("reload_started", GoodRuns.reloads()),
      "was started before"),
    Forgery(
      "a reload that begins twice", duplicating("reload_started", GoodRuns.reloads()),
      "has not ended"),
    Forgery(
      "a reload without a worker of its own",
      editing("reload_finished", GoodRuns.reloads()) {
        $0 = .reloadFinished(ReloadFacts(pid: 5, replaced: 101, loadMilliseconds: 1))
      }, "was not started for it"),
    Forgery(
      "a reload that replaces somebody else",
      editing("reload_finished", GoodRuns.reloads()) {
        $0 = .reloadFinished(ReloadFacts(pid: 1101, replaced: 5, loadMilliseconds: 1))
      }, "did not serve"),
    Forgery(
      "a load longer than its reload",
      editing("reload_finished", GoodRuns.reloads()) {
        $0 = .reloadFinished(ReloadFacts(pid: 1101, replaced: 101, loadMilliseconds: 601))
      }, "longer than the reload"),
    Forgery(
      "a reload that failed and whose process goes on",
      removing("worker_exited", GoodRuns.reloadFailed()), "has not ended"),
    Forgery(
      "a reload without an end", removing("reload_failed", GoodRuns.drainInReload()), "has no end"),
    Forgery(
      "a reload in a drain", swapping("reload_started", GoodRuns.drainInReload(), with: "drain"),
      ""),
    Forgery(
      "a process that was replaced is started again",
      exit(GoodRuns.reloads()) { ($0.willRestart, $0.delayMilliseconds) = (true, 0) },
      "is no loss"),
    Forgery(
      "a request cut off before anybody was replaced",
      swapping("request_aborted", GoodRuns.reloads(), with: "reload_started"), "nothing can have"),
    Forgery(
      "more restarts than allowed",
      configured(GoodRuns.restarts(), "WORKER_RESTARTS", "1/60"), ""),
    Forgery(
      "another agent",
      {
        var lines = GoodRuns.clean()
        lines[3].agentAppID = "another"
        return lines
      }(), "its agentAppId"),
  ]

  @Test("finds what the machine would not have written", arguments: forgeries)
  func violates(forgery: Forgery) {
    guard case .violates(let violation) = Self.verdict(forgery.lines) else {
      Issue.record("\(Self.verdict(forgery.lines))")
      return
    }
    #expect(violation.problem.contains(forgery.problem), "\(violation.text)")
    #expect(violation.text.contains(violation.event))
  }

  @Test("says nothing more after the first violation")
  func first() {
    var replay = Replay()
    let lines = GoodRuns.clean()
    replay.take(lines[0])
    replay.take(lines[2])
    let verdict = replay.verdict
    for line in lines.dropFirst(3) { replay.take(line) }
    #expect(replay.verdict == verdict)
    #expect(verdict.name == "violates")
  }

  @Test("of a run with a line that cannot be read says so")
  func corrupt() {
    var replay = Replay()
    replay.take(GoodRuns.clean()[0])
    replay.takeCorrupt("it is no JSON")
    #expect(replay.verdict == .corrupt("it is no JSON"))
  }
}

// MARK: Making forgeries

func renumbered(_ lines: [LogLine]) -> [LogLine] {
  var lines = lines
  for index in lines.indices { lines[index].sequence = Int64(index + 1) }
  return lines
}

func removing(
  _ name: String, _ lines: [LogLine] = GoodRuns.clean(), renumber: Bool = true
) -> [LogLine] {
  var lines = lines
  if let index = lines.firstIndex(where: { $0.event.name == name }) { lines.remove(at: index) }
  return renumber ? renumbered(lines) : lines
}

func duplicating(
  _ name: String, _ lines: [LogLine] = GoodRuns.clean(), renumber: Bool = true
) -> [LogLine] {
  var lines = lines
  if let index = lines.firstIndex(where: { $0.event.name == name }) {
    lines.insert(lines[index], at: index)
  }
  return renumber ? renumbered(lines) : lines
}

func editing(
  _ name: String, _ lines: [LogLine] = GoodRuns.clean(), last: Bool = false,
  _ change: (inout LogEvent) -> Void
) -> [LogLine] {
  var lines = lines
  let index =
    last
    ? lines.lastIndex { $0.event.name == name } : lines.firstIndex { $0.event.name == name }
  if let index { change(&lines[index].event) }
  return lines
}

func swapping(_ name: String, _ lines: [LogLine], with other: String) -> [LogLine] {
  var lines = lines
  if let first = lines.firstIndex(where: { $0.event.name == name }),
    let second = lines.firstIndex(where: { $0.event.name == other })
  {
    lines.swapAt(first, second)
  }
  return renumbered(lines)
}

func at(
  _ name: String, _ uptime: Int64, _ lines: [LogLine] = GoodRuns.clean()
) -> [LogLine] {
  var lines = lines
  for index in lines.indices where lines[index].event.name == name {
    lines[index].uptimeMilliseconds = uptime
  }
  return lines
}

func transition(_ name: String, _ change: (inout Transition) -> Void) -> [LogLine] {
  editing(name) { $0.changeTransition(change) }
}

func stopped(_ change: (inout StoppedFacts) -> Void) -> [LogLine] {
  editing("stopped") {
    guard case .stopped(let transition, var facts) = $0 else { return }
    change(&facts)
    $0 = .stopped(transition, facts)
  }
}

func ready(_ change: (inout ReadyFacts) -> Void) -> [LogLine] {
  editing("runtime_ready") {
    guard case .runtimeReady(let transition, var facts) = $0 else { return }
    change(&facts)
    $0 = .runtimeReady(transition, facts)
  }
}

func exit(
  _ lines: [LogLine], last: Bool = false, _ change: (inout WorkerExit) -> Void
) -> [LogLine] {
  editing("worker_exited", lines, last: last) {
    guard case .workerExited(var exit) = $0 else { return }
    change(&exit)
    $0 = .workerExited(exit)
  }
}

func configured(_ lines: [LogLine], _ name: String, _ value: JSONValue) -> [LogLine] {
  editing("run_started", lines) {
    guard case .runStarted(let version, let schema, let machine, let pid, let config) = $0 else {
      return
    }
    let others = (config.members ?? []).filter { $0.name != name }
    let members = others + [JSONMember(name, value)]
    $0 = .runStarted(
      version: version, schema: schema, machine: machine, pid: pid, config: .object(members))
  }
}
