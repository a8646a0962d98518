import Lifecycle
import Testing

@testable import LogTrace

@Suite("What many runs have in common")
struct FleetTests {
  @Test("names the slowest boots, as many as the bound says, the slowest first")
  func slowest() {
    var fleet = Fleet()
    for load in [300, 900, 100, 500, 700, 800, 200] as [Int64] {
      fleet.take(.made(load: load, name: "r\(load)"))
    }
    #expect(fleet.slowestBoots.count == Fleet.slowestLimit)
    #expect(fleet.slowestBoots.map(\.runID) == ["r900", "r800", "r700", "r500", "r300"])
    #expect(fleet.times[.load]?.all.percentiles([50, 100]) == [500, 900])
    #expect(fleet.runs == 7)
  }

  @Test("counts a run by its end, and a later correction by its verdict alone")
  func endings() {
    var fleet = Fleet()
    fleet.take(.made(load: 5, name: "a"))
    fleet.take(.made(load: nil, name: "b"))
    var late = RunReport.made(load: 5, name: "a")
    late.isCorrection = true
    late.verdict = .corrupt("it is no JSON")
    fleet.take(late)
    #expect(fleet.runs == 2)
    #expect(fleet.verdicts == ["conforms": 1, "corrupt": 1])
    #expect(fleet.endings == [.clean: 1, .failedBoot(.verifying): 1])
    #expect((fleet.failed, fleet.ended) == (1, 2))
  }

  @Test(
    "is printed within the window, as text and as JSON", arguments: [40, 80, 200],
    [TraceOptions.Format.text, .json])
  func printed(_ width: Int, _ format: TraceOptions.Format) throws {
    var options = TraceOptions()
    (options.width, options.format) = (width, format)
    var view = SummaryView(options)
    for load in 1...30 as ClosedRange<Int64> {
      _ = view.show(.made(load: load * 100, name: "run\(load)"))
      _ = view.show(.made(load: nil, name: "failed\(load)"))
    }
    let text = view.finish(Totals())
    if format == .json {
      let value = try JSONReader.decode(text.utf8)
      #expect(value["runs"]?.whole == 60)
      #expect(value["times"]?["load_ms"]?["p50"]?.whole == 1500)
    } else {
      #expect(text.contains("boot failed while verifying"))
      if width >= 80 { #expect(text.split(separator: "\n").allSatisfy { $0.count <= width }) }
    }
  }
}
