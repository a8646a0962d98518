import Lifecycle
import Testing

@testable import LogTrace

@Suite("The table of runs")
struct RunTableTests {
  private static let run = ShortRun("a")

  @Test("counts a line that names no run")
  func unattributed() {
    var table = RunTable(names: ["a.log"])
    let report = table.takeCorrupt(nil, "it is no JSON", at: Place(input: 0, line: 3))
    #expect(report?.runID == nil)
    #expect(table.totals.corrupt == 1)
    #expect(table.totals.firstCorrupt == "a.log:3: it is no JSON")
    #expect(table.totals.status(strict: false) == 1)
  }

  @Test("hands a run on with its last line and forgets it")
  func forgets() {
    var table = RunTable(names: ["a.log"])
    for number in 0..<1000 {
      let run = ShortRun("\(number)")
      let key = RunKey(run.id)
      for line in run.lines.dropLast() {
        let report = table.take(line, key, hash: 0, at: Place(input: 0, line: 1))
        #expect(report?.runID == nil)
      }
      let report = table.take(run.line(run.count), key, hash: 0, at: Place(input: 0, line: 1))
      #expect(report?.verdict == .conforms)
      #expect(table.standing(key) == .ended)
    }
    #expect(table.openRuns == 0)
    #expect(table.finish().isEmpty)
  }

  @Test("reports open runs in the order in which they began")
  func order() throws {
    let runs = ["c", "a", "d", "b"].map { ShortRun($0) }
    let call = try TraceCall([
      runs.flatMap { $0.text(1) } + runs.reversed().flatMap { $0.text(2) } + runs[1].text(3...8)
    ])
    #expect(call.runs.map(\.runID) == [1, 0, 2, 3].map { runs[$0].id })
  }

  @Test("reports a run once more when lines come after its end")
  func late() throws {
    let call = try TraceCall([
      Self.run.text + ShortRun("a", lines: 20).text(9) + Self.run.text(3)
    ])
    #expect(call.verdicts == ["conforms", "violates"])
    #expect(call.totals.runs == ["violates": 1])
    #expect(call.problem == "stopped is the last line")
    #expect(call.totals.lines == 10)
    #expect(call.status == 1)
  }

  @Test("reports no run twice that violates anyway")
  func lateTwice() throws {
    let text = Self.run.text(1...3) + Self.run.text(5...8) + Self.run.text(4)
    let call = try TraceCall([text])
    #expect(call.verdicts == ["violates"])
    #expect(call.totals.runs == ["violates": 1])
  }

  @Test("remembers many ended runs, and forgets the oldest of more")
  func endedBound() {
    var ended = EndedRuns()
    for number in 0...2 * EndedRuns.limit {
      ended.take(RunKey("\(number)"), "conforms", RecentLines())
    }
    #expect(ended[RunKey("0")] == nil)
    for number in EndedRuns.limit...2 * EndedRuns.limit {
      #expect(ended[RunKey("\(number)")] == "conforms")
    }
    ended.correct(RunKey("\(EndedRuns.limit)"), "violates")
    #expect(ended[RunKey("\(EndedRuns.limit)")] == "violates")
  }

  @Test("remembers the last lines of ended runs as long as they are not too many")
  func endedLinesBound() {
    var lines = RecentLines()
    for number in 1...10 { lines.take(Int64(number), 1, at: Place(input: 0, line: number)) }
    var ended = EndedRuns(recentLimit: 30)
    for number in 0..<9 { ended.take(RunKey("\(number)"), "conforms", lines) }
    #expect((0..<9).filter { ended.recentLines(RunKey("\($0)")) != nil } == [3, 4, 5, 6, 7, 8])
    ended.take(RunKey("9"), "conforms", lines)
    #expect((0...9).filter { ended.recentLines(RunKey("\($0)")) != nil } == [6, 7, 8, 9])
  }

