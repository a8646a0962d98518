internal import Lifecycle

/// Runs for a terminal: a run in trouble whole; a run without after a number of others in one line.
struct TextView: TraceView {
  /// Runs without trouble that are shown whole: the first ones.
  static let shownWhole = 20

  private let options: TraceOptions
  private let layout: TextLayout
  /// Runs without trouble so far.
  private var calm = 0

  init(_ options: TraceOptions) {
    self.options = options
    layout = TextLayout(columns: options.width)
  }

  mutating func show(_ run: RunReport) -> String {
    let text = RunText(run, layout)
    guard isCalm(run) else { return print(text.lines + [TextLine()]) }
    calm += 1
    if calm <= Self.shownWhole { return print(text.lines + [TextLine()]) }
    var lines = [text.short]
    if calm == Self.shownWhole + 1 {
      let more = "From here on a run without trouble has one line; --run ID shows it whole."
      lines = TextLine().wrapping(more, .dim, columns: layout.columns) + lines
    }
    return print(lines)
  }

  private func isCalm(_ run: RunReport) -> Bool {
    switch run.verdict {
    case .conforms: true
    case .incomplete: !options.isStrict || run.excuse != nil
    case .violates, .corrupt, .unknownVersion: false
    }
  }

  func finish(_ totals: Totals) -> String {
    var lines: [TextLine] = []
    if let first = totals.firstCorrupt {
      lines += TextLine().wrapping(
        "\(CountText.of(totals.corrupt, "line")) of no run cannot be read, the first is \(first)",
        .boldRed, columns: layout.columns)
    }
    return print(lines + TextLine().wrapping(totals.text(options), columns: layout.columns))
  }

  private func print(_ lines: [TextLine]) -> String {
    lines.map { $0.text(columns: layout.columns, colours: options.hasColours) }.joined()
  }
}

extension Totals {
  /// Why there is no run, and what to do about it.
  func nothing(_ options: TraceOptions) -> String {
    if let id = options.runID { return "no run has an id that begins with \(id)" }
    return foreign == 0
      ? "there is no line to check"
      : "there is no line to check: trace reads the JSON lines of LOG_FORMAT=json"
  }

  /// In one line: runs by verdict, lines, and what was passed over.
  func text(_ options: TraceOptions) -> String {
    let words = [
      ("conforms", "conform"), ("incomplete", "incomplete"), ("violates", "violate"),
      ("corrupt", "corrupt"), ("unknown-version", "unknown-version"),
    ]
    let verdicts = words.compactMap { one, many in
      runs[one].map { CountText.of($0, one, many) }
    }
    let count = runs.values.reduce(0, +)
    var text =
      count == 0
      ? nothing(options)
      : "\(CountText.of(count, "run")): \(verdicts.joined(separator: ", ")); "
        + CountText.of(lines, "line")
    if excused > 0 { text += ", \(CountText.of(excused, "worker")) lost as a supervisor says" }
    if foreign > 0 { text += ", \(CountText.of(foreign, "line")) of others" }
    if tooLong > 0 { text += " (\(CountText.number(tooLong)) too long to be looked at)" }
    if cutOff > 0 { text += ", \(CountText.number(cutOff)) cut off" }
    if duplicates > 0 { text += ", \(CountText.of(duplicates, "duplicate")) passed over" }
    if unreadable > 0 { text += ", \(CountText.of(unreadable, "input")) unreadable" }
    return text
  }
}
