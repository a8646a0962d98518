internal import Lifecycle

/// A run's course for a terminal: a row for each stretch, with what happened within it below.
struct TimelineText {
  /// Stretches of a long life that are shown from its beginning and from its end.
  static let shownFirst = 12
  static let shownLast = 8
  /// Lines of a failure's detail that are shown: its last ones.
  static let shownDetail = 12

  /// The shortest wait that is told of, in milliseconds.
  static let shownWait: Int64 = 10

  private let run: RunReport
  private let timeline: Timeline
  private let layout: TextLayout
  private(set) var lines: [TextLine] = []

  init(_ run: RunReport, _ layout: TextLayout) {
    self.run = run
    timeline = run.timeline
    self.layout = layout
    addRows()
  }

  private mutating func addRows() {
    let stretches = timeline.stretches
    let folded =
      stretches.count > Self.shownFirst + Self.shownLast + 1
      ? Self.shownFirst..<(stretches.count - Self.shownLast) : 0..<0
    let shown = stretches.indices.filter { !folded.contains($0) }
    var bars = TimelineBars(
      shown.map { stretches[$0] }, end: timeline.end, width: layout.barWidth)
    addMarks(before: stretches.first)
    for index in shown {
      if index == folded.upperBound, !folded.isEmpty { addFold(folded) }
      let stretch = stretches[index]
      addRow(stretch, bars.next(stretch, end: timeline.end))
      if index + 1 != folded.lowerBound || folded.isEmpty {
        addMarks(
          of: stretch, before: index + 1 < stretches.count ? stretches[index + 1] : nil)
      }
    }
  }

  private mutating func addRow(_ stretch: Timeline.Stretch, _ bar: String) {
    var line = time(stretch.start)
    line.add(stretch.state.rawValue, stretch.state.style)
    line.advance(to: layout.barColumn)
    line.add(bar, stretch.state.style)
    line.advance(to: layout.lengthColumn)
    let length = (stretch.end ?? timeline.end) - stretch.start
    if stretch.state != .stopped {
      let text = TimeText.length(length)
      line.add(DisplayText.rightAligned(text, in: TextLayout.lengthWidth))
      if stretch.end == nil { line.add("+") }
    }
    let note = note(stretch)
    if layout.hasNotes {
      line.advance(to: layout.noteColumn)
      lines += line.wrapping(note, .dim, columns: layout.columns)
    } else {
      lines.append(line)
      if !note.isEmpty { addBelow(note, .dim) }
    }
    if stretch.waited >= Self.shownWait { addBlame(stretch, length) }
    if stretch.hasGap {
      addBelow("… \(CountText.of(run.history.leftOut, "line")) in the middle are not kept", .dim)
    }
  }

  private func note(_ stretch: Timeline.Stretch) -> String {
    guard stretch.state == .ready else { return stretch.label }
    let reloads = timeline.reloads.count {
      stretch.start <= $0.start && $0.start < stretch.end ?? .max
    }
    return reloads > 0 ? CountText.of(reloads, "reload") : ""
  }

  /// What of the stretch was waiting, and for what.
  private mutating func addBlame(_ stretch: Timeline.Stretch, _ length: Int64) {
    var reasons: [(what: String, length: Int64)] = []
    for wait in stretch.waits {
      if let index = reasons.firstIndex(where: { $0.what == wait.what.rawValue }) {
        reasons[index].length += wait.length
      } else {
        reasons.append((wait.what.rawValue, wait.length))
      }
    }
    let waits = reasons.map { "\($0.what) \(TimeText.length($0.length))" }
    let own = TimeText.length(max(0, length - stretch.waited))
    addBelow("own \(own), waiting: \(waits.joined(separator: ", "))", .dim)
  }

  private mutating func addFold(_ folded: Range<Int>) {
    let stretches = timeline.stretches[folded]
    let (first, last) = (stretches.first?.start ?? 0, stretches.last?.end ?? 0)
    let losses = timeline.losses.count { first <= $0.at && $0.at < last }
    let unserved = stretches.reduce(0) {
      $0 + ($1.state == .loading ? ($1.end ?? $1.start) - $1.start : 0)
    }
    var line = time(first)
    line.add(
      "… \(CountText.of(losses, "restart")), \(TimeText.length(unserved)) down", .yellow)
    lines.append(line)
  }

  // MARK: Marks

  private mutating func addMarks(before stretch: Timeline.Stretch?) {
    add(timeline.marks.filter { $0.sequence < stretch?.sequence ?? .max })
  }

  private mutating func addMarks(of stretch: Timeline.Stretch, before next: Timeline.Stretch?) {
    add(
      timeline.marks.filter {
        stretch.sequence < $0.sequence && $0.sequence < next?.sequence ?? .max
      })
  }

