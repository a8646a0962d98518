/// The machine, its log, its gate and everything that may happen to it, as a model for the model
/// checker spin. The table is written out of the machine itself, as that of `spec/lifecycle.json`;
/// what is around it (`Model+Surroundings.swift`) and the claims (`Model+Claims.swift`) are by hand.
enum Model {
  /// The whole model in Promela.
  static var text: String {
    let (situations, rows) = MachineTable.explore(inputs)
    // Situations of one state get numbers in a row.
    let ordered = StateName.allCases.flatMap { name in situations.filter { $0.state == name } }
    return [
      "/* Printed by par-lifecycle spec --format promela; make verify lets spin check it. */",
      names(ordered, rows), timers(ordered), table(ordered, rows), surroundings, claims,
    ].joined(separator: "\n")
  }

  /// The table's events, and losses at which restarts have left their window: at those times the
  /// machine counts fewer of them.
  private static var inputs: [MachineTable.Input] {
    // Restarts are a millisecond apart, so that they can leave the window one by one.
    func soon(_ state: State) -> Instant { .start + .milliseconds(Int64(state.restartCount)) }
    let usual = MachineTable.events.map { entry in
      MachineTable.Input(name: entry.name, event: entry.event) { state in
        entry.at == .start ? soon(state) : entry.at
      }
    }
    let losses: [(String, Event)] = [
      ("worker_lost", .workerLost(attempt: 1, jitter: 0)),
      ("timer(load_timeout)", .timerFired(.loadTimeout)),
    ]
    let late = losses.flatMap { name, event in
      [
        MachineTable.Input(name: "\(name), one restart past", event: event) { _ in
          .start + MachineTable.policy.restartsWindow
        },
        MachineTable.Input(name: "\(name), all restarts past", event: event) { _ in
          .start + MachineTable.policy.restartsWindow * 2
        },
      ]
    }
    return usual + late
  }

  /// Constants for situations, events and effects, and which situations belong to which state.
  private static func names(
    _ situations: [MachineTable.Situation], _ rows: [MachineTable.Row]
  ) -> String {
    var lines = situations.enumerated().map { "#define \(identifier($1.name)) \($0)" }
    for state in StateName.allCases {
      let places = situations.indices.filter { situations[$0].state == state }
      guard let first = places.first, let last = places.last else { continue }
      lines.append("#define \(macro(state))(s) (s >= \(first) && s <= \(last))")
    }
    lines.append("#define isLameDuck(s) \(any(of: situations) { $0.name.contains("lame duck") })")
    lines.append("#define isFirst(s) \(any(of: situations) { $0.name.contains("loading: first") })")
    lines.append("#define RESTARTS \(MachineTable.policy.restartsMaximum)")
    let states = StateName.allCases.map { $0.rawValue.uppercased() }.joined(separator: ", ")
    lines.append("mtype:State = { NOTHING, \(states) };")
    let events = inputs.map { identifier($0.name) }.joined(separator: ", ")
    lines.append("mtype:Event = { no_event, \(events) };")
    let timers = inputs.filter { $0.name.hasPrefix("timer") }.map { "e == \(identifier($0.name))" }
    lines.append("#define isTimer(e) (\(timers.joined(separator: " || ")))")
    var effects: [String] = []
    for effect in rows.flatMap(\.effects) where !effects.contains(effect) { effects.append(effect) }
    lines.append("mtype:Effect = { none, \(effects.joined(separator: ", ")) };")
    return lines.joined(separator: "\n") + "\n"
  }

  /// Which timers are armed where.
  private static func timers(_ situations: [MachineTable.Situation]) -> String {
    Timer.allCases.map { timer in
      let armed = any(of: situations) { $0.timers.contains(timer.rawValue) }
      return "#define \(timer.rawValue)_armed(s) \(armed)"
    }.joined(separator: "\n") + "\n"
  }

  private static func any(
    of situations: [MachineTable.Situation], _ matches: (MachineTable.Situation) -> Bool
  ) -> String {
    let names = situations.filter(matches).map { "s == \(identifier($0.name))" }
    return "(\(names.joined(separator: " || ")))"
  }

  /// What each event does in each situation, a part for each state.
  private static func table(
    _ situations: [MachineTable.Situation], _ rows: [MachineTable.Row]
  ) -> String {
    var parts: [String] = []
    var choice = ["inline table() {", "  if"]
    for state in StateName.allCases {
      let part = situations.filter { $0.state == state }
      let blocks = part.flatMap { situation in
        block(situation, rows.filter { $0.situation == situation.name })
      }
      let text = ["inline \(state.rawValue)Table() {", "  if"] + blocks + ["  fi", "}"]
      parts.append(text.joined(separator: "\n"))
      choice.append("  :: \(macro(state))(at) -> \(state.rawValue)Table()")
    }
    return (parts + choice + ["  fi", "}"]).joined(separator: "\n") + "\n"
  }

  private static func block(
    _ situation: MachineTable.Situation, _ cells: [MachineTable.Row]
  ) -> [String] {
    var lines = ["  :: at == \(identifier(situation.name)) ->", "    if"]
    for cell in cells where cell.verdict == .moved || cell.verdict == .stayed {
      let verb = cell.verdict == .moved ? "move" : "stay"
      let effects = cell.effects + Array(repeating: "none", count: 3 - cell.effects.count)
      lines.append(
        "    :: event == \(identifier(cell.event)) -> "
          + "\(verb)(\(identifier(cell.next)), \(effects.joined(separator: ", ")))")
    }
    let ignored = cells.filter { $0.verdict == .ignored }
    if !ignored.isEmpty {
      let events = ignored.map { "event == \(identifier($0.event))" }
      lines.append("    :: \(events.joined(separator: " || ")) -> ignore()")
    }
    return lines + ["    :: else -> refuse()", "    fi"]
  }

  private static func macro(_ state: StateName) -> String {
    "is" + state.rawValue.prefix(1).uppercased() + state.rawValue.dropFirst()
  }

  /// A name of the table in letters that Promela takes.
  private static func identifier(_ name: String) -> String {
    name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : " " }
      .split(separator: " ").map { String($0) }.joined(separator: "_")
  }
}
