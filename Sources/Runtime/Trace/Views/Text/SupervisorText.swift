internal import Lifecycle

/// A supervisor's course for a terminal: a strip an agent on one axis of time, below them what happened.
struct SupervisorText {
  /// Events of a long life that are shown from its beginning and from its end.
  static let shownFirst = 36
  static let shownLast = 20
  /// Agents whose strips are shown: the first ones by name.
  static let shownAgents = 60
  /// Columns of the longest name that is shown whole.
  private static let widestName = 22
  private static let factsWidth = 30
  /// Columns between two times on the axis.
  private static let tickRoom = 12

  private let run: RunReport
  private let course: SupervisionCourse
  private let unseenWorkers: Int
  private let layout: TextLayout
  private let nameWidth: Int
  private let barWidth: Int
  private let hasFacts: Bool
  private(set) var lines: [TextLine] = []

  init(_ run: RunReport, _ supervisor: SupervisorReport, _ layout: TextLayout) {
    (self.run, self.layout) = (run, layout)
    (course, unseenWorkers) = (supervisor.course, supervisor.unseenWorkers)
    let widest = course.agents.map { DisplayText.width(DisplayText.escape($0.id)) }.max() ?? 0
    nameWidth = min(max(6, widest), Self.widestName)
    let left = layout.columns - TextLayout.indent - nameWidth - 2
    hasFacts = layout.columns >= 100
    barWidth = max(0, hasFacts ? left - Self.factsWidth : left)
    addStrips()
    addEvents()
  }

  // MARK: Strips

  private mutating func addStrips() {
    guard !course.agents.isEmpty, barWidth >= 8 else { return }
    lines.append(axis)
    for agent in course.agents.prefix(Self.shownAgents) {
      var line = TextLine(indent: TextLayout.indent)
      line.add(DisplayText.cut(DisplayText.escape(agent.id), to: nameWidth), .bold)
      line.advance(to: barColumn)
      add(strip(of: agent), to: &line)
      if hasFacts {
        line.advance(to: barColumn + barWidth + 1)
        line.add(facts(of: agent), .dim)
      }
      lines.append(line)
      let beside = besides(of: agent)
      guard beside.contains(where: { $0.glyph != " " }) else { continue }
      var second = TextLine(indent: barColumn)
      add(beside, to: &second)
      lines.append(second)
    }
    let more = course.agents.count - Self.shownAgents
    if more > 0 { lines.append(TextLine("… and \(CountText.of(more, "agent"))", .dim, indent: 2)) }
    lines += legend
  }

  private var barColumn: Int { TextLayout.indent + nameWidth + 2 }

  private struct Cell {
    var glyph: Character
    var style: TextStyle
  }

  private func add(_ cells: [Cell], to line: inout TextLine) {
    var index = 0
    while index < cells.count {
      let end = cells[index...].firstIndex { $0.style != cells[index].style } ?? cells.count
      line.add(String(cells[index..<end].map(\.glyph)), cells[index].style)
      index = end
    }
  }

  /// Of the cell's time; the whole life has one cell at least.
  private func time(of cell: Int) -> Int64 {
    Int64(Double(max(1, course.end)) * Double(cell) / Double(barWidth))
  }

  /// What is worth the most attention of all that a cell stands for; a version's letter where it begins.
  private func strip(of agent: SupervisionCourse.Agent) -> [Cell] {
    var cells = [Cell](repeating: Cell(glyph: " ", style: .plain), count: barWidth)
    var (next, shownRevision) = (0, String?.none)
    let stretches = agent.stretches
    for cell in cells.indices {
      let (from, to) = (time(of: cell), time(of: cell + 1))
      while next < stretches.count, (stretches[next].end ?? .max) <= from,
        stretches[next].start < from
      {
        next += 1
      }
      var chosen: SupervisionCourse.Stretch?
      for stretch in stretches[next...] {
        if stretch.start >= to { break }
        if stretch.state.weight >= chosen?.state.weight ?? 0 { chosen = stretch }
      }
      guard let chosen else { continue }
      cells[cell] = Cell(glyph: chosen.state.glyph, style: chosen.state.style)
      guard chosen.state == .ready, let revision = chosen.revision, revision != shownRevision,
        let letter = agent.version(revision)?.name.first
      else { continue }
      shownRevision = revision
      cells[cell] = Cell(glyph: letter, style: .bold)
    }
    return cells
  }

