import Lifecycle
import Testing

@testable import LogTrace

@Suite("Repairs of runs")
struct RepairQuotaTests {
  /// Makes each run wrong at its drain and ends it.
  private func reports(
    _ count: Int, _ limits: RepairLimits, interleaved: Bool = false
  ) -> [RunReport] {
    var table = RunTable(names: ["a.log"], repairs: limits)
    let runs = (0..<count).map { ShortRun("\($0)") }
    let order =
      interleaved
      ? (0..<8).flatMap { line in runs.map { ($0, line) } }
      : runs.flatMap { run in (0..<8).map { (run, $0) } }
    return order.compactMap { run, index in
      var line = run.line(index + 1)
      if case .drain(var transition, let count, let deadline) = line.event {
        transition.from = .ready
        line.event = .drain(transition, inFlight: count, deadlineMilliseconds: deadline)
      }
      return table.take(
        line, RunKey(run.id), hash: 0, at: Place(input: 0, line: index + 1))
    }
  }

  @Test("name the place of the trouble")
  func place() {
    #expect(
      reports(2, RepairLimits()).map(\.repairs.first)
        == Array(
          repeating: "change from of seq 7, drain (a.log:7), from ready to fetching", count: 2))
  }

  @Test("are sought for so many runs and no more")
  func runs() {
    var limits = RepairLimits()
    limits.runs = 2
    #expect(
      reports(3, limits).last?.repairs == ["no repair was sought: it was for 2 runs before"])
  }

  @Test("cost so many steps together and no more")
  func steps() {
    var limits = RepairLimits()
    limits.stepsOfAll = 1
    #expect(
      reports(2, limits).map { $0.repairs.first?.hasPrefix("no repair was sought") ?? false }
        == [false, true])
  }

  @Test("hold so many lines at once and give them back")
  func heldLines() {
    var limits = RepairLimits()
    limits.heldLines = limits.linesAfter + 10
    let refusals = reports(3, limits, interleaved: true).map {
      $0.repairs.first?.contains("open at once") ?? false
    }
    #expect(refusals == [false, true, true])
    #expect(reports(3, limits).allSatisfy { $0.repairs.first?.hasPrefix("change") ?? false })
  }

  @Test("are there for a line that cannot be read, and for one after the end")
  func others() throws {
    let run = ShortRun("a")
    let call = try TraceCall([
      run.text(1...3) + Array(run.text(4).prefix(200)) + [0x0A] + run.text(5...8)
    ])
    #expect(
      call.runs.first?.repairs.first?.hasSuffix("a:4): it moves nothing") == true,
      "\(call.runs.map { "\($0.verdict) \($0.repairs)" })")
    let late = try TraceCall([run.text + ShortRun("a", lines: 20).text(9)])
    #expect(
      late.runs.last?.repairs.first?.hasSuffix("a:9): it comes after the end") == true,
      "\(late.runs.map { "\($0.verdict) \($0.repairs)" })")
  }
}
