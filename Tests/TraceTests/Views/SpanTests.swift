import Lifecycle
import Testing

@testable import LogTrace

@Suite("A run as tracks and spans")
struct SpanTests {
  @Test(
    "has times that no log can make overflow",
    arguments: [Int64.min, -1, 0, 1, 1 << 53, .max],
    [Int64.min, -1, 0, 1_767_323_045_000_000_000, .max])
  func bounds(_ uptime: Int64, _ wall: Int64) {
    var story = Story()
    story.write(.workerStarted(pid: 1, attempt: 1), at: uptime, wall: wall)
    story.write(Story.worker(1, ended: false), at: .max, wall: wall)
    story.move(nil, .ready, at: uptime)
    story.move(.ready, .stopped, at: .max)
    let run = story.report(.corrupt("it is no JSON"))
    let clock = RunClock(run.history)
    #expect(clock.nanoseconds(at: .min) >= 0)
    #expect(clock.nanoseconds(at: .max) > clock.nanoseconds(at: 0))
    #expect(clock.nanoseconds(at: 0) == max(0, clock.start ?? 0))
    for format in [TraceOptions.Format.html, .svg, .chrome, .otlp] {
      var options = TraceOptions()
      options.format = format
      var view = options.makeView()
      let text = view.begin() + view.show(run) + view.finish(Totals())
      #expect(!text.isEmpty)
    }
  }

  @Test("counts its wall clock from the first line")
  func clock() {
    var story = Story()
    story.move(nil, .fetching, at: 11)
    story.move(.fetching, .stopped, at: 500)
    let clock = RunClock(story.report().history)
    #expect(clock.nanoseconds(at: 11) == 1_767_323_045_011_000_000)
    #expect(clock.microseconds(at: 500) == 1_767_323_045_500_000)
  }

  @Test("puts processes that overlap beside each other")
  func lanes() {
    var story = Story()
    story.write(.workerStarted(pid: 1, attempt: 1), at: 10)
    story.write(.workerStarted(pid: 2, attempt: 1), at: 20)
    story.write(Story.worker(1, ended: true), at: 30)
    story.write(.workerStarted(pid: 3, attempt: 2), at: 30)
    story.write(Story.worker(2, ended: false), at: 40)
    story.write(Story.worker(9, ended: false), at: 41)
    story.write(.workerStarted(pid: 3, attempt: 3), at: 50)
    let lives = WorkerLife.all(in: story.report().history)
    #expect(lives.map(\.pid) == [1, 2, 3, 3])
    #expect(lives.map(\.lane) == [0, 1, 0, 0])
    #expect(lives.map(\.end) == [30, 40, 50, nil])
    #expect(lives.map(\.wasAsked) == [true, false, false, false])
  }

  @Test("has ids that OTLP takes, the same each time")
  func identity() {
    let hex = "cd1b8ed02d4b6452de532fe7a3b50844"
    #expect(SpanIdentity(runID: hex).trace == hex)
    for odd in ["", "01hzy3c9", String(repeating: "0", count: 32), hex.uppercased(), "é</b>"] {
      let identity = SpanIdentity(runID: odd)
      #expect(identity.trace.utf8.count == 32 && identity.trace.allSatisfy(\.isHexDigit))
      #expect(identity.trace != odd)
      #expect(identity.span("run") == SpanIdentity(runID: odd).span("run"))
      #expect(identity.span("run") != identity.span("run", 1))
      #expect(identity.span("wait 1", 2) != identity.span("wait 12"))
      #expect(identity.span("run").utf8.count == 16)
    }
  }

  @Test("writes its times as OTLP's JSON has 64-bit numbers, and ids in hex")
  func encoding() throws {
    var story = Story("cd1b8ed02d4b6452de532fe7a3b50844")
    story.move(nil, .fetching, at: 0)
    story.move(.fetching, .draining, at: 1500)
    story.move(.draining, .stopped, at: 1501)
    var view = SpanView()
    let text = view.begin() + view.show(story.report()) + view.finish(Totals())
    let spans = try JSONReader.decode(Array(text.utf8))["resourceSpans"]?.list?.first?[
      "scopeSpans"]?
      .list?.first?["spans"]?.list
    let fetching = try #require(spans?.first { $0["name"]?.text == "fetching" })
    #expect(fetching["traceId"]?.text == "cd1b8ed02d4b6452de532fe7a3b50844")
    #expect(fetching["parentSpanId"] == spans?.first?["spanId"])
    #expect(fetching["startTimeUnixNano"] == "1767323045000000000")
    #expect(fetching["endTimeUnixNano"] == "1767323046500000000")
    #expect(fetching["kind"] == 1)
    #expect(spans?.first?["status"]?["code"] == 1)
  }
}