  /// Workers beside the one that serves: those that boot to take its place, and those on their way out.
  private func besides(of agent: SupervisionCourse.Agent) -> [Cell] {
    var cells = [Cell](repeating: Cell(glyph: " ", style: .plain), count: barWidth)
    func fill(_ from: Int64, _ to: Int64, _ glyph: Character, _ style: TextStyle) {
      guard to > from else { return }
      let first = min(
        barWidth - 1, Int(Double(from) / Double(max(1, course.end)) * Double(barWidth)))
      let last = min(barWidth - 1, Int(Double(to) / Double(max(1, course.end)) * Double(barWidth)))
      for cell in first...max(first, last) { cells[cell] = Cell(glyph: glyph, style: style) }
    }
    let lives = agent.lives
    for (index, life) in lives.enumerated() {
      let end = life.end ?? course.end
      let isBeside = lives[..<index].contains {
        ($0.serves ?? .max) < life.start && ($0.end ?? .max) > life.start && !$0.wasLost
      }
      if isBeside { fill(life.start, life.serves ?? end, "░", .yellow) }
      if isBeside, life.serves == nil, life.wasLost { fill(end - 1, end, "✗", .red) }
      let follower = lives[(index + 1)...].compactMap(\.serves).first { $0 <= end }
      if let follower, life.serves != nil { fill(follower, end, "▂", .cyan) }
    }
    return cells
  }

  private func facts(of agent: SupervisionCourse.Agent) -> String {
    var facts: [String] = []
    if let last = agent.stretches.last, last.state == .failed { facts.append("failed") }
    facts.append("up \(TimeText.length(agent.served(until: course.end)))")
    if agent.changes > 0 { facts.append(CountText.of(agent.changes, "change")) }
    if agent.failedChanges > 0 { facts.append("\(agent.failedChanges) failed") }
    if agent.losses > 0 { facts.append(CountText.of(agent.losses, "loss", "losses")) }
    return DisplayText.cut(facts.joined(separator: ", "), to: Self.factsWidth - 1)
  }

  private var axis: TextLine {
    var line = TextLine(indent: barColumn)
    let count = max(1, barWidth / Self.tickRoom)
    for tick in 0..<count {
      let cell = barWidth * tick / count
      line.advance(to: barColumn + cell)
      line.add("╷\(TimeText.length(time(of: cell)))", .dim)
    }
    return line
  }

  private var legend: [TextLine] {
    let used = Set(course.agents.flatMap { $0.stretches.map(\.state) })
    let words = AgentStateName.allCases.filter { used.contains($0) && $0 != .stopped }
      .map { "\($0.glyph) \($0.rawValue)" }
    var versions = ""
    if course.agents.contains(where: { $0.versions.count > 1 }) {
      versions = "   A B … a version begins to serve; below: one boots beside, or drains"
    }
    return TextLine(indent: barColumn).wrapping(
      words.joined(separator: "  ") + versions, .dim, columns: layout.columns) + [TextLine()]
  }

  // MARK: Events

  private mutating func addEvents() {
    let told = run.history.moments.compactMap { moment in words(moment).map { (moment, $0) } }
    let isFolded = told.count > Self.shownFirst + Self.shownLast + 1
    let folded = isFolded ? Self.shownFirst..<(told.count - Self.shownLast) : 0..<0
    for (index, event) in told.enumerated() {
      if index == folded.lowerBound, isFolded { addFold(folded.count) }
      if !folded.contains(index) { add(event.0, event.1) }
    }
    if run.history.leftOut > 0 {
      lines.append(
        TextLine(
          "… \(CountText.of(run.history.leftOut, "line")) in the middle are not kept", .dim,
          indent: layout.stateColumn))
    }
    guard unseenWorkers > 0 else { return }
    lines += TextLine(indent: TextLayout.indent).wrapping(
      "The logs of \(CountText.of(unseenWorkers, "worker")) are not here: what is said of them "
        + "is held against nothing.", .dim, columns: layout.columns)
  }

  private mutating func addFold(_ count: Int) {
    lines.append(
      TextLine("… \(CountText.of(count, "event")) more", .dim, indent: layout.stateColumn))
  }

