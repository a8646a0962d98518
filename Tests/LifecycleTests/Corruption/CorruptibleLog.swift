import Lifecycle

/// A run's log, one object a line, that can be damaged. Only what a damage touches is read again.
struct CorruptibleLog {
  let name: String
  let lines: [LogLine]
  private let objects: [JSONValue]
  private let verdict: ([LogLine]) -> Replay.Verdict

  /// - Parameter verdict: judges the damaged lines.
  init(
    _ name: String, _ lines: [LogLine],
    verdict: @escaping ([LogLine]) -> Replay.Verdict = ReplayTests.verdict
  ) throws {
    self.name = name
    self.lines = lines
    self.verdict = verdict
    objects = try lines.map { try JSONReader.decode($0.encoded) }
  }

  /// What came of a damage.
  struct Outcome {
    /// What was done, with the event and the field: `pid of worker_started`.
    let what: String
    let isCaught: Bool
  }

  /// Damages the log by chance; nil when that changes nothing.
  func corrupt(_ kind: CorruptionKind, _ random: inout SplitMix) -> Outcome? {
    if let fields = kind.fields { return change(fields, kind, &random) }
    let indices = lines.indices.filter { !kind.countsOn || lines[$0].event.tells }
    guard let index = indices.randomElement(using: &random) else { return nil }
    var damaged = lines
    var what = lines[index].event.name
    switch kind {
    case .drop, .dropRenumbered: damaged.remove(at: index)
    case .duplicate, .duplicateRenumbered: damaged.insert(damaged[index], at: index)
    case .swap, .swapRenumbered:
      guard index + 1 < lines.count else { return nil }
      damaged.swapAt(index, index + 1)
      what += " and \(lines[index + 1].event.name)"
    case .move:
      let line = damaged.remove(at: index)
      damaged.insert(line, at: Int.random(in: 0...damaged.count, using: &random))
    case .bit: return flipBit(index, &random)
    default: damaged.removeLast(Int.random(in: 1..<lines.count, using: &random))
    }
    if kind.countsOn { damaged = renumbered(damaged) }
    guard damaged != lines else { return nil }
    return judge(damaged, "\(what): \(kind.rawValue)")
  }

  private func judge(_ lines: [LogLine], _ what: String) -> Outcome {
    return Outcome(what: what, isCaught: verdict(lines) != .conforms)
  }

  // MARK: Bits

  private func flipBit(_ index: Int, _ random: inout SplitMix) -> Outcome? {
    var bytes = lines[index].encoded
    bytes[Int.random(in: bytes.indices, using: &random)] ^=
      1 << UInt8.random(in: 0..<8, using: &random)
    guard let line = try? LogLine.decode(bytes), let object = try? JSONReader.decode(bytes) else {
      return Outcome(what: "bit", isCaught: true)
    }
    guard line != lines[index] else { return nil }
    // It goes to another run, which begins with it; and here its number is missing.
    if line.runID != lines[index].runID { return Outcome(what: "bit", isCaught: true) }
    var damaged = lines
    damaged[index] = line
    let place = zip(object.leaves, objects[index].leaves).first {
      object.value(at: $0) != objects[index].value(at: $1)
    }
    let field = place?.0.joined(separator: ".") ?? "a name"
    return judge(damaged, "a bit in \(field) of \(line.event.name)")
  }

  // MARK: Fields

  private func change(
    _ fields: Set<String>, _ kind: CorruptionKind, _ random: inout SplitMix
  ) -> Outcome? {
    var places: [(line: Int, path: [String])] = []
    for (index, object) in objects.enumerated() {
      let event = lines[index].event
      let isStart = if case .runStarted = event { true } else { false }
      if kind == .uptime, event.transition == nil { continue }
      if kind == .report, event.transition != nil { continue }
      // Who wanted a version no other line tells.
      if kind == .cause, case .supervisor(.agentDeploy) = event { continue }
      for path in object.leaves where fields.contains(path.joined(separator: ".")) {
        // What the program was configured with, and its own number, nothing else tells.
        if isStart || event.isSupervisorsStart, path.first == "config" || path.first == "pid" {
          continue
        }
        places.append((index, path))
      }
    }
    guard let place = places.randomElement(using: &random) else { return nil }
    let object = objects[place.line].changing(place.path) { $0.damaged(kind, &random) }
    let field = place.path.joined(separator: ".")
    let what = "\(field) of \(lines[place.line].event.name)"
    guard let line = try? LogLine.decode(JSONWriter.encode(object)) else {
      return Outcome(what: what, isCaught: true)
    }
    guard line != lines[place.line] else { return nil }
    var damaged = lines
    damaged[place.line] = line
    return judge(damaged, what)
  }
}

