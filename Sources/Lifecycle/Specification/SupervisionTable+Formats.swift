extension SupervisionTable {
  public enum Format: String, Sendable, CaseIterable { case json, mermaid, dot }

  public static func text(_ format: Format) -> [UInt8] {
    switch format {
    case .json: json
    case .mermaid: Array(mermaid.utf8)
    case .dot: Array(dot.utf8)
    }
  }

  private static var json: [UInt8] {
    func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
    let value: JSONValue = .members([
      "policy": .members([
        "restarts": .integer(Int64(restarts.maximum)),
        "retiring": .integer(Int64(policy.retiringMaximum)),
      ]),
      "agent_states": texts(AgentStateName.allCases.map(\.rawValue)),
      "phases": texts(SupervisionPhase.Name.allCases.map(\.rawValue)),
      "phase_situations": situations(phases), "phase_cells": cells(phases),
      "agent_situations": situations(agents), "agent_cells": cells(agents),
      "retiring_situations": situations(workers), "retiring_cells": cells(workers),
    ])
    return MachineTable.onePerLine(value)
  }

  private static func situations(_ table: Table) -> JSONValue {
    var answers: [String: [Step.Verdict: [String]]] = [:]
    for row in table.rows {
      answers[row.situation, default: [:]][row.verdict, default: []].append(row.event)
    }
    return .array(
      table.situations.map { situation in
        let names = answers[situation.name] ?? [:]
        func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
        return .members([
          "name": .string(situation.name), "state": .string(situation.state),
          "timers": texts(situation.timers), "ignored": texts(names[.ignored] ?? []),
          "illegal": texts(names[.illegal] ?? []),
        ])
      })
  }

  private static func cells(_ table: Table) -> JSONValue {
    .array(
      table.rows.filter { $0.verdict == .moved || $0.verdict == .stayed }.map { row in
        .members([
          "in": .string(row.situation), "event": .string(row.event),
          "verdict": .string(row.verdict.rawValue), "next": .string(row.next),
          "effects": .array(row.effects.map { .string($0) }),
        ])
      })
  }

  /// State to state, each with the causes that lead there.
  private static var arrows: [(from: String, to: String, causes: [String])] {
    let table = agents
    let states = Dictionary(table.situations.map { ($0.name, $0.state) }) { first, _ in first }
    var arrows: [(from: String, to: String, causes: [String])] = []
    for row in table.rows where row.verdict == .moved {
      guard let from = states[row.situation] else { continue }
      let to = states[row.next] ?? AgentStateName.stopped.rawValue
      guard from != to else { continue }
      if let index = arrows.firstIndex(where: { $0.from == from && $0.to == to }) {
        if !arrows[index].causes.contains(row.cause) { arrows[index].causes.append(row.cause) }
      } else {
        arrows.append((from, to, [row.cause]))
      }
    }
    let order = AgentStateName.allCases.map(\.rawValue)
    func place(_ state: String) -> Int { order.firstIndex(of: state) ?? 0 }
    return arrows.sorted { (place($0.from), place($0.to)) < (place($1.from), place($1.to)) }
  }

  private static var mermaid: String {
    var lines = ["stateDiagram-v2", "  [*] --> booting: deployed"]
    for arrow in arrows {
      lines.append("  \(arrow.from) --> \(arrow.to): \(arrow.causes.joined(separator: ", "))")
    }
    lines.append("  stopped --> [*]")
    return lines.joined(separator: "\n") + "\n"
  }

  private static var dot: String {
    var lines = ["digraph agent {", "  node [shape=box, style=rounded];"]
    for state in AgentStateName.allCases {
      let peripheries = state == .stopped ? " [peripheries=2]" : ""
      lines.append("  \(state.rawValue)\(peripheries);")
    }
    for arrow in arrows {
      let label = arrow.causes.joined(separator: "\\n")
      lines.append("  \(arrow.from) -> \(arrow.to) [label=\"\(label)\"];")
    }
    lines.append("}")
    return lines.joined(separator: "\n") + "\n"
  }
}