  private mutating func add(_ moment: History.Moment, _ words: (agent: String?, text: String)) {
    let level = moment.event.level
    var lead = TextLine(
      DisplayText.rightAligned(
        TimeText.length(moment.uptimeMilliseconds), in: TextLayout.startWidth),
      indent: TextLayout.indent)
    lead.advance(to: layout.stateColumn)
    if let agent = words.agent {
      lead.add(DisplayText.cut(DisplayText.escape(agent), to: nameWidth), .bold)
    }
    lead.advance(to: layout.stateColumn + nameWidth + 1)
    let sign = level == .error ? "✗ " : level == .warning ? "! " : ""
    lines += lead.wrapping(sign + words.text, level.style, columns: layout.columns)
  }

  private func words(_ moment: History.Moment) -> (agent: String?, text: String)? {
    guard case .supervisor(let line) = moment.event else {
      switch moment.event {
      case .warning, .configError, .bootFailed, .logDropped: return (nil, moment.label)
      default: return nil
      }
    }
    switch line {
    case .agentDeploy(let deployment, _):
      if deployment.cause == .start { return nil }
      return (line.agent, "\(name(deployment.agent, deployment.revision))\(line.words)")
    case .agentState(let facts):
      switch facts.to {
      case .booting, .draining, .stopped: return nil
      case .ready: return (line.agent, "ready\(serving(facts.agent, moment))")
      case .restarting, .failed: return (line.agent, "\(facts.to.rawValue), \(line.words)")
      }
    case .agentTraffic(let agent, let from?, let to?):
      let change = course.agents.first { $0.id == agent }.flatMap { agent in
        let lives = [from, to].map { number in agent.lives.last { $0.worker == number } }
        let names = lives.map { agent.version($0?.revision)?.name ?? "?" }
        let boot = lives[1].flatMap { life in life.serves.map { $0 - life.start } }
        return "\(names[0]) → \(names[1]), "
          + (boot.map { "booted in \(TimeText.length($0)), " } ?? "")
      }
      return (agent, (change ?? "") + line.words)
    case .agentWorkerExited(let facts):
      return facts.end.kind == .asked ? nil : (line.agent, line.words)
    case .agentWorkerStop(let facts): return facts.isForced ? (line.agent, line.words) : nil
    case .agentTargetFailed(let agent, let revision, _):
      return (agent, name(agent, revision) + line.words)
    case .agentRemoved, .desiredRefused, .illegalEvent: return (line.agent, line.words)
    case .desiredState(let facts): return facts.source == .api ? nil : (nil, line.words)
    case .ready, .draining, .stopped: return (nil, "\(moment.event.name): \(line.words)")
    case .started, .loaded, .agentWorker, .agentTraffic, .adminRequest: return nil
    }
  }

  private func name(_ id: String, _ revision: String) -> String {
    course.agents.first { $0.id == id }?.version(revision).map { "\($0.name) " } ?? ""
  }

  /// Which version serves from that line on, and how long its worker took to get there.
  private func serving(_ id: String, _ moment: History.Moment) -> String {
    guard let agent = course.agents.first(where: { $0.id == id }),
      let stretch = agent.stretches.first(where: { $0.sequence == moment.sequence }),
      let worker = stretch.worker, let life = agent.lives.last(where: { $0.worker == worker })
    else { return "" }
    let version = agent.version(life.revision).map { ": \($0.name) \($0.revision)" } ?? ""
    let id = agent.version(life.revision)?.deployment.map { " (\($0))" } ?? ""
    return "\(version)\(id), worker \(worker), after \(TimeText.length(stretch.start - life.start))"
  }
}

extension AgentStateName {
  var style: TextStyle {
    switch self {
    case .booting, .restarting: .yellow
    case .ready: .green
    case .draining: .cyan
    case .failed: .red
    case .stopped: .plain
    }
  }

  fileprivate var glyph: Character {
    switch self {
    case .booting: "░"
    case .ready: "━"
    case .restarting: "▒"
    case .draining: "▂"
    case .failed: "✗"
    case .stopped: " "
    }
  }

  /// Which state of several is shown where there is room for one.
  fileprivate var weight: Int {
    switch self {
    case .stopped: 1
    case .ready: 2
    case .draining: 3
    case .booting: 4
    case .restarting: 5
    case .failed: 6
    }
  }
}
