internal import Lifecycle

/// One run for a terminal: whole, or in one line.
struct RunText {
  private let run: RunReport
  private let layout: TextLayout
  private let package: PackageIdentity?

  init(_ run: RunReport, _ layout: TextLayout) {
    self.run = run
    self.layout = layout
    package = run.package
  }

  // MARK: In one line

  /// Verdict, agent, run, when, how long to boot and altogether, restarts.
  var short: TextLine {
    var line = TextLine(run.verdict.name, run.verdict.style)
    line.advance(to: 17)
    line.add(DisplayText.cut(DisplayText.escape(name), to: max(10, layout.columns - 60)), .bold)
    line.add("  \(run.runID.prefix(8))  ", .dim)
    if let start = run.history.startedAt { line.add(TimeText.date(start).prefix(19), .dim) }
    line.add("  " + TimeText.length(run.timeline.end))
    let losses = run.timeline.losses.count
    if losses > 0 { line.add("  \(CountText.of(losses, "loss", "losses"))", .yellow) }
    return line
  }

  private var name: String {
    if let supervisor = run.supervisor {
      return "supervisor, \(CountText.of(supervisor.course.agents.count, "agent"))"
    }
    let agent = run.agentAppID ?? package?.name ?? "unknown agent"
    return package.map { "\(agent) \($0.version)" } ?? agent
  }

  // MARK: Whole

  var lines: [TextLine] {
    var lines = head
    if let supervisor = run.supervisor {
      lines += SupervisorText(run, supervisor, layout).lines
    } else {
      lines += TimelineText(run, layout).lines
    }
    switch run.verdict {
    case .conforms: break
    case .incomplete: lines += incomplete
    case .violates(let violation): lines += explain(violation)
    case .corrupt(let why):
      lines += trouble("corrupt at \(place): ", why) + before + repairs
    case .unknownVersion(let found):
      lines += trouble(
        "unknown version at \(place): ",
        "the log is of \(found); this program knows schema \(LogLine.schema), "
          + (run.supervisor == nil
            ? "machine \(MachineTable.hash)" : "supervisor \(SupervisionTable.hash)")
          + ". Read it with the program that wrote it")
    }
    return lines
  }

  private var place: String { run.troublePlace ?? run.place }

  private var head: [TextLine] {
    var first = TextLine(run.verdict.name, run.verdict.style)
    if let outcome = run.stoppedFacts?.outcome {
      first.add(", \(outcome.rawValue)", outcome.style)
    }
    first.add("  ")
    let date = run.history.startedAt.map { TimeText.date($0) } ?? ""
    let isWide = layout.columns >= 60
    let room = layout.columns - first.width - (isWide ? date.count + 2 : 0)
    first.add(DisplayText.cut(DisplayText.escape(name), to: max(10, room)), .bold)
    if isWide {
      first.advance(to: layout.columns - date.count)
      first.add(date, .dim)
    }
    var second = TextLine("run \(run.runID)", .dim)
    if let deployment = run.deploymentID { second.add("  deployment \(deployment)", .dim) }
    return [first, second] + TextLine().wrapping(facts, columns: layout.columns) + [TextLine()]
  }

  /// The run in numbers.
  private var facts: String {
    let timeline = run.timeline
    var facts = [CountText.of(run.lines, "line"), TimeText.length(timeline.end)]
    if let supervisor = run.supervisor {
      return (facts + supervisor.course.facts).joined(separator: ", ")
    }
    if let boot = timeline.boot { facts.append("ready after \(TimeText.length(boot))") }
    if timeline.served > 0 { facts.append("served \(TimeText.length(timeline.served))") }
    if timeline.unserved > 0 { facts.append("down \(TimeText.length(timeline.unserved))") }
    if !timeline.losses.isEmpty {
      facts.append(CountText.of(timeline.losses.count, "loss", "losses"))
    }
    return facts.joined(separator: ", ")
  }

  /// In what state a log ends, since when, and what was to come.
  private var incomplete: [TextLine] {
    let since =
      run.supervisor.map { $0.course.phases.last?.start ?? 0 } ?? run.timeline.stretches.last?.start
      ?? 0
    var text = "in \(run.stateName) since \(TimeText.length(since))"
    text += ", for \(TimeText.length(run.timeline.end - since)) when the last line was written"
    if let next = run.nextDue {
      text += ". Due next: \(next.what), at \(TimeText.length(next.at))"
    }
    if let excuse = run.excuse { text += ". Its process was \(excuse)" }
    return trouble("the log ends: ", text, .yellow)
  }

