extension MachineTable {
  public enum Format: String, Sendable, CaseIterable { case json, mermaid, dot, promela }

  public static func text(_ format: Format) -> [UInt8] {
    switch format {
    case .json: json
    case .mermaid: Array(mermaid.utf8)
    case .dot: Array(dot.utf8)
    case .promela: Array(Model.text.utf8)
    }
  }

  /// FNV-1a with 64 bits, as 16 hexadecimal digits.
  public static func fingerprint(of bytes: some Sequence<UInt8>) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static var json: [UInt8] {
    let (situations, rows) = explore()
    func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
    func names(_ situation: Situation, _ verdict: Step.Verdict) -> JSONValue {
      texts(
        rows.filter { $0.situation == situation.name && $0.verdict == verdict }.map(\.event))
    }
    let cells = rows.filter { $0.verdict == .moved || $0.verdict == .stayed }.map { row in
      JSONValue.members([
        "in": .string(row.situation), "event": .string(row.event),
        "verdict": .string(row.verdict.rawValue), "next": .string(row.next),
        "effects": texts(row.effects),
      ])
    }
    let value: JSONValue = .members([
      "states": texts(StateName.allCases.map(\.rawValue)),
      "initial": .string(situations.first?.name ?? ""),
      "policy": .members(["restarts": .integer(Int64(policy.restartsMaximum))]),
      "events": texts(events.map(\.name)),
      "situations": .array(
        situations.map {
          .members([
            "name": .string($0.name), "state": .string($0.state.rawValue),
            "timers": texts($0.timers), "ignored": names($0, .ignored),
            "illegal": names($0, .illegal),
          ])
        }),
      "cells": .array(cells),
    ])
    return onePerLine(value)
  }

  /// Pretty on the first two levels, compact below: one cell a line, so that a change reads well.
  static func onePerLine(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.raw("{")
    for (index, member) in (value.members ?? []).enumerated() {
      writer.raw(index == 0 ? "\n  " : ",\n  ")
      writer.write(member.name)
      writer.raw(": ")
      guard let list = member.value.list, list.contains(where: { $0.members != nil }) else {
        writer.write(member.value)
        continue
      }
      writer.raw("[")
      for (place, element) in list.enumerated() {
        writer.raw(place == 0 ? "\n    " : ",\n    ")
        writer.write(element)
      }
      writer.raw("\n  ]")
    }
    writer.raw("\n}\n")
    return writer.bytes
  }

  /// State to state, each with the events that lead there.
  private static var arrows: [(from: StateName, to: StateName, events: [String])] {
    let (situations, rows) = explore()
    let states = Dictionary(situations.map { ($0.name, $0.state) }) { first, _ in first }
    var arrows: [(from: StateName, to: StateName, events: [String])] = []
    for row in rows where row.verdict == .moved {
      guard let from = states[row.situation], let to = states[row.next] else { continue }
      let event = String(row.event.prefix { $0 != "(" })
      if let index = arrows.firstIndex(where: { $0.from == from && $0.to == to }) {
        if !arrows[index].events.contains(event) { arrows[index].events.append(event) }
      } else {
        arrows.append((from, to, [event]))
      }
    }
    return arrows
  }

  private static var mermaid: String {
    var lines = ["stateDiagram-v2", "  [*] --> fetching"]
    for arrow in arrows {
      let label = arrow.events.joined(separator: ", ")
      lines.append("  \(arrow.from.rawValue) --> \(arrow.to.rawValue): \(label)")
    }
    lines.append("  stopped --> [*]")
    return lines.joined(separator: "\n") + "\n"
  }

  private static var dot: String {
    var lines = ["digraph lifecycle {", "  node [shape=box, style=rounded];"]
    for state in StateName.allCases {
      let peripheries = state == .stopped ? " [peripheries=2]" : ""
      lines.append("  \(state.rawValue)\(peripheries);")
    }
    for arrow in arrows {
      let label = arrow.events.joined(separator: "\\n")
      lines.append("  \(arrow.from.rawValue) -> \(arrow.to.rawValue) [label=\"\(label)\"];")
    }
    lines.append("}")
    return lines.joined(separator: "\n") + "\n"
  }
}
