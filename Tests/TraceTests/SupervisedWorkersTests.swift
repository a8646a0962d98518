import Lifecycle
import Testing

@testable import LogTrace

@Suite("A supervisor's word about its workers")
struct SupervisedWorkersTests {
  private func supervisor(_ call: TraceCall) throws -> RunReport {
    try #require(call.runs.first { $0.supervisor != nil })
  }

  private func violation(_ call: TraceCall) throws -> Violation {
    guard case .violates(let violation) = try supervisor(call).verdict else {
      throw Missing(verdicts: call.verdicts)
    }
    return violation
  }

  private struct Missing: Error { let verdicts: [String] }

  @Test("conforms when the workers' own logs say the same")
  func agrees() throws {
    let call = try TraceCall([SupervisedPair().text]) { $0.isStrict = true }
    #expect(call.problem == nil)
    #expect(call.verdicts == ["conforms", "conforms"])
    #expect(call.status == 0)
    let report = try #require(try supervisor(call).supervisor)
    #expect(report.phase == .stopped && report.unseenWorkers == 0)
    #expect(report.course.agents.map(\.id) == ["short"])
    #expect(report.course.agents[0].stretches.map(\.state) == [.booting, .draining, .stopped])
  }

  @Test("about another process is a violation that shows both lines")
  func process() throws {
    let violation = try violation(TraceCall([SupervisedPair(pid: 8).text]))
    #expect(violation.promise == .viewOfProcess)
    let witness = try #require(violation.witness)
    #expect(witness.sequence == 1 && witness.place?.hasSuffix("a:5") == true)
  }

  @Test("about another end is a violation", arguments: [0, 1, 2])
  func end(index: Int) throws {
    let pairs = [
      SupervisedPair(end: .crashed(reason: "its process ended")),
      SupervisedPair(end: .gaveUp(reason: "it failed")), SupervisedPair(lastSequence: 7),
    ]
    let violation = try violation(TraceCall([pairs[index].text]))
    #expect(violation.promise == .viewOfEnd)
    #expect(violation.witness?.sequence == 8)
  }

  @Test("that comes before the worker's own line is a violation", arguments: [1, 5])
  func late(count: Int) throws {
    let call = try TraceCall([SupervisedPair(late: count).text])
    #expect(
      try violation(call).promise == .workersLineFirst || violation(call).promise == .viewOfEnd)
    #expect(call.status == 1)
  }

  @Test("explains a log without an end: it is incomplete, and no failure even of a strict call")
  func killed() throws {
    let pair = SupervisedPair(
      end: .crashed(reason: "its process was ended by SIGKILL"), lastSequence: 5, workerLines: 5)
    let call = try TraceCall([pair.text]) { $0.isStrict = true }
    #expect(call.problem == nil)
    #expect(call.verdicts.sorted() == ["conforms", "incomplete"])
    #expect(call.runs.first { $0.supervisor == nil }?.excuse?.contains("SIGKILL") == true)
    #expect(call.totals.excused == 1)
    #expect(call.status == 0)
    let alone = try TraceCall([pair.worker.text(1...5)]) { $0.isStrict = true }
    #expect(alone.status == 1)
  }

  @Test("is held against nothing where the worker's log is not there, and that is said")
  func absent() throws {
    let call = try TraceCall([SupervisedPair(pid: 99, reads: false).text])
    #expect(call.verdicts == ["conforms"])
    #expect(try supervisor(call).supervisor?.unseenWorkers == 1)
  }

  @Test("is shown by every view", arguments: TraceOptions.Format.allCases)
  func views(format: TraceOptions.Format) throws {
    for pair in [SupervisedPair(), SupervisedPair(pid: 8)] {
      let folder = try TemporaryFolder()
      try folder.write("log", pair.text)
      for width in [20, 80, 160] {
        var options = TraceOptions()
        options.inputs = ["\(folder.path)/log"]
        (options.format, options.width) = (format, width)
        var session = TraceSession(options)
        var text = ""
        _ = session.run(write: { text += $0 }, complain: { _ in })
        #expect(text.contains("short"))
      }
    }
  }

  @Test("is shown by the reports on all runs", arguments: [false, true])
  func reports(isCoverage: Bool) throws {
    let folder = try TemporaryFolder()
    try folder.write("log", SupervisedPair().text)
    var options = TraceOptions()
    options.inputs = ["\(folder.path)/log"]
    (options.summarises, options.coversTable) = (!isCoverage, isCoverage)
    var session = TraceSession(options)
    var text = ""
    #expect(session.run(write: { text += $0 }, complain: { _ in }) == 0)
    #expect(text.contains("1 supervisor"))
  }

  @Test("keeps of runs that have ended so many and no more")
  func bounded() {
    var workers = SupervisedWorkers()
    for number in 0..<(3 * SupervisedWorkers.accountLimit) {
      var history = History()
      for line in ShortRun("\(number)", lines: 40).lines { history.take(line) }
      workers.ended(RunKey("\(number)"), history, RecentLines(), lastSequence: 40)
    }
    #expect(workers[RunKey("0")] == nil)
    let last = workers[RunKey("\(3 * SupervisedWorkers.accountLimit - 1)")]
    #expect(last?.moments.count == SupervisedWorkers.momentLimit + 1)
    for number in 0..<(2 * SupervisedWorkers.wordLimit) {
      workers.note(
        SupervisedWorkers.Word(
          supervisor: RunKey("s"), sequence: 1, event: "agent_state",
          place: Place(input: 0, line: 1), upTo: 1), about: RunKey("\(number)"))
    }
    #expect(workers.word(about: RunKey("0")) == nil)
    #expect(workers.word(about: RunKey("\(2 * SupervisedWorkers.wordLimit - 1)")) != nil)
  }
}