  private func explain(_ violation: Violation) -> [TextLine] {
    var lines = trouble("violates \(violation.promise.rawValue) at \(place)", "")
    lines += fact("promise", violation.promise.text)
    lines += fact("line", "seq \(violation.sequence), \(violation.event): \(violation.problem)")
    lines += fact("state", "\(violation.stateName), before the line")
    if let witness = violation.witness {
      let place = witness.place.map { " (\($0))" } ?? ""
      lines += fact(
        "worker", "run \(witness.runID), seq \(witness.sequence), \(witness.text)\(place)")
    }
    if let missed = violation.missedByMilliseconds {
      lines += fact("missed", "by \(TimeText.length(missed)) (\(missed) ms)")
    }
    if !violation.allowed.isEmpty {
      lines += fact("allowed", violation.allowed.joined(separator: " · "))
    }
    return lines + before + repairs
  }

  /// The last lines of the run until its trouble.
  private var before: [TextLine] {
    let isNarrow = layout.barWidth == 0
    return run.before.enumerated().flatMap { index, moment in
      var lead = TextLine(index == 0 ? "before" : "", .dim, indent: TextLayout.indent + 2)
      lead.advance(to: TextLayout.indent + 11)
      lead.add("\(moment.sequence)")
      let time = DisplayText.rightAligned(
        TimeText.length(moment.uptimeMilliseconds), in: isNarrow ? 8 : 10)
      let timeEnd = layout.stateColumn + (isNarrow ? 9 : 16)
      lead.add(DisplayText.rightAligned(time, in: timeEnd - lead.width), .dim)
      lead.add("  \(moment.event.name)  ")
      return lead.wrapping(moment.label, .dim, columns: layout.columns)
    }
  }

  private var repairs: [TextLine] {
    run.repairs.enumerated().flatMap { index, repair in fact(index == 0 ? "repair" : "or", repair) }
  }

  private func trouble(
    _ what: String, _ why: String, _ style: TextStyle = .boldRed
  ) -> [TextLine] {
    TextLine(indent: TextLayout.indent)
      .wrapping((style == .boldRed ? "✗ " : "… ") + what + why, style, columns: layout.columns)
  }

  private func fact(_ name: String, _ text: String) -> [TextLine] {
    var lead = TextLine(name, .dim, indent: TextLayout.indent + 2)
    lead.advance(to: TextLayout.indent + 11)
    return lead.wrapping(text, columns: layout.columns)
  }
}

extension RunReport {
  /// What was to come next; nil: nothing was awaited.
  var nextDue: (what: String, at: Int64)? {
    if let supervisor { return supervisor.due.first.map { ($0.what, $0.at) } }
    return due.first.map { ($0.what, $0.at) }
  }
}

extension SupervisionCourse {
  /// A supervisor's life in numbers.
  var facts: [String] {
    func sum(_ part: (Agent) -> Int) -> Int { agents.reduce(0) { $0 + part($1) } }
    var facts = [CountText.of(agents.count, "agent")]
    if let settle { facts.append("settled after \(TimeText.length(settle))") }
    let (changes, failed) = (sum(\.changes), sum(\.failedChanges))
    if changes > 0 { facts.append(CountText.of(changes, "change") + " of version") }
    if failed > 0 { facts.append("\(failed) failed") }
    let (losses, restarts) = (sum(\.losses), sum(\.restarts))
    if losses > 0 { facts.append(CountText.of(losses, "worker") + " lost") }
    if restarts > 0 { facts.append(CountText.of(restarts, "restart")) }
    return facts
  }
}

extension Replay.Verdict {
  fileprivate var style: TextStyle {
    switch self {
    case .conforms: .boldGreen
    case .incomplete: .boldYellow
    case .violates, .corrupt, .unknownVersion: .boldRed
    }
  }
}

extension Stopped.Outcome {
  fileprivate var style: TextStyle {
    switch self {
    case .clean: .green
    case .cut: .yellow
    case .failed: .red
    }
  }
}
