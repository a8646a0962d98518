import Lifecycle
import LinuxSystem
import Testing

@testable import LogTrace

@Suite("The page")
struct PageTests {
  @Test(
    "holds no text of a log that could end its script element",
    arguments: [
      ("</script>", "\"\\u003c/script\\u003e\""), ("<!--", "\"\\u003c!--\""),
      ("a & b", "\"a \\u0026 b\""), ("x\u{2028}y\u{2029}z", "\"x\\u2028y\\u2029z\""),
      ("\u{2027}\u{202A}é", "\"\u{2027}\u{202A}é\""), ("modèle ¨ ĩ", "\"modèle ¨ ĩ\""),
      ("\"\\", "\"\\\"\\\\\""),
    ])
  func inert(_ text: String, _ json: String) {
    #expect(InertJSON.write(.string(text)) == json)
  }

  @Test("keeps what a name, a field and a sentence say, and makes no element of it")
  func hostile() throws {
    let attack = "</script><script>alert(1)</script>"
    var story = Story(agent: attack)
    story.move(nil, .fetching, at: 1, cause: attack)
    story.write(.warning(code: attack, message: attack), at: 2)
    var view = PageView()
    _ = view.begin()
    let record = view.show(story.report(.corrupt(attack)))
    #expect(!record.contains("<"))
    #expect(record.contains("\\u003cscript\\u003ealert(1)"))
    var totals = Totals()
    totals.firstCorrupt = attack
    let end = view.finish(totals)
    #expect(end.ranges(of: "<script").count == 2)
  }

  @Test("obeys nothing but its own style and script, and loads nothing")
  func policy() {
    let head = PageView().begin()
    #expect(head.contains("default-src 'none'; style-src 'sha256-"))
    #expect(head.contains("script-src 'sha256-"))
    #expect(!head.contains("unsafe-inline"))
    for script in [PackageResources.page_html, PackageResources.page_css, PackageResources.page_js]
    {
      let text = String(decoding: script, as: UTF8.self)
        .replacing("http://www.w3.org/2000/svg", with: "")
      #expect(!text.contains("http:") && !text.contains("https:") && !text.contains("innerHTML"))
      #expect(!text.contains("</script") && !text.contains("</style"))
    }
  }

  @Test(
    "writes base64 as RFC 4648 has it",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
      ("foobar", "Zm9vYmFy"),
    ])
  func base64(_ text: String, _ encoded: String) {
    #expect(PagePolicy.base64(Array(text.utf8)) == encoded)
  }

  @Test("leaves runs in order out beyond its bounds, keeps room for trouble, and says so")
  func limits() {
    var view = PageView(PageView.Limits(runs: 5, orderlyRuns: 3))
    let run = Story().report()
    for _ in 0..<3 { #expect(!view.show(run).isEmpty) }
    #expect(view.show(run).isEmpty)
    let trouble = Story().report(.corrupt("it is no JSON"))
    for _ in 3..<5 { #expect(!view.show(trouble).isEmpty) }
    #expect(view.show(trouble).isEmpty)
    #expect(view.finish(Totals()).contains("\"leftOut\":2,\"limit\":5"))
  }

  @Test(
    "holds the events of as many runs as fit, more of those in trouble, and of the others the rest")
  func eventLimit() {
    var story = Story()
    let long = String(repeating: "x", count: 15_000)
    story.write(.warning(code: "c", message: long), at: 1)
    let (run, trouble) = (story.report(), story.report(.corrupt("it is no JSON")))
    var view = PageView(PageView.Limits(events: 20_000, orderlyEvents: 10_000))
    #expect(view.show(run).contains(long))
    #expect(!view.show(run).contains(long))
    #expect(view.show(trouble).contains(long))
    let last = view.show(trouble)
    #expect(!last.contains(long))
    #expect(last.contains(String(repeating: "x", count: PageRecord.labelLimit - 10)))
    #expect(last.contains("\"moments\":[]"))
    #expect(view.finish(Totals()).contains("\"withoutEvents\":2"))
  }
}
