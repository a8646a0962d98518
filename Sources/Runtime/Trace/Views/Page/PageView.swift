internal import Lifecycle
internal import LinuxSystem

/// All runs as one page for a browser, with everything in it: no network, no other file.
///
/// What is fixed of it is page.html, page.css and page.js beside this file. What a log says stands in
/// JSON alone, which `InertJSON` writes and which the script shows as text.
struct PageView: TraceView {
  /// What a page holds at most. Trouble at the end of a long input still has its place.
  struct Limits {
    /// Runs, and how many of them may be in order.
    var runs = 5000
    var orderlyRuns = 4000
    /// Bytes of JSON for the runs with all their events, and for those in order; runs beyond them
    /// have no events.
    var events = 32 << 20
    var orderlyEvents = 24 << 20
  }

  private let limits: Limits
  private var shown = 0
  private var orderly = 0
  private var eventsSize = 0
  private var leftOut = 0
  private var withoutEvents = 0

  init(_ limits: Limits = Limits()) { self.limits = limits }

  func begin() -> String {
    let style = PackageResources.page_css
    let script = PackageResources.page_js
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(PagePolicy.text(style: style, script: script))">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="referrer" content="no-referrer">
      <title>par-lifecycle trace</title>
      <style>\(String(decoding: style, as: UTF8.self))</style>
      </head>
      <body>
      \(String(decoding: PackageResources.page_html, as: UTF8.self))\
      <script type="application/json" id="runs">[
      """
  }

  mutating func show(_ run: RunReport) -> String {
    let isOrderly = run.problem == nil
    guard shown < limits.runs, !isOrderly || orderly < limits.orderlyRuns else {
      leftOut += 1
      return ""
    }
    shown += 1
    orderly += isOrderly ? 1 : 0
    let bound = isOrderly ? limits.orderlyEvents : limits.events
    let comma = shown == 1 ? "\n" : ",\n"
    guard eventsSize < bound else {
      withoutEvents += 1
      return comma + InertJSON.write(PageRecord.make(run, moments: []))
    }
    let record = InertJSON.write(
      PageRecord.make(run, moments: run.history.moments.map(PageRecord.moment)))
    eventsSize += record.utf8.count
    return comma + record
  }

  func finish(_ totals: Totals) -> String {
    let sums = JSONValue.members([
      "runs": .object(
        totals.runs.sorted { $0.key < $1.key }.map { JSONMember($0.key, .integer(Int64($0.value))) }
      ),
      "lines": .integer(Int64(totals.lines)), "foreign": .integer(Int64(totals.foreign)),
      "corrupt": .integer(Int64(totals.corrupt)),
      "firstCorrupt": totals.firstCorrupt.map { .string($0) } ?? .null,
      "leftOut": .integer(Int64(leftOut)), "limit": .integer(Int64(limits.runs)),
      "withoutEvents": .integer(Int64(withoutEvents)),
    ])
    return """

      ]</script>
      <script type="application/json" id="totals">\(InertJSON.write(sums))</script>
      <script>\(String(decoding: PackageResources.page_js, as: UTF8.self))</script>
      </body>
      </html>

      """
  }
}
