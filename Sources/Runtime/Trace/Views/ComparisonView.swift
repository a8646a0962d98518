internal import Lifecycle

/// Two sets of runs side by side, for a person and for a gate.
struct ComparisonView {
  private let comparison: Comparison
  private let sides: (Fleet, Fleet)
  private let names: (String, String)

  init(_ comparison: Comparison, _ sides: (Fleet, Fleet), names: (String, String)) {
    self.comparison = comparison
    self.sides = sides
    self.names = names
  }

  // MARK: Text

  func text(width: Int) -> String {
    var lines = [side("A", names.0, sides.0, width), side("B", names.1, sides.1, width), ""]
    lines.append(
      line(["", "", "runs A/B", "A", "B", "change", ""], ""))
    lines += comparison.rows.map(row)
    lines += comparison.shares.map(row)
    lines += ["", verdict.joined(separator: " · ")]
    return lines.joined(separator: "\n") + "\n"
  }

  private func side(_ letter: String, _ name: String, _ fleet: Fleet, _ width: Int) -> String {
    let verdicts = fleet.verdicts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    let version =
      fleet.versions.top(1).first.map { ", version \(DisplayText.escape($0.text))" } ?? ""
    let end =
      "  \(Figures.counted(fleet.runs, "run", "runs"))\(version): "
      + verdicts.joined(separator: ", ")
    let room = max(8, width - end.count - 3)
    return "\(letter)  \(Figures.cutBeginning(DisplayText.escape(name), room))\(end)"
  }

  private func row(_ row: Comparison.Row) -> String {
    let isFirst = row.percent == Comparison.percents[0]
    return line(
      [
        isFirst ? row.measure.rawValue : "", "p\(row.percent)",
        isFirst ? "\(row.counts.0)/\(row.counts.1)" : "",
        row.values.0.map(TimeText.length) ?? "-", row.values.1.map(TimeText.length) ?? "-",
        row.change.map { ($0 < 0 ? "-" : "+") + TimeText.length(abs($0)) } ?? "",
        row.relative.map(Figures.change) ?? "",
      ], row.finding.text)
  }

  private func row(_ share: Comparison.Share) -> String {
    line(
      [
        share.name, "", "\(share.of.0)/\(share.of.1)", String(share.counts.0),
        String(share.counts.1), "", "",
      ], share.finding.text)
  }

  private func line(_ cells: [String], _ end: String) -> String {
    let widths = [9, 10, 10, 10, 9]
    let text =
      Figures.left(cells[0], 16) + Figures.left(cells[1], 3)
      + zip(cells.dropFirst(2), widths).map(Figures.right).joined() + " " + end
    return String(text.reversed().drop { $0 == " " }.reversed())
  }

  /// What the gate found, to be read as one line, however long: it is what a CI job shows.
  private var verdict: [String] {
    let rows = comparison.rows.filter { $0.finding == .regressed }.map {
      "\($0.measure.rawValue) p\($0.percent) \($0.values.0.map(TimeText.length) ?? "-") to "
        + "\($0.values.1.map(TimeText.length) ?? "-") (\($0.relative.map(Figures.change) ?? ""))"
    }
    let shares = comparison.shares.filter { $0.finding == .regressed }.map {
      "\($0.name): \($0.counts.0) of \($0.of.0) to \($0.counts.1) of \($0.of.1)"
    }
    return gate(rows + shares) + broken
  }

  /// What fails the gate whatever the times are: runs that are not as they should be. What A was written
  /// by does not matter.
  private var broken: [String] {
    [
      ("A", sides.0, ["violates", "corrupt"]),
      ("B", sides.1, ["violates", "corrupt", "unknown-version"]),
    ]
    .flatMap { side in
      side.2.compactMap { name in side.1.verdicts[name].map { "\(side.0): \(name) \($0)" } }
    }
  }

  private func gate(_ found: [String]) -> [String] {
    let limit = Figures.change(comparison.limit).dropFirst()
    guard let first = found.first else {
      let untold = comparison.rows.contains { $0.finding == .tooFew }
      return [
        "no regression above \(limit)" + (untold ? ", as far as so few runs can tell" : "")
      ]
    }
    return ["REGRESSED by more than \(limit): \(first)"] + found.dropFirst()
  }

  // MARK: JSON

  var json: String {
    let value: JSONValue = .members([
      "schema": 1, "kind": "diff", "regressed": .bool(comparison.hasRegressed),
      "limit": .number(comparison.limit),
      "a": Self.json(names.0, sides.0), "b": Self.json(names.1, sides.1),
      "measures": .array(comparison.rows.map(Self.json)),
      "shares": .array(comparison.shares.map(Self.json)),
    ])
    return String(decoding: JSONWriter.pretty(value), as: UTF8.self)
  }

  private static func json(_ name: String, _ fleet: Fleet) -> JSONValue {
    .members([
      "input": .string(name), "runs": .count(fleet.runs), "verdicts": .counts(fleet.verdicts),
    ])
  }

  private static func json(_ row: Comparison.Row) -> JSONValue {
    .members([
      "measure": .string(row.measure.key), "percentile": .count(row.percent),
      "runs_a": .count(row.counts.0), "runs_b": .count(row.counts.1),
      "a": row.values.0.map { .integer($0) } ?? .null,
      "b": row.values.1.map { .integer($0) } ?? .null,
      "change": row.relative.map { .number($0) } ?? .null,
      "chance": row.probability.map { .number($0) } ?? .null,
      "finding": .string(row.finding.rawValue),
    ])
  }

  private static func json(_ share: Comparison.Share) -> JSONValue {
    .members([
      "what": .string(share.name), "a": .count(share.counts.0), "b": .count(share.counts.1),
      "runs_a": .count(share.of.0), "runs_b": .count(share.of.1),
      "chance": .number(share.probability), "finding": .string(share.finding.rawValue),
    ])
  }
}
