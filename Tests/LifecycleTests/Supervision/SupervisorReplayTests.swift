import Testing

@testable import Lifecycle

@Suite("The replay of a supervisor's log")
struct SupervisorReplayTests {
  static func verdict(_ lines: [LogLine]) -> Replay.Verdict {
    var replay = SupervisorReplay()
    for line in lines { replay.take(line) }
    return replay.verdict
  }

  @Test("of a good one conforms", arguments: 0..<GoodSupervisors.all.count)
  func conforms(index: Int) {
    let (name, log) = GoodSupervisors.all[index]
    #expect(log.own.last?.event.name == "supervisor_stopped", "\(name)")
    let verdict = Self.verdict(log.own)
    if case .violates(let violation) = verdict {
      Issue.record("\(name): \(violation.text) \(violation.allowed)")
    }
    #expect(verdict == .conforms, "\(name)")
    #expect(SupervisedViews(log).verdict(log.own) == .conforms, "\(name)")
  }

  @Test("of one that was cut off is incomplete, and says what was to come")
  func incomplete() {
    let lines = GoodSupervisors.killed().own
    for length in 0..<lines.count {
      #expect(Self.verdict(Array(lines.prefix(length))) == .incomplete, "\(length)")
    }
    var replay = SupervisorReplay()
    for line in lines.prefix(6) { replay.take(line) }
    #expect(replay.timers.first?.what == "alpha's time to become Ready is over")
    #expect(replay.phase == .starting)
  }

  @Test("of another machine is of an unknown version")
  func unknown() {
    var lines = GoodSupervisors.rolling().own
    lines[0].event = .supervisor(
      .started(version: "9", schema: 1, machine: "f8f8582093636904", pid: 1, config: [:]))
    #expect(Self.verdict(lines).name == "unknown-version")
  }

  /// A good log in which one line is another one.
  private static func changed(
    _ log: SupervisorLog, _ event: String, at place: Int = 0,
    _ change: (inout JSONValue) -> Void
  ) -> [LogLine] {
    var lines = log.own
    let places = lines.indices.filter { lines[$0].event.name == event }
    guard var object = try? JSONReader.decode(lines[places[place]].encoded) else { return [] }
    change(&object)
    guard let line = try? LogLine.decode(JSONWriter.encode(object)) else { return [] }
    lines[places[place]] = line
    return lines
  }

  /// A good log in which a line stands somewhere else, or nowhere.
  private static func moved(_ log: SupervisorLog, _ event: String, by distance: Int?) -> [LogLine] {
    var lines = log.own
    guard let place = lines.firstIndex(where: { $0.event.name == event }) else { return [] }
    let line = lines.remove(at: place)
    if let distance { lines.insert(line, at: place + distance) }
    return lines.enumerated().map { index, line in
      var line = line
      line.sequence = Int64(index + 1)
      return line
    }
  }

  static let broken: [(promise: Promise, lines: [LogLine])] = [
    (
      .supervisorAllows,
      GoodSupervisors.rolling().own.map { line in
        var line = line
        if line.sequence == 5 { line.event = .bootProgress(phase: .loading, message: "x") }
        return line
      }
    ),
    (.stepIsTold, moved(GoodSupervisors.rolling(), "agent_traffic", by: nil)),
    (
      .desiredIsDeployed,
      changed(GoodSupervisors.rolling(), "supervisor_loaded") { $0.set("agents", 3) }
    ),
    (
      .stateOfAgent,
      changed(GoodSupervisors.rolling(), "agent_state", at: 2) { $0.set("from", "failed") }
    ),
    (
      .reasonsAreTold,
      changed(GoodSupervisors.failedChange(), "agent_target_failed") { $0.set("reason", "x") }
    ),
    (
      .trafficGoesToReady,
      changed(GoodSupervisors.rolling(), "agent_traffic", at: 2) { $0.set("from_worker", 9) }
    ),
    (
      .stopsFollow,
      changed(GoodSupervisors.rolling(), "agent_worker_stop") { $0.set("cause", "removed") }
    ),
    (
      .workersAreNumbered,
      changed(GoodSupervisors.rolling(), "agent_worker", at: 2) { $0.set("worker", 7) }
    ),
    (
      .workersEndOnce,
      changed(GoodSupervisors.rolling(), "agent_worker_exited") { $0.set("agent", "beta") }
    ),
    (
      .restartsOfWorkers,
      changed(GoodSupervisors.killed(), "agent_worker_exited", at: 1) { $0.set("restarts", 3) }
    ),
    (
      .delayBeforeRestart,
      changed(GoodSupervisors.killed(), "agent_worker_exited", at: 1) { $0.set("delay_ms", 501) }
    ),
    (
      .patienceWithWorkers,
      GoodSupervisors.slowBoot().own.map { line in
        var line = line
        if line.uptimeMilliseconds > 60_000 { line.uptimeMilliseconds += 2500 }
        return line
      }
    ),
    (
      .settledOnce,
      changed(GoodSupervisors.rolling(), "supervisor_ready") { $0.set("ready", 1) }
    ),
    (
      .viewOfState,
      changed(GoodSupervisors.rolling(), "agent_state", at: 2) { $0.set("worker_seq", 4) }
    ),
    (
      .viewOfProcess, changed(GoodSupervisors.rolling(), "agent_worker") { $0.set("pid", 9999) }
    ),
    (
      .viewOfEnd,
      changed(GoodSupervisors.rolling(), "agent_worker_exited") { $0.set("end", "gave_up", "x") }
    ),
  ]

  @Test("names the promise that a line breaks", arguments: 0..<broken.count)
  func breaks(index: Int) {
    let (promise, lines) = Self.broken[index]
    let log: SupervisorLog =
      promise == .reasonsAreTold ? GoodSupervisors.failedChange() : GoodSupervisors.rolling()
    let views = promise.group == .views ? SupervisedViews(log) : SupervisedViews(SupervisorLog())
    guard case .violates(let violation) = views.verdict(lines) else {
      Issue.record("\(promise.rawValue): \(views.verdict(lines))")
      return
    }
    #expect(violation.promise == promise, "\(violation.text)")
    #expect(violation.phase != nil)
    #expect((violation.witness != nil) == (promise.group == .views))
  }

  @Test("has a broken log for each of its promises")
  func complete() {
    let own = Promise.allCases.filter { $0.group == .supervisors || $0.group == .views }
    // Where a line stands among those of others, only who reads them all knows.
    #expect(Set(Self.broken.map(\.promise)) == Set(own).subtracting([.workersLineFirst]))
  }

  @Test("is told apart from that of a run")
  func run() {
    #expect(Self.verdict(GoodRuns.clean()).name == "violates")
    #expect(ReplayTests.verdict(GoodSupervisors.rolling().own).name == "violates")
  }
}

extension JSONValue {
  fileprivate mutating func set(_ name: String, _ value: JSONValue, _ reason: String? = nil) {
    guard let members else { return }
    self = .object(
      members.map {
        if $0.name == name { return JSONMember(name, value) }
        if let reason, $0.name == "reason" { return JSONMember("reason", .string(reason)) }
        if reason != nil, $0.name == "level" { return JSONMember("level", "error") }
        return $0
      })
  }
}
