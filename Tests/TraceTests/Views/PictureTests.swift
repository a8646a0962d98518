import Lifecycle
import Testing

@testable import LogTrace

@Suite("The picture")
struct PictureTests {
  @Test(
    "has text that XML can hold",
    arguments: [
      ("a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;"),
      ("x\u{0}\u{1B}\u{7F}\u{85}\u{FFFF}", "x\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
      ("a\tb\nc", "a b c"), ("]]>é\u{1F600}", "]]&gt;é\u{1F600}"),
    ])
  func escape(_ text: String, _ escaped: String) {
    #expect(XMLText.escape(text) == escaped)
  }

  @Test("draws as many runs as it may and says that there were more")
  func limit() {
    var view = PictureView()
    for _ in 0...PictureView.runLimit { _ = view.show(Story().report()) }
    var totals = Totals()
    totals.runs["conforms"] = PictureView.runLimit + 1
    let text = view.finish(totals)
    #expect(text.ranges(of: "<g ").count == PictureView.runLimit)
    #expect(text.contains("501 conforms; the first 500 are drawn"))
  }

  @Test("draws so many stretches of a run, and none that another one covers")
  func stretches() {
    var story = Story()
    for index in 0..<1500 { story.move(.ready, .loading, at: Int64(index) * 10) }
    var view = PictureView()
    _ = view.show(story.report())
    let text = view.finish(Totals())
    #expect(text.ranges(of: "class=\"loading bar\"").count <= PictureView.stretchLimit)
  }

  @Test("shows boots beside long lives on a logarithmic axis")
  func axis() {
    let straight = TimeAxis(end: 8000, boots: [700, 900], width: 700)
    #expect(!straight.isLogarithmic)
    #expect(straight.place(4000) == 350)
    #expect(straight.ticks == [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000])
    let long = TimeAxis(end: 400 * 86_400_000, boots: [700, 900], width: 700)
    #expect(long.isLogarithmic)
    #expect(long.place(900) > 60)
    #expect(long.ticks.count > 4)
    for end in [0, 1, 3, 999, 86_400_000_000, 1 << 53] as [Int64] {
      for boots in [[], [end / 1000 + 1]] as [[Int64]] {
        let axis = TimeAxis(end: end, boots: boots, width: 700)
        #expect((1...12).contains(axis.ticks.count), "\(end)")
        #expect(axis.place(.max) == 700 && axis.place(.min) == 0)
      }
    }
  }
}
