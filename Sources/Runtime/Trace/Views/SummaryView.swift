internal import Lifecycle

/// All runs together: how they ended, why they failed, how long things took.
struct SummaryView: TraceView {
  /// How many rows a list of the commonest has.
  static let listLimit = 10
  static let percents: [Double] = [50, 95, 99, 100]

  private let options: TraceOptions
  private var fleet = Fleet()

  init(_ options: TraceOptions) { self.options = options }

  mutating func show(_ run: RunReport) -> String {
    fleet.take(run)
    return ""
  }

  func finish(_ totals: Totals) -> String {
    guard options.format == .text else { return json(totals) }
    let parts = [head(totals), endings, failures, losses, times, slowest, requests, odds(totals)]
    return parts.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }
      .joined(separator: "\n")
  }

  // MARK: Text

  private var width: Int { max(40, options.width) }

  private func head(_ totals: Totals) -> [String] {
    guard fleet.runs > 0 || fleet.supervised.supervisors > 0 else {
      return Figures.wrapped(
        [DisplayText.escape(totals.nothing(options))], separator: " ", indent: 0, width: width)
    }
    let versions = fleet.versions.top(3).map { DisplayText.escape($0.text) }
    var parts = [
      Figures.counted(fleet.runs, "run", "runs"),
      Figures.counted(fleet.agents.distinct, "agent", "agents"),
      "version \(versions.joined(separator: ", "))\(fleet.versions.distinct > 3 ? " …" : "")",
      Figures.counted(totals.lines, "line", "lines"),
    ]
    if let first = fleet.firstStart, let last = fleet.lastStart {
      parts.append("started \(Timestamp.short(first)) to \(Timestamp.short(last)) UTC")
    }
    let verdicts = ["conforms", "incomplete", "violates", "corrupt", "unknown-version"].compactMap {
      name in fleet.verdicts[name].map { "\(name) \($0)" }
    }
    return Figures.wrapped(parts, separator: " · ", indent: 0, width: width)
      + Figures.wrapped(verdicts, separator: " · ", indent: 2, width: width)
      + supervised
      + list(fleet.promises, "promises broken", of: "with the first place")
  }

  /// Supervisors are no runs of an agent: their verdicts are above, and their lives here.
  private var supervised: [String] {
    let sums = fleet.supervised
    guard sums.supervisors > 0 else { return [] }
    var parts = [
      Figures.counted(sums.supervisors, "supervisor", "supervisors"),
      "\(Figures.counted(sums.agents, "agent", "agents"))"
        + (sums.failedAgents > 0 ? ", \(sums.failedAgents) failed" : ""),
      Figures.counted(sums.changes, "change of version", "changes of version")
        + (sums.failedChanges > 0 ? ", \(sums.failedChanges) failed" : ""),
    ]
    if sums.losses > 0 {
      parts.append(
        "\(Figures.counted(sums.losses, "worker", "workers")) lost, "
          + Figures.counted(sums.restarts, "restart", "restarts"))
    }
    return Figures.wrapped(parts, separator: " · ", indent: 2, width: width)
  }

  private var endings: [String] {
    guard fleet.runs > 0 else { return [] }
    let rows = fleet.endings.sorted { ($1.value, $0.key.text) < ($0.value, $1.key.text) }
    var lines = ["how they ended"]
    lines += rows.map { ending, count in
      Figures.right(String(count), 8) + Figures.right(Figures.percent(count, of: fleet.runs), 6)
        + "  " + ending.text
    }
    let causes = fleet.causes.top(Self.listLimit).map {
      "\(DisplayText.escape($0.text)) \($0.count)"
    }
    return lines
      + Figures.wrapped(
        ["what began the drain: " + (causes.first ?? "nothing")] + causes.dropFirst(),
        separator: " · ", indent: 2, width: width)
  }

  private var failures: [String] {
    let failures = list(fleet.failures, "commonest failures", of: "with the first place")
    let hints = list(fleet.hints, "commonest hints", of: nil)
    return failures + hints
  }

  private var losses: [String] {
    list(fleet.losses, "workers lost: \(fleet.losses.total)", of: nil)
      + list(fleet.warnings, "warnings: \(fleet.warnings.total)", of: nil)
  }

  private var times: [String] {
    let measures = Measure.allCases.filter { fleet.times[$0] != nil }
    guard !measures.isEmpty else { return [] }
    var lines = [
      row("times", "", ["runs", "p50", "p95", "p99", "max"])
    ]
    for measure in measures {
      guard let times = fleet.times[measure] else { continue }
      lines.append(row(measure.rawValue, "", figures(times.all)))
      guard times.hasWaited else { continue }
      lines.append(row("  own work", "", figures(times.own)))
      lines.append(row("  waiting", "", figures(times.waited)))
    }
    if measures.contains(where: { isApproximate($0) }) {
      lines.append("  percentiles within 0.8 %; of up to \(Distribution.sampleLimit) values exact")
    }
    return lines
  }

  private func isApproximate(_ measure: Measure) -> Bool {
    (fleet.times[measure]?.all.count ?? 0) > Distribution.sampleLimit
  }

  private func figures(_ distribution: Distribution) -> [String] {
    [String(distribution.count)]
      + (distribution.percentiles(Self.percents) ?? []).map(TimeText.length)
  }

  private func row(_ name: String, _ note: String, _ cells: [String]) -> String {
    Figures.left("  " + name, 20) + Figures.right(cells[0], 8)
      + cells.dropFirst().map { Figures.right($0, 12) }.joined()
  }

  private var slowest: [String] {
    named(fleet.slowestBoots, "slowest boots") + named(fleet.longestOutages, "longest outages")
  }

  private func named(_ list: [Fleet.Named], _ title: String) -> [String] {
    guard !list.isEmpty else { return [] }
    return [title]
      + list.map {
        let head =
          "\(Figures.right(TimeText.length($0.milliseconds), 12))  "
          + "\(Figures.cut(DisplayText.escape($0.agent ?? "-"), 24))  "
          + "run \(DisplayText.escape(String($0.runID.prefix(8))))  "
        return head
          + Figures.cutBeginning(DisplayText.escape($0.place), max(8, width - head.count))
      }
  }

  private var requests: [String] {
    guard fleet.aborted > 0 || fleet.requests > 0 || fleet.abortedByLoss > 0 else { return [] }
    let parts = [
      "requests: \(fleet.requests) in the access log",
      "\(fleet.aborted) cut off by drains of "
        + Figures.counted(fleet.runsWithAborted, "run", "runs"),
      "\(fleet.abortedByLoss) lost with their worker (at most 20 of each loss are told of)",
    ]
    return Figures.wrapped(parts, separator: ", ", indent: 0, width: width)
  }

  /// What a reader should know before believing the figures.
  private func odds(_ totals: Totals) -> [String] {
    var lines: [String] = []
    if fleet.partial > 0 {
      lines.append(
        "\(Figures.counted(fleet.partial, "run is", "runs are")) long: only the first and last "
          + "\(History.limit / 2) events count")
    }
    let tables = [fleet.failures, fleet.hints, fleet.losses, fleet.warnings, fleet.agents]
    if tables.contains(where: \.isApproximate) {
      lines.append(
        "more than \(CommonTexts.limit) different texts: the counts of rare ones are estimates")
    }
    let counts = [
      (totals.foreign, "of others"), (totals.tooLong, "too long to be looked at"),
      (totals.cutOff, "cut off at an input's end"), (totals.duplicates, "twice, passed over"),
    ]
    for (count, what) in counts where count > 0 {
      lines.append("\(Figures.counted(count, "line", "lines")) \(what)")
    }
    if totals.unreadable > 0 {
      lines.append("\(Figures.counted(totals.unreadable, "input", "inputs")) unreadable")
    }
    if let first = totals.firstCorrupt {
      lines.append(
        "\(totals.corrupt) lines cannot be read, the first at \(DisplayText.escape(first))")
    }
    return lines
  }

  private func list(_ texts: CommonTexts, _ title: String, of places: String?) -> [String] {
    guard texts.total > 0 else { return [] }
    var lines = [title]
    for entry in texts.top(Self.listLimit) {
      let words = DisplayText.escape(entry.text).split(separator: " ").map(String.init)
      var text = Figures.wrapped(words, separator: " ", indent: 9, width: width)
      if let first = text.first {
        text[0] = Figures.right(String(entry.count), 8) + first.dropFirst(8)
      }
      lines += text
      if places != nil {
        let place = Figures.cutBeginning(DisplayText.escape(entry.place), width - 16)
        lines.append(Figures.right("", 9) + "first: " + place)
      }
    }
    if texts.distinct > Self.listLimit {
      lines.append(Figures.right("", 9) + "and \(texts.distinct - Self.listLimit) others")
    }
    return lines
  }

  // MARK: JSON

  private func json(_ totals: Totals) -> String {
    let value: JSONValue = .members([
      "schema": 1, "kind": "summary", "runs": .count(fleet.runs),
      "verdicts": .counts(fleet.verdicts),
      "supervisors": .members([
        "count": .count(fleet.supervised.supervisors), "agents": .count(fleet.supervised.agents),
        "failed_agents": .count(fleet.supervised.failedAgents),
        "changes": .count(fleet.supervised.changes),
        "failed_changes": .count(fleet.supervised.failedChanges),
        "losses": .count(fleet.supervised.losses), "restarts": .count(fleet.supervised.restarts),
      ]),
      "promises_broken": Self.json(fleet.promises, "promise"),
      "endings": .counts(
        Dictionary(fleet.endings.map { ($0.key.text, $0.value) }, uniquingKeysWith: +)),
      "drain_causes": Self.json(fleet.causes, "cause"),
      "agents": .count(fleet.agents.distinct),
      "versions": Self.json(fleet.versions, "version"),
      "failures": Self.json(fleet.failures, "signature"),
      "hints": Self.json(fleet.hints, "hint"),
      "workers_lost": Self.json(fleet.losses, "reason"),
      "warnings": Self.json(fleet.warnings, "code"),
      "times": .object(
        Measure.allCases.compactMap { measure in
          fleet.times[measure].map { JSONMember(measure.key, Self.json($0)) }
        }),
      "slowest_boots": Self.json(fleet.slowestBoots),
      "longest_outages": Self.json(fleet.longestOutages),
      "requests_logged": .count(fleet.requests), "requests_aborted": .count(fleet.aborted),
      "requests_lost_with_worker": .count(fleet.abortedByLoss),
      "budget_exceeded": .count(fleet.budgetExceeded),
      "hard_limit_exceeded": .count(fleet.hardLimitExceeded),
      "runs_in_part": .count(fleet.partial), "lines": .count(totals.lines),
      "foreign_lines": .count(totals.foreign), "corrupt_lines": .count(totals.corrupt),
      "cut_off_lines": .count(totals.cutOff), "duplicate_lines": .count(totals.duplicates),
      "unreadable_inputs": .count(totals.unreadable),
    ])
    return String(decoding: JSONWriter.pretty(value), as: UTF8.self)
  }

  private static func json(_ texts: CommonTexts, _ name: String) -> JSONValue {
    .array(
      texts.top(listLimit).map {
        .members([
          name: .string($0.text), "count": .count($0.count), "first": .string($0.place),
        ])
      })
  }

  private static func json(_ times: Fleet.Times) -> JSONValue {
    func figures(_ distribution: Distribution) -> [JSONMember] {
      let values = distribution.percentiles(percents) ?? []
      return zip(["p50", "p95", "p99", "max"], values).map { JSONMember($0, .integer($1)) }
    }
    return .object(
      [JSONMember("count", .count(times.all.count))] + figures(times.all) + [
        JSONMember("own", .object(figures(times.own))),
        JSONMember("waiting", .object(figures(times.waited))),
      ])
  }

  private static func json(_ list: [Fleet.Named]) -> JSONValue {
    .array(
      list.map {
        .members([
          "run_id": .string($0.runID), "agent": $0.agent.map { .string($0) } ?? .null,
          "place": .string($0.place), "milliseconds": .integer($0.milliseconds),
        ])
      })
  }
}

extension JSONValue {
  static func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }

  /// Counts by name, the largest first.
  static func counts(_ counts: [String: Int]) -> JSONValue {
    .object(
      counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        .map { JSONMember($0.key, .count($0.value)) })
  }
}
