/// Whose lines are: told by the bytes from the run's id to the last of what is behind it, which are the same
/// in all lines of a run. A direct-mapped cache, and the list of those seen since it was emptied.
struct OwnerCache: Sendable {
  static let places = 64
  /// The most bytes that are compared; other lines are read in full.
  static let lengthLimit = 192

  /// Where the texts stand, counted from the run's id.
  fileprivate struct Layout: Equatable {
    var count = 0
    var runIDEnd = 0
    var agent = 0..<0
    var deployment = 0..<0
    var agentKind = LineScanner.Value.Kind.null
    var deploymentKind = LineScanner.Value.Kind.null
  }

  private struct Entry {
    var layout = Layout()
    var number = 0
    /// Of another round: what was there is forgotten.
    var round = 0
  }

  private(set) var owners: [LineOwner] = []
  private var entries = [Entry](repeating: Entry(), count: OwnerCache.places)
  private var keys = [UInt8](repeating: 0, count: OwnerCache.places * OwnerCache.lengthLimit)
  private var round = 1

  mutating func removeAll() {
    owners.removeAll(keepingCapacity: true)
    round += 1
  }

  mutating func add(_ owner: LineOwner) -> Int {
    owners.append(owner)
    return owners.count - 1
  }

  /// What is looked for, of one line.
  struct Query {
    fileprivate var layout = Layout()
    fileprivate var start = 0
    fileprivate var place = 0

  }

  /// The number of an owner that is known.
  @inline(__always)
  func number(_ query: Query, _ bytes: Span<UInt8>) -> Int? {
    let entry = entries[query.place]
    guard entry.round == round, entry.layout == query.layout else { return nil }
    let known = keys.span
    let key = query.place * Self.lengthLimit
    var offset = 0
    while offset < query.layout.count {
      let word = bytes.word(at: query.start + offset).first(query.layout.count - offset)
      let expected = known.word(at: key + offset).first(query.layout.count - offset)
      guard word == expected else { return nil }
      offset += 8
    }
    return entry.number
  }

  mutating func keep(_ owner: LineOwner, _ query: Query, _ bytes: Span<UInt8>) -> Int {
    let number = add(owner)
    let key = query.place * Self.lengthLimit
    for index in 0..<query.layout.count { keys[key + index] = bytes[query.start + index] }
    entries[query.place] = Entry(layout: query.layout, number: number, round: round)
    return number
  }
}

extension LineScanner {
  /// Nil for a line of which the run's id does not come first, or that has too much behind it.
  @inline(__always)
  func ownerQuery(_ bytes: Span<UInt8>) -> OwnerCache.Query? {
    guard let runID = value(.runID), runID.kind == .string else { return nil }
    var query = OwnerCache.Query()
    query.start = runID.start
    var end = runID.end
    query.layout.runIDEnd = runID.count
    if let agent = value(.agentAppID) {
      guard agent.start >= end else { return nil }
      query.layout.agentKind = agent.kind
      query.layout.agent = agent.start - query.start..<agent.end - query.start
      end = agent.end
    }
    if let deployment = value(.deploymentID) {
      guard deployment.start >= end else { return nil }
      query.layout.deploymentKind = deployment.kind
      query.layout.deployment = deployment.start - query.start..<deployment.end - query.start
      end = deployment.end
    }
    query.layout.count = end - query.start
    guard query.layout.count <= OwnerCache.lengthLimit else { return nil }
    let head = bytes.word(at: query.start) &* 0x9E37_79B9_7F4A_7C15
    query.place = Int(truncatingIfNeeded: head >> 58)
    return query
  }
}
