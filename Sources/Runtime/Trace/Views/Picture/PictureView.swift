internal import Lifecycle

/// All runs as one SVG picture, a row each, for a page or a document. It is drawn when the last run is
/// known, for all share the axis.
struct PictureView: TraceView {
  /// Runs in a picture; of more, the first.
  static let runLimit = 500
  /// Stretches of one run that are drawn.
  static let stretchLimit = 1000

  private static let width = 1000.0
  private static let labelWidth = 230.0
  private static let rowHeight = 34.0
  private static let top = 66.0

  private struct Row {
    let name: String
    let id: String
    let verdict: String
    let words: String
    var isTrouble: Bool
    let timeline: Timeline
    let workers: [WorkerLife]
    var troubleAt: Int64?
    let outcome: String?
    // Of a supervisor or an agent of one.
    var isAgent = false
    var bars: [Bar] = []
    var lives: [SupervisionCourse.Life] = []
    var end: Int64?
  }

  private struct Bar {
    let kind: String
    let name: String
    let words: String
    let start: Int64
    let end: Int64
    let hasVersion: Bool
  }

  private var rows: [Row] = []
  private var leftOut = 0

  mutating func show(_ run: RunReport) -> String {
    guard rows.count < Self.runLimit else {
      leftOut += 1
      return ""
    }
    var words = run.problem ?? run.outcome ?? "ends in \(run.stateName)"
    if run.problem == nil { words += " · \(TimeText.length(run.timeline.end))" }
    if let supervisor = run.supervisor { return show(run, supervisor.course, words) }
    rows.append(
      Row(
        name: run.agentAppID ?? "(no agent)", id: String(run.runID.prefix(8)),
        verdict: run.verdict.name, words: words, isTrouble: run.problem != nil,
        timeline: run.timeline, workers: WorkerLife.all(in: run.history),
        troubleAt: run.troubleAt, outcome: run.outcome))
    return ""
  }

  /// A supervisor has a row, and each of its agents one below.
  private mutating func show(
    _ run: RunReport, _ course: SupervisionCourse, _ words: String
  ) -> String {
    func row(_ name: String, _ id: String, _ words: String) -> Row {
      Row(
        name: name, id: id, verdict: run.verdict.name, words: words, isTrouble: false,
        timeline: Timeline(History()), workers: [], troubleAt: nil, outcome: run.outcome)
    }
    var own = row("supervisor", String(run.runID.prefix(8)), words)
    own.isTrouble = run.problem != nil
    own.troubleAt = run.troubleAt
    own.end = course.end
    own.bars = course.phases.map { phase in
      Bar(
        kind: phase.name.rawValue, name: phase.name.rawValue, words: phase.cause,
        start: phase.start, end: phase.end ?? course.end, hasVersion: false)
    }
    rows.append(own)
    for agent in course.agents {
      guard rows.count < Self.runLimit else {
        leftOut += 1
        continue
      }
      let versions = agent.versions.map { "\($0.name) \($0.revision.prefix(6))" }
      var one = row("  \(agent.id)", "", versions.joined(separator: " "))
      one.isAgent = true
      one.end = course.end
      one.bars = agent.stretches.map { stretch in
        let version = agent.version(stretch.revision)?.name
        return Bar(
          kind: stretch.state.rawValue,
          name: [version, stretch.state.rawValue].compactMap(\.self).joined(separator: " "),
          words: stretch.reason ?? stretch.cause, start: stretch.start,
          end: stretch.end ?? course.end, hasVersion: version != nil)
      }
      one.lives = agent.lives
      rows.append(one)
    }
    return ""
  }

  func finish(_ totals: Totals) -> String {
    let axis = TimeAxis(
      end: rows.map { $0.end ?? $0.timeline.end }.max() ?? 1,
      boots: rows.compactMap(\.timeline.boot),
      width: Self.width - Self.labelWidth - 24)
    let height = Self.top + Double(rows.count) * Self.rowHeight + 12
    let counts = totals.runs.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    var title = counts.isEmpty ? "no run" : counts.joined(separator: ", ")
    if leftOut > 0 { title += "; the first \(rows.count) are drawn" }
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(Self.width)) \(number(height))" \
      width="\(number(Self.width))" height="\(number(height))" role="img" aria-labelledby="title">
      <title id="title">Runs of par-lifecycle: \(title)</title>
      <style>\(Self.style)</style>
      <defs><pattern id="wait" width="6" height="6" patternUnits="userSpaceOnUse" \
      patternTransform="rotate(45)"><rect class="veil" width="6" height="6"/>\
      <rect class="stripe" width="2.2" height="6"/></pattern></defs>
      <rect class="ground" width="100%" height="100%"/>
      <text class="head" x="16" y="24">\(XMLText.escape(title))</text>
      \(legend)

