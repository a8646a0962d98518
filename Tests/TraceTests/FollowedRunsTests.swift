import Lifecycle
import Testing

@testable import LogTrace

@Suite("Runs that are followed")
struct FollowedRunsTests {
  /// What is printed when the text comes as one chunk.
  private static func rows(_ runs: inout FollowedRuns, _ text: [UInt8]) -> String {
    let chunk = Chunk()
    chunk.storage.copyBytes(from: text)
    chunk.count = text.count
    var scanner = ChunkScanner(TraceOptions())
    scanner.scan(chunk)
    return print(runs.take(chunk, input: 0, linesBefore: 0))
  }

  private static func print(_ rows: [TextLine]) -> String {
    rows.map { $0.text(columns: 80, colours: false) }.joined()
  }

  private static func runs(openLimit: Int = FollowedRuns.openLimit) -> FollowedRuns {
    FollowedRuns(TraceOptions(), names: ["a.log"], openLimit: openLimit)
  }

  @Test("have a row for each transition, and their verdict at the end")
  func transitions() {
    var runs = Self.runs()
    let run = ShortRun("a", lines: 4)
    #expect(Self.rows(&runs, run.text(1...1)).isEmpty)
    #expect(Self.rows(&runs, run.text(2...2)).contains("fetching"))
    #expect(Self.rows(&runs, run.text(3...3)).contains("draining   after 10 ms"))
    let last = Self.rows(&runs, run.text(4...4))
    #expect(last.contains("stopped"))
    #expect(last.contains("conforms"))
    #expect(runs.totals.runs == ["conforms": 1])
  }

  @Test("are told of in full with the line that violates, and once")
  func violation() {
    var runs = Self.runs()
    let run = ShortRun("a")
    _ = Self.rows(&runs, run.text(1...3))
    #expect(Self.rows(&runs, run.text(5...5)).contains("violates"))
    #expect(!Self.rows(&runs, run.text(6...6)).contains("violates"))
    #expect(
      Self.rows(&runs, run.text(7...8)).split(separator: "\n").count { $0.contains("violates") }
        == 1)
    #expect(runs.totals.runs == ["violates": 1])
  }

  @Test("are shown and not judged when their beginning was not seen")
  func joined() {
    var runs = Self.runs()
    #expect(Self.rows(&runs, ShortRun("a").text(4...8)).contains("stopped"))
    #expect(Self.print(runs.finish()).contains("1 run joined in the middle"))
    #expect(runs.totals.runs.isEmpty)
  }

  @Test("that were there before are summed up")
  func caughtUp() {
    var runs = Self.runs()
    runs.isCatchingUp = true
    #expect(Self.rows(&runs, ShortRun("a").text).isEmpty)
    #expect(Self.rows(&runs, ShortRun("b").text(1...3)).isEmpty)
    let rows = Self.print(runs.caughtUp())
    #expect(rows.contains("1 run ended before: conforms 1"))
    #expect(rows.contains("fetching"))
    #expect(Self.rows(&runs, ShortRun("b").text(7...8)).contains("stopped"))
  }

  @Test("are no more than a bound: those that are silent longest are given up")
  func bound() {
    var runs = Self.runs(openLimit: 20)
    for index in 0..<20 { _ = Self.rows(&runs, ShortRun("\(index)").text(1...2)) }
    // The first one has something to say.
    _ = Self.rows(&runs, ShortRun("0").text(3...3))
    #expect(runs.totals.runs.isEmpty)
    let given = Self.rows(&runs, ShortRun("20").text(1...1))
    #expect(runs.totals.runs == ["incomplete": 2])
    #expect(given.split(separator: "\n").count { $0.contains("incomplete") } == 2)
    #expect(Self.rows(&runs, ShortRun("0").text(7...8)).contains("stopped"))
  }
}