  private mutating func add(_ marks: [Timeline.Mark]) {
    var counts: [Timeline.Mark.Kind: Int] = [:]
    for mark in marks where isShown(mark.kind) {
      counts[mark.kind, default: 0] += 1
      guard counts[mark.kind, default: 0] <= mark.kind.shown else { continue }
      add(mark)
    }
    for kind in Timeline.Mark.Kind.allCases {
      let more = counts[kind, default: 0] - kind.shown
      if more > 0 { addBelow("… \(CountText.number(more)) more: \(kind.plural)", .dim) }
    }
  }

  /// The rest is seen in the stretches.
  private func isShown(_ kind: Timeline.Mark.Kind) -> Bool {
    switch kind {
    case .loss, .retry, .budget, .hardLimit, .configError, .bootFailed, .reloadFinished,
      .reloadFailed, .warning, .slowRequest, .aborted, .logDropped, .illegalEvent:
      true
    case .progress, .workerStarted, .workerEnded, .reloadStarted: false
    }
  }

  private mutating func add(_ mark: Timeline.Mark) {
    let style = mark.level.style
    let sign = mark.level == .error ? "✗ " : mark.level == .warning ? "! " : "· "
    var lead = time(mark.at)
    lead.add(sign, style)
    let text = mark.kind == .loss ? lossText(mark) : mark.label
    lines += lead.wrapping(text, style, columns: layout.columns)
    if mark.kind == .bootFailed { explain(mark) }
  }

  /// How the process was lost, what it cost, and what came of it.
  private func lossText(_ mark: Timeline.Mark) -> String {
    guard let loss = timeline.losses.first(where: { $0.at == mark.at }) else { return mark.label }
    var text = mark.label
    if loss.inFlight > 0 { text += ", \(CountText.of(loss.inFlight, "request")) in flight" }
    if let outage = loss.outage { text += "; ready again after \(TimeText.length(outage))" }
    return text
  }

  /// What an operator comes for: why the boot failed, its tool's last words, and what to try.
  private mutating func explain(_ mark: Timeline.Mark) {
    guard let moment = run.history.moments.first(where: { $0.sequence == mark.sequence }),
      case .bootFailed(_, let explanation) = moment.event
    else { return }
    let detail = (explanation.detail ?? "").split(separator: "\n")
    if detail.count > Self.shownDetail {
      addBelow("│ … \(CountText.of(detail.count - Self.shownDetail, "line")) before", .dim)
    }
    for text in detail.suffix(Self.shownDetail) { addDetail(text) }
    if let hint = explanation.hint {
      lines += TextLine("→ ", .bold, indent: layout.stateColumn)
        .wrapping(hint, .bold, columns: layout.columns)
    }
  }

  /// A line of a tool's output, with its indentation.
  private mutating func addDetail(_ text: Substring) {
    let blanks = text.prefix { $0 == " " }.prefix(16)
    let room = layout.columns - layout.stateColumn - 2 - blanks.count
    for piece in DisplayText.wrap(DisplayText.escape(text), to: room) {
      lines.append(TextLine("│ \(blanks)\(piece)", .dim, indent: layout.stateColumn))
    }
  }

  private mutating func addBelow(_ text: String, _ style: TextStyle) {
    lines += TextLine(indent: layout.stateColumn).wrapping(text, style, columns: layout.columns)
  }

  private func time(_ milliseconds: Int64) -> TextLine {
    let text = DisplayText.rightAligned(
      TimeText.length(milliseconds), in: TextLayout.startWidth)
    var line = TextLine(text, indent: TextLayout.indent)
    line.advance(to: layout.stateColumn)
    return line
  }
}

extension StateName {
  var style: TextStyle {
    switch self {
    case .fetching: .cyan
    case .verifying: .blue
    case .installing: .magenta
    case .loading: .yellow
    case .ready: .green
    case .draining: .cyan
    case .stopped: .plain
    }
  }
}

extension LogLevel {
  var style: TextStyle {
    switch self {
    case .debug, .info: .plain
    case .warning: .yellow
    case .error: .red
    }
  }
}

extension Timeline.Mark.Kind {
  /// How many of them are shown of one stretch.
  fileprivate var shown: Int {
    switch self {
    case .aborted, .slowRequest: 1
    default: 3
    }
  }

  fileprivate var plural: String {
    switch self {
    case .workerStarted: "starts"
    case .workerEnded: "ends"
    case .loss: "losses"
    case .retry: "retries"
    case .progress: "reports"
    case .budget: "budgets"
    case .hardLimit: "hard limits"
    case .configError: "configuration errors"
    case .bootFailed: "failures"
    case .reloadStarted: "reloads"
    case .reloadFinished: "finished reloads"
    case .reloadFailed: "failed reloads"
    case .warning: "warnings"
    case .slowRequest: "slow requests"
    case .aborted: "requests cut off"
    case .logDropped: "losses of the log"
    case .illegalEvent: "refused events"
    }
  }
}
