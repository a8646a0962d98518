internal import Lifecycle

/// All runs as one page for a browser, with everything in it: no network, no other file.
///
/// What is fixed of it is page.html, page.css and page.js beside this file. What a log says stands in
/// JSON alone, which `InertJSON` writes and which the script shows as text.
struct PageView: TraceView {
  /// The most runs that a page holds, and how many of them may be in order: trouble at the end of a
  /// long input still has its place.
  static let runLimit = 5000
  static let orderlyLimit = 4000
  /// The most bytes of JSON for the events of all runs, and of those in order.
  static let eventsLimit = 32 << 20
  static let orderlyEventsLimit = 24 << 20

  private var shown = 0
  private var orderly = 0
  private var eventsSize = 0
  private var leftOut = 0
  private var withoutEvents = 0

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
    guard shown < Self.runLimit, !isOrderly || orderly < Self.orderlyLimit else {
      leftOut += 1
      return ""
    }
    shown += 1
    orderly += isOrderly ? 1 : 0
    let bound = isOrderly ? Self.orderlyEventsLimit : Self.eventsLimit
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
      "leftOut": .integer(Int64(leftOut)), "limit": .integer(Int64(Self.runLimit)),
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
