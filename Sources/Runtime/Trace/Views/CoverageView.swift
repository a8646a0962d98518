internal import Lifecycle

/// Which cells of the machine's table the runs have been in, and which never.
struct CoverageView: TraceView {
  private let options: TraceOptions
  private var coverage = Coverage()

  init(_ options: TraceOptions) { self.options = options }

  mutating func show(_ run: RunReport) -> String {
    coverage.take(run)
    return ""
  }

  func finish(_ totals: Totals) -> String {
    options.format == .text ? text : json
  }

  /// A state's entries together, the commonest first.
  private var entries: [(entry: Coverage.Entry, count: Int)] {
    let order = StateName.allCases
    func place(_ state: StateName?) -> Int { state.flatMap { order.firstIndex(of: $0) } ?? -1 }
    return coverage.entries.map { (entry: $0.key, count: $0.value) }.sorted {
      (place($0.entry.to), place($0.entry.from), $1.count, $0.entry.cause)
        < (place($1.entry.to), place($1.entry.from), $0.count, $1.entry.cause)
    }
  }

  /// Situations in the order of the table, with the cells in each.
  private var situations: [(name: String, cells: [Coverage.Cell])] {
    var situations: [(name: String, cells: [Coverage.Cell])] = []
    for cell in coverage.cells {
      if situations.last?.name == cell.situation {
        situations[situations.count - 1].cells.append(cell)
      } else {
        situations.append((cell.situation, [cell]))
      }
    }
    return situations
  }

  private var visited: Set<String> {
    Set(coverage.cells.filter { $0.count > 0 }.flatMap { [$0.situation, $0.next] })
  }

  // MARK: Text

  private var text: String {
    [head, seen, unseenEntries, unseenCells, supervisors, strange]
      .filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
  }

  private var width: Int { max(40, options.width) }

  private var head: [String] {
    let cells = coverage.cells
    let visited = visited
    let situations = situations
    func part(_ seen: Int, _ all: Int, _ what: String) -> String {
      "\(Figures.right(String(seen), 6)) of \(Figures.left(String(all), 4)) "
        + "\(Figures.right(Figures.percent(seen, of: all), 5))  \(what)"
    }
    var lines = [
      "\(Figures.counted(coverage.runs, "run", "runs")) went through the machine's table"
    ]
    lines.append(
      part(
        coverage.entries.count { $0.value > 0 }, coverage.entries.count,
        "transitions by state and cause"))
    lines.append(
      part(
        situations.count { visited.contains($0.name) }, situations.count,
        "situations that can be left"))
    for (verdict, what) in [
      (Step.Verdict.moved, "cells that move to another state"),
      (.stayed, "cells that change what is inside a state"),
    ] {
      let all = cells.filter { $0.verdict == verdict }
      lines.append(part(all.count { $0.count > 0 }, all.count, what))
    }
    return lines
  }

  private var seen: [String] {
    var lines = ["seen"]
    for state in StateName.allCases {
      let ways = entries.filter { $0.entry.to == state && $0.count > 0 }.map {
        "\(DisplayText.escape($0.entry.words)) \($0.count)"
      }
      lines += labelled(state.rawValue, ways, separator: " · ")
    }
    return lines
  }

  private var unseenEntries: [String] {
    let unseen = entries.filter { $0.count == 0 }
    guard !unseen.isEmpty else { return ["every transition was seen"] }
    var lines = ["transitions never seen"]
    for state in StateName.allCases {
      lines += labelled(
        state.rawValue, unseen.filter { $0.entry.to == state }.map(\.entry.words),
        separator: " · ")
    }
    return lines
  }

  private var unseenCells: [String] {
    let visited = visited
    var lines = ["events never seen, by situation"]
    for (name, cells) in situations where visited.contains(name) {
      let unseen = cells.filter { $0.count == 0 }.map(\.event)
      guard !unseen.isEmpty else { continue }
      lines += Figures.wrapped([name], separator: "", indent: 2, width: width)
      lines += Figures.wrapped(unseen, separator: ", ", indent: 6, width: width)
    }
    let never = situations.map(\.name).filter { !visited.contains($0) }
    guard !never.isEmpty else { return lines }
    lines.append("situations never seen")
    return lines + never.map { "  " + $0 }
  }

