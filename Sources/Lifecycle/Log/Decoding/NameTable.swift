/// Where a name stands: the same word means another thing in another object, or as a value.
enum NameScope: UInt8, CaseIterable {
  // Names of members.
  case line, package, environment, sockets, phases, config
  /// Members of objects that nobody reads.
  case other
  // Values that come from closed lists.
  case eventName, level, state, phase, cache, outcome
}

/// The first 32 bytes of a name in words, zeros behind its end.
struct NameWords: Equatable {
  static let limit = 32

  var first: UInt64 = 0
  var second: UInt64 = 0
  var third: UInt64 = 0
  var fourth: UInt64 = 0

  init() {}

  /// Of `count` bytes from a position on, as many as fit.
  @inline(__always)
  init(_ bytes: Span<UInt8>, at start: Int, count: Int) {
    first = bytes.word(at: start).first(count)
    guard count > 8 else { return }
    second = bytes.word(at: start + 8).first(count - 8)
    guard count > 16 else { return }
    third = bytes.word(at: start + 16).first(count - 16)
    guard count > 24 else { return }
    fourth = bytes.word(at: start + 24).first(count - 24)
  }

  @inline(__always)
  var hash: UInt64 {
    var hash = first &* 0x9E37_79B9_7F4A_7C15
    hash = (hash ^ (hash >> 32) ^ second) &* 0xD6E8_FEB8_6659_FD93
    hash = (hash ^ (hash >> 32) ^ third ^ (fourth &* 0xA24B_AED4_963E_E407))
    return hash &* 0x9E37_79B9_7F4A_7C15
  }
}

/// Names that are known, each with its number within its scope: a hash table that is made once and has
/// no free text in it.
struct NameTable: Sendable {
  private struct Entry {
    var words = NameWords()
    var count = 0
    var scope = NameScope.other
    var number: UInt8 = 0
  }

  static let slots = 512

  /// 0: nothing; else one more than the entry's place.
  private var places = [UInt8](repeating: 0, count: NameTable.slots)
  private var entries: [Entry] = []
  /// The names of members and their numbers, whatever they stand in.
  private(set) var members: [(name: [UInt8], number: Int)] = []

  /// Names of at most 32 bytes, at most 255 in all.
  mutating func add(_ name: some StringProtocol, _ scope: NameScope, _ number: UInt8) {
    let bytes = Array(name.utf8)
    precondition(bytes.count <= NameWords.limit && entries.count < 255)
    let words = NameWords(bytes.span, at: 0, count: bytes.count)
    entries.append(Entry(words: words, count: bytes.count, scope: scope, number: number))
    if scope.rawValue < NameScope.other.rawValue { members.append((bytes, Int(number))) }
    var slot = Self.slot(words, scope)
    while places[slot] != 0 { slot = (slot + 1) % Self.slots }
    places[slot] = UInt8(entries.count)
  }

  @inline(__always)
  private static func slot(_ words: NameWords, _ scope: NameScope) -> Int {
    let hash = words.hash &+ UInt64(scope.rawValue) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: hash >> 55)
  }

  /// The number of a name of `count` bytes in that scope.
  @inline(__always)
  func number(_ words: NameWords, count: Int, _ scope: NameScope) -> UInt8? {
    guard count <= NameWords.limit else { return nil }
    var slot = Self.slot(words, scope)
    while true {
      let place = Int(places[slot])
      guard place > 0, place <= entries.count else { return nil }
      if entries[place - 1].words == words, entries[place - 1].count == count,
        entries[place - 1].scope == scope
      {
        return entries[place - 1].number
      }
      slot = (slot + 1) % Self.slots
    }
  }
}

extension NameTable {
  /// All that a log line can say in words of ours.
  static let ofLines: NameTable = {
    var table = NameTable()
    let inside: [(prefix: String, scope: NameScope)] = LineMember.allCases.compactMap {
      guard let scope = $0.inside else { return nil }
      return ($0.path.description + ".", scope)
    }
    for member in LineMember.allCases {
      let path = member.path.description
      if let (prefix, scope) = inside.first(where: { path.hasPrefix($0.prefix) }) {
        table.add(path.dropFirst(prefix.count), scope, member.rawValue)
      } else {
        table.add(path, .line, member.rawValue)
      }
    }
    func list(_ names: [String], _ scope: NameScope, from first: Int = 0) {
      for (number, name) in names.enumerated() { table.add(name, scope, UInt8(first + number)) }
    }
    list(LoggedConfiguration.judged, .config, from: LineMember.allCases.count)
    list(LogLine.eventNames, .eventName)
    list(LogLevel.allCases.map(\.rawValue), .level)
    list(StateName.allCases.map(\.rawValue), .state)
    list(StateName.allCases.map(\.phaseName), .phase)
    list(Preparation.Environment.allCases.map(\.rawValue), .cache)
    list(Stopped.Outcome.allCases.map(\.rawValue), .outcome)
    return table
  }()
}
