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
}