  /// What supervisors' agents went through; what of their table was never seen is not asked here.
  private var supervisors: [String] {
    guard coverage.supervisors > 0 else { return [] }
    var lines = [
      "\(Figures.counted(coverage.supervisors, "supervisor", "supervisors")), agents seen"
    ]
    for state in AgentStateName.allCases {
      let ways = agentMoves.filter { $0.move.to == state }.map { "\($0.move.words) \($0.count)" }
      lines += labelled(state.rawValue, ways, separator: " · ")
    }
    return lines
  }

  private var agentMoves: [(move: Coverage.AgentMove, count: Int)] {
    coverage.agentMoves.map { (move: $0.key, count: $0.value) }
      .sorted { ($1.count, $0.move.words) < ($0.count, $1.move.words) }
  }

  private var strange: [String] {
    var lines: [String] = []
    func note(_ count: Int, _ one: String, _ many: String) {
      if count > 0 { lines.append(Figures.counted(count, one, many)) }
    }
    note(coverage.others, "run of another version", "runs of other versions")
    note(
      coverage.partial, "long run, of which the beginning counts",
      "long runs, of which the beginning counts")
    note(
      coverage.strangers, "step that the table, made with its own policy, does not have",
      "steps that the table, made with its own policy, does not have")
    note(coverage.illegal.values.reduce(0, +), "illegal event", "illegal events")
    lines += Figures.wrapped(
      ("What is ignored or illegal is no cell here. Of a drain the log does not tell all: a signal "
        + "after a failure, and when nothing was in flight, count where later lines prove them.")
        .split(separator: " ").map(String.init), separator: " ", indent: 0, width: width)
    return lines
  }

  private func labelled(_ label: String, _ parts: [String], separator: String) -> [String] {
    var lines = Figures.wrapped(parts, separator: separator, indent: 14, width: width)
    guard let first = lines.first else { return [] }
    lines[0] = "  " + Figures.left(label, 12) + first.dropFirst(14)
    return lines
  }

  // MARK: JSON

  private var json: String {
    let visited = visited
    let value: JSONValue = .members([
      "schema": 1, "kind": "coverage", "machine": .string(MachineTable.hash),
      "runs": .count(coverage.runs), "runs_in_part": .count(coverage.partial),
      "runs_of_other_versions": .count(coverage.others),
      "transitions": .array(
        entries.map {
          .members([
            "from": $0.entry.from.map { .string($0.rawValue) } ?? .null,
            "to": .string($0.entry.to.rawValue), "cause": .string($0.entry.cause),
            "count": .count($0.count),
          ])
        }),
      "situations": .array(
        situations.map {
          .members(["name": .string($0.name), "seen": .bool(visited.contains($0.name))])
        }),
      "cells": .array(
        coverage.cells.map {
          .members([
            "in": .string($0.situation), "event": .string($0.event),
            "verdict": .string($0.verdict.rawValue), "next": .string($0.next),
            "count": .count($0.count),
          ])
        }),
      "supervisors": .count(coverage.supervisors),
      "agent_transitions": .array(
        agentMoves.map {
          .members([
            "from": $0.move.from.map { .string($0.rawValue) } ?? .null,
            "to": .string($0.move.to.rawValue), "cause": .string($0.move.cause.rawValue),
            "count": .count($0.count),
          ])
        }),
      "illegal_events": .count(coverage.illegal.values.reduce(0, +)),
      "steps_outside_the_table": .count(coverage.strangers),
    ])
    return String(decoding: JSONWriter.pretty(value), as: UTF8.self)
  }
}

extension Coverage.AgentMove {
  fileprivate var words: String {
    from.map { "\(cause.rawValue) from \($0.rawValue)" } ?? cause.rawValue
  }
}

extension Coverage.Entry {
  fileprivate var words: String { from.map { "\(cause) from \($0.rawValue)" } ?? cause }
}