      """
    for tick in axis.ticks {
      let x = number(Self.labelWidth + axis.place(tick))
      text += "<path class=\"grid\" d=\"M\(x) 52V\(number(height - 8))\"/>"
      text += "<text class=\"soft\" x=\"\(x)\" y=\"48\">\(TimeText.length(tick))</text>\n"
    }
    for (index, row) in rows.enumerated() {
      text += draw(row, at: Self.top + Double(index) * Self.rowHeight, axis)
    }
    return text + "</svg>\n"
  }

  private func draw(_ row: Row, at y: Double, _ axis: TimeAxis) -> String {
    func place(_ time: Int64) -> Double { Self.labelWidth + axis.place(time) }
    let name = XMLText.escape(shortened(row.name, to: 24))
    var text = "<g transform=\"translate(0 \(number(y)))\">"
    text += "<title>\(XMLText.escape("\(row.verdict): \(row.words)"))</title>"
    if !row.isAgent {
      text += "<circle class=\"\(row.verdict)\" cx=\"12\" cy=\"9\" r=\"4\"/>"
    }
    text +=
      "<text x=\"22\" y=\"13\">\(name) <tspan class=\"soft\">\(XMLText.escape(row.id))</tspan></text>"
    text += "<text class=\"\(row.isTrouble ? "bad" : "soft")\" x=\"22\" y=\"26\">"
    text += "\(XMLText.escape(shortened(row.words, to: 36)))</text>\n"
    var drawn = -Double.infinity
    text += draw(row.bars, place)
    for life in row.lives.prefix(Self.stretchLimit) {
      let from = place(life.start)
      let to = max(from + 1, place(life.end ?? row.end ?? 0))
      text += "<rect class=\"worker\" x=\"\(number(from))\" y=\"\(20 + min(life.lane, 2) * 4)\" "
      text += "width=\"\(number(to - from))\" height=\"2.6\"><title>worker \(life.worker)"
      text += "\(XMLText.escape(life.how.map { ", \($0)" } ?? ""))</title></rect>"
      if life.wasLost {
        text += "<circle class=\"lost\" cx=\"\(number(to))\" cy=\"21.3\" r=\"3\"/>"
      }
    }
    for stretch in row.timeline.stretches.prefix(Self.stretchLimit) {
      let from = place(stretch.start)
      let to = place(stretch.end ?? row.timeline.end)
      let name = stretch.state.rawValue
      if stretch.state == .stopped {
        text += cap(at: from, row.outcome)
        continue
      }
      guard to - from >= 0.8 || to > drawn else { continue }
      let width = max(1.2, to - from)
      drawn = from + width
      let length = (stretch.end ?? row.timeline.end) - stretch.start
      var label = "\(name) \(TimeText.length(length))"
      if stretch.waited > 0 { label += ", of that waited \(TimeText.length(stretch.waited))" }
      text += bar(name, from, width, y: 2, height: 15)
      text += "<title>\(XMLText.escape("\(label) (\(stretch.cause))"))</title></rect>"
      for wait in stretch.waits where place(wait.end) - place(wait.start) >= 0.8 {
        text += "<rect class=\"wait\" x=\"\(number(place(wait.start)))\" y=\"2.8\" height=\"13.4\" "
        text += "width=\"\(number(place(wait.end) - place(wait.start)))\"><title>"
        text += "\(wait.what.rawValue) \(TimeText.length(wait.length))</title></rect>"
      }
      if stretch.waits.isEmpty, width > Double(name.utf8.count) * 6.6 + 8 {
        text += "<text class=\"in\" x=\"\(number(from + 5))\" y=\"13.4\">\(name)</text>"
      }
    }
    for life in row.workers.prefix(Self.stretchLimit) {
      let from = place(life.start)
      let to = max(from + 1, place(life.end ?? row.timeline.end))
      let isLost = life.end != nil && !life.wasAsked
      text += "<rect class=\"worker\" x=\"\(number(from))\" y=\"\(20 + min(life.lane, 2) * 4)\" "
      text += "width=\"\(number(to - from))\" height=\"2.6\"><title>process \(life.pid)"
      text += "\(XMLText.escape(life.how.map { ", \($0)" } ?? ""))</title></rect>"
      if isLost { text += "<circle class=\"lost\" cx=\"\(number(to))\" cy=\"21.3\" r=\"3\"/>" }
    }
    if let troubleAt = row.troubleAt {
      let x = number(place(troubleAt))
      text += "<path class=\"trouble\" d=\"M\(x) -1V28\"><title>"
      text += "\(XMLText.escape(row.words))</title></path>"
    }
    return text + "</g>\n"
  }

  private func draw(_ bars: [Bar], _ place: (Int64) -> Double) -> String {
    var text = ""
    var drawn = -Double.infinity
    for stretch in bars.prefix(Self.stretchLimit) where stretch.kind != "stopped" {
      let (from, to) = (place(stretch.start), place(stretch.end))
      guard to - from >= 0.8 || to > drawn else { continue }
      let width = max(1.2, to - from)
      drawn = from + width
      text += bar(stretch.kind, from, width, y: 2, height: 15)
      let label =
        "\(stretch.name) \(TimeText.length(stretch.end - stretch.start)): \(stretch.words)"
      text += "<title>\(XMLText.escape(label))</title></rect>"
      let room = width - 8
      let name =
        stretch.hasVersion && Double(stretch.name.utf8.count) * 6.6 > room
        ? String(stretch.name.prefix { $0 != " " }) : stretch.name
      if Double(name.utf8.count) * 6.6 <= room {
        text +=
          "<text class=\"in\" x=\"\(number(from + 5))\" y=\"13.4\">\(XMLText.escape(name))</text>"
      }
    }
    return text
  }

  private func bar(
    _ state: String, _ x: Double, _ width: Double, y: Double, height: Double
  ) -> String {
    "<rect class=\"\(state) bar\" x=\"\(number(x))\" y=\"\(number(y))\" "
      + "width=\"\(number(width))\" height=\"\(number(height))\" rx=\"2\">"
  }

  /// How it ended: a line, two where requests were cut off, a cross after a failure.
  private func cap(at x: Double, _ outcome: String?) -> String {
    let shape =
      switch outcome {
      case "failed": "M\(number(x + 3)) 5l8 8m0-8l-8 8"
      case "cut": "M\(number(x + 2)) 3v13m4-13v13"
      default: "M\(number(x + 2)) 3v13"
      }
    return "<path class=\"cap \(outcome ?? "clean")\" d=\"\(shape)\"/>"
  }

  private var legend: String {
    var x = Self.width - 24
    var text = ""
    for name in ["waits"] + StateName.allCases.dropLast().reversed().map(\.rawValue) {
      x -= Double(name.utf8.count) * 6.4 + 26
      let kind = name == "waits" ? "ready" : name
      text += bar(kind, x, 12, y: 14, height: 11) + "</rect>"
      if name == "waits" {
        text += "<rect class=\"wait\" x=\"\(number(x))\" y=\"14\" width=\"12\" height=\"11\"/>"
      }
      text += "<text class=\"soft\" x=\"\(number(x + 16))\" y=\"24\">\(name)</text>"
    }
    return text
  }

  private func shortened(_ text: String, to count: Int) -> String {
    text.count > count ? "\(text.prefix(count - 1))…" : text
  }

  /// One digit after the point, and none that says nothing.
  private func number(_ value: Double) -> String {
    let tenths = Int64((value * 10).rounded())
    let sign = tenths < 0 ? "-" : ""
    let (whole, part) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
    return "\(sign)\(whole)" + (part == 0 ? "" : ".\(part)")
  }

  /// Okabe and Ito's palette, as on the page.
  private static let style = """
    text{font:12px system-ui,"Segoe UI","Noto Sans",sans-serif;fill:#15202b}
    .head{font-size:14px;font-weight:600}.soft{fill:#52606d;font-size:11px}.bad{fill:#b3261e;font-size:11px}
    .in{fill:#10161d;font-size:10.5px;font-weight:500;pointer-events:none}
    .ground{fill:#fff}.grid{stroke:#e4e8ed;fill:none}.bar{stroke:rgba(0,0,0,.42);stroke-width:.7}
    .fetching{fill:#56b4e9}.verifying{fill:#0072b2}.installing{fill:#e69f00}.loading{fill:#e5d532}
    .booting{fill:#e5d532}.restarting{fill:#e69f00}.failed{fill:#d1495b}.starting{fill:#9ec9e6}
    .serving{fill:#a9dccb}.ready{fill:#14a97f}.draining{fill:#cc79a7}.wait{fill:url(#wait)}.veil{fill:#fff;opacity:.8}
    .stripe{fill:#28323c;opacity:.55}.worker{fill:#4a7f71}.lost,.violates,.corrupt{fill:#b3261e}
    .conforms{fill:#00694d}.incomplete{fill:#52606d}.unknown-version{fill:#8a4b00}
    .cap{fill:none;stroke:#6b7785;stroke-width:2;stroke-linecap:round}.cap.failed{stroke:#b3261e}
    .cap.cut{stroke:#8a4b00}.trouble{stroke:#b3261e;stroke-width:1.6;stroke-dasharray:3 2;fill:none}
    @media (prefers-color-scheme:dark){text{fill:#e6ebf1}.soft{fill:#9fadbb}.bad{fill:#ff8f85}
    .in{fill:#10161d}.ground{fill:#0e141b}.grid{stroke:#1f2a36}.verifying{fill:#2f8fd0}
    .veil{fill:#0e141b}.stripe{fill:#dce6f0}.worker{fill:#6fb5a2}.lost,.violates,.corrupt{fill:#ff8f85}
    .conforms{fill:#4fd1a5}.incomplete{fill:#9fadbb}.unknown-version{fill:#f3b74f}
    .cap{stroke:#8593a2}.cap.failed,.trouble{stroke:#ff8f85}.cap.cut{stroke:#f3b74f}}
    """
}