extension LogEvent {
  /// Whether it tells of the lifecycle; others may be missing, or stand elsewhere, without a lie.
  var tells: Bool {
    switch self {
    case .agentOutput, .request, .slowRequest, .warning, .logDropped, .bootProgress, .fetchRetry,
      .illegalEvent, .requestAborted:
      false
    default: true
    }
  }
}

extension LogEvent {
  fileprivate var isSupervisorsStart: Bool {
    if case .supervisor(.started) = self { true } else { false }
  }
}

extension JSONValue {
  /// The paths of all values that are no objects.
  fileprivate var leaves: [[String]] {
    guard let members, !members.isEmpty else { return [[]] }
    return members.flatMap { member in member.value.leaves.map { [member.name] + $0 } }
  }

  fileprivate func value(at path: [String]) -> JSONValue? {
    path.reduce(self as JSONValue?) { $0?[$1] }
  }

  fileprivate func changing(_ path: [String], _ change: (JSONValue) -> JSONValue) -> JSONValue {
    guard let name = path.first, let members else { return change(self) }
    return .object(
      members.map {
        $0.name == name
          ? JSONMember(name, $0.value.changing(Array(path.dropFirst()), change)) : $0
      })
  }

  private static let causes = [
    "started", "package_fetched", "package_verified", "environment_installed", "worker_ready",
    "worker_lost", "load_timed_out", "failure", "hard_limit", "configuration", "drained",
    "deadline", "second_signal", "SIGTERM", "SIGINT", "other",
  ]
  private static let words: [String: [String]] = [
    "clean": ["cut", "failed"], "cut": ["clean", "failed"], "failed": ["clean", "cut"],
    "hit": ["miss", "none"], "miss": ["hit", "none"], "none": ["hit", "miss"],
    "info": ["warning"], "warning": ["error"], "error": ["info"],
  ]

  /// Other words of a supervisor's lines.
  private static func alternatives(to text: String, _ kind: CorruptionKind) -> [String]? {
    switch kind {
    case .state where AgentStateName(rawValue: text) != nil && StateName(rawValue: text) == nil:
      AgentStateName.allCases.map(\.rawValue)
    case .cause where AgentCause(rawValue: text) != nil: AgentCause.allCases.map(\.rawValue)
    case .cause where WorkerStop.Cause(rawValue: text) != nil:
      WorkerStop.Cause.allCases.map(\.rawValue)
    case .cause where Deployment.Cause(rawValue: text) != nil:
      Deployment.Cause.allCases.map(\.rawValue)
    case .flag where WorkerEnd.Kind(rawValue: text) != nil: WorkerEnd.Kind.allCases.map(\.rawValue)
    default: nil
    }
  }

  private static func others(than text: String, _ kind: CorruptionKind) -> [String] {
    switch kind {
    case .state: StateName.allCases.map(\.rawValue)
    case .cause: causes
    default: words[text] ?? ["\(text)x"]
    }
  }

  /// Another value of the same kind.
  fileprivate func damaged(_ kind: CorruptionKind, _ random: inout SplitMix) -> JSONValue {
    switch self {
    case .bool(let flag): return .bool(!flag)
    case .null:
      return kind == .state ? .string("ready") : .integer(Int64.random(in: 0...9, using: &random))
    case .integer(let value):
      let isTime = kind == .time || kind == .uptime || kind == .report
      let distance = isTime ? [1, 1, 7, 50, 600, 5000] : [1, 1, 2, 5]
      let change = Int64(distance.randomElement(using: &random) ?? 1)
      return .integer(Bool.random(using: &random) ? value + change : value - change)
    case .string(let text):
      let others = Self.alternatives(to: text, kind) ?? Self.others(than: text, kind)
      return .string(others.randomElement(using: &random) ?? "")
    case .array(let elements):
      return .array(elements.isEmpty ? ["rest"] : Array(elements.dropLast()))
    case .number, .object: return .null
    }
  }
}