  @Test("passes over what two inputs both hold: many runs, and a long one")
  func overlap() throws {
    let many = (0..<300).flatMap { ShortRun("\($0)").text }
    let long = ShortRun("f", lines: 3000)
    let call = try TraceCall([many + long.text(1...2500), many + long.text(500...3000)]) {
      $0.allowsDuplicates = true
    }
    #expect(call.totals.runs == ["conforms": 301])
    #expect(call.totals.duplicates == 300 * 8 + 2001)
  }

  @Test(
    "tells a line that stands twice, and where",
    arguments: [
      (3, 3, "it is the line before, word for word"), (4, 2, "/a:2, word for word"),
      (8, 8, "it is the line before, word for word"), (8, 1, "/a:1, word for word"),
    ])
  func duplicates(after: Int, again: Int, words: String) throws {
    let text = Self.run.text(1...after) + Self.run.text(again) + Self.run.text(after + 1..<9)
    let call = try TraceCall([text])
    #expect(call.problem?.hasSuffix(words) == true)
    #expect(call.totals.runs == ["violates": 1])
    let allowed = try TraceCall([text]) { $0.allowsDuplicates = true }
    #expect(allowed.verdicts == ["conforms"])
    #expect(allowed.totals.duplicates == 1)
    #expect(allowed.runs.first?.lines == 8)
  }

  @Test("does not pass over a line that has a number twice and says something else")
  func notDuplicates() throws {
    var other = Self.run.line(3)
    other.event = .warning(code: "bucket_differs", message: "another")
    let text = Self.run.text(1...4) + other.encoded + [0x0A] + Self.run.text(5...8)
    let call = try TraceCall([text]) { $0.allowsDuplicates = true }
    #expect(call.verdicts == ["violates"])
    #expect(call.totals.duplicates == 0)
  }

  @Test("knows a repetition as long as it remembers the line")
  func duplicatesBound() throws {
    var lines = RecentLines(limit: 4)
    for number in 1...6 { lines.take(Int64(number), 1, at: Place(input: 0, line: number)) }
    #expect((1...7).map { lines.place(of: $0, 1)?.line } == [nil, nil, 3, 4, 5, 6, nil])
    #expect(lines.place(of: 4, 2) == nil)
    // The bounds of a call.
    let table = ShortRun("a", lines: 1500)
    let text = table.text(1...1400) + table.text(1) + table.text(1401...1500)
    #expect(try TraceCall([text]).problem == "the line before has seq 1400")
    #expect(try TraceCall([text]) { $0.allowsDuplicates = true }.verdicts == ["conforms"])
  }

  @Test("looks at the runs alone that are asked for")
  func chosen() throws {
    let other = ShortRun("fb")
    let text = Self.run.text + other.text(2...3)
    let call = try TraceCall([text]) { $0.runID = String(Self.run.id) }
    #expect(call.verdicts == ["conforms"])
    #expect(call.totals.lines == 8)
    #expect(try TraceCall([text]) { $0.runID = "0000" }.runs.count == 2)
  }

  @Test("attributes a line that cannot be read to its run")
  func corrupt() throws {
    var line = Self.run.text(4)
    line[line.count - 4] = 0x07
    let call = try TraceCall([Self.run.text(1...3) + line + Self.run.text(5...8)])
    #expect(call.verdicts == ["corrupt"])
    #expect(call.runs.first?.troublePlace?.hasSuffix(":4") == true)
    let late = try TraceCall([Self.run.text + line])
    #expect(late.verdicts == ["conforms", "corrupt"])
    #expect(late.totals.runs == ["corrupt": 1])
  }

  @Test("counts a last line that has no end")
  func cutOff() throws {
    let call = try TraceCall([Self.run.text(1...3) + Self.run.text(4).dropLast(10)])
    #expect(call.verdicts == ["incomplete"])
    #expect(call.totals.cutOff == 1)
    #expect(call.status == 0)
  }

  @Test("keeps ids apart that are no hexadecimal digits")
  func keys() {
    let ids = ["", "a", "é", "e\u{301}", String(repeating: "0", count: 32)]
    for (left, a) in ids.enumerated() {
      for (right, b) in ids.enumerated() { #expect((RunKey(a) == RunKey(b)) == (left == right)) }
    }
  }
}
