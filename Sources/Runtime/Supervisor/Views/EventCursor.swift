/// How far one reader of the log has come, and what it is to be sent next, as server-sent events
/// (HTML, section 9.2).
struct EventCursor {
  /// Where a reader starts.
  enum Start: Equatable {
    /// With what comes from now on, after the newest lines that are for it, at most this many.
    case tail(Int)
    /// After the line that it had last.
    case after(Int64)
  }

  /// nil: it reads all lines.
  let agent: [UInt8]?
  /// The line that is looked at next.
  private(set) var next: Int64
  /// Lines that it did not get, since it was last told so.
  private var missed: Missed?

  private enum Missed {
    case count(Int64)
    /// The last line it had is of another life of the supervisor.
    case unknown
  }

  init(agent: String?, start: Start, ring: EventRing) {
    self.agent = agent.map { Array($0.utf8) }
    switch start {
    case .after(let id) where id >= ring.next:
      next = ring.first
      missed = .unknown
    case .after(let id) where id + 1 >= ring.first:
      next = id + 1
    case .after(let id):
      next = ring.first
      missed = ring.isOfThisLife(id) ? .count(ring.first - id - 1) : .unknown
    case .tail(let count):
      next = ring.next
      var found = 0
      while found < count, next > ring.first {
        next -= 1
        if isForIt(next, ring) { found += 1 }
      }
    }
  }

  /// The events for it, at most about `limit` bytes of them; empty: it has everything.
  mutating func take(from ring: EventRing, limit: Int) -> [UInt8] {
    var block: [UInt8] = []
    if next < ring.first {
      miss(ring.first - next)
      next = ring.first
    }
    while next < ring.next, block.count < limit {
      if isForIt(next, ring) {
        if ring.isLeftOut(next) {
          miss(1)
        } else {
          tell(to: &block)
          block += "id: \(next)\ndata: ".utf8
          ring.copy(next, to: &block)
          block += "\n\n".utf8
        }
      }
      next += 1
    }
    if next == ring.next { tell(to: &block) }
    return block
  }

  /// A sign of life that says how far it is: whoever reads one agent's lines alone comes back at
  /// a place that is still kept.
  var sign: [UInt8] { Array(": here\nid: \(next - 1)\n\n".utf8) }

  func isBehind(_ ring: EventRing) -> Bool { next < ring.next }

  private func isForIt(_ id: Int64, _ ring: EventRing) -> Bool {
    guard let agent else { return true }
    return ring.belongs(id, to: agent)
  }

  private mutating func miss(_ count: Int64) {
    switch missed {
    case nil: missed = .count(count)
    case .count(let before)?: missed = .count(before + count)
    case .unknown?: break
    }
  }

  /// The gap stands where the lines would have stood.
  private mutating func tell(to block: inout [UInt8]) {
    switch missed {
    case nil: return
    case .count(let count)?: block += "event: gap\ndata: {\"missed\":\(count)}\n\n".utf8
    case .unknown?: block += "event: gap\ndata: {\"missed\":null}\n\n".utf8
    }
    missed = nil
  }
}
