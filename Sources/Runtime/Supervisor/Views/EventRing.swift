/// The last lines of the log, in a bounded piece of memory: what a reader that comes, or comes back,
/// can still be given.
///
/// Every line has an id, one higher than the line before; ids are never used again. The lines stand
/// one after the other in one buffer whose oldest part is written over, each behind the id of the
/// agent it belongs to.
struct EventRing {
  /// What is kept at most.
  struct Limits {
    var lines = 8192
    var bytes = 1 << 20
    /// Of one line. A longer one takes an id, but no room: its readers are told of a gap.
    var line = 64 * 1024
  }

  private struct Entry {
    /// Where it starts, counted from the first byte that was ever written.
    var start = 0
    var agentSize = 0
    /// -1: the line was too long.
    var size = -1
  }

  private let limits: Limits
  private var bytes: [UInt8]
  private var entries: [Entry]
  private var written = 0
  private let firstOfAll: Int64
  /// The id of the oldest line that is kept, and the one that the next line gets.
  private(set) var first: Int64
  private(set) var next: Int64

  init(firstID: Int64, _ limits: Limits = Limits()) {
    self.limits = limits
    bytes = [UInt8](repeating: 0, count: limits.bytes)
    entries = [Entry](repeating: Entry(), count: limits.lines)
    firstOfAll = firstID
    first = firstID
    next = firstID
  }

  mutating func append(_ line: ArraySlice<UInt8>, agent: String?) {
    let name = agent.map { Array($0.utf8) } ?? []
    let isTooLong = line.count > limits.line || name.count + line.count > limits.bytes
    let size = isTooLong ? 0 : name.count + line.count
    while first < next,
      Int(next - first) == limits.lines || written + size - entry(first).start > limits.bytes
    {
      first += 1
    }
    entries[place(next)] = Entry(
      start: written, agentSize: isTooLong ? 0 : name.count, size: isTooLong ? -1 : line.count)
    next += 1
    guard !isTooLong else { return }
    put(name[...])
    put(line)
  }

  /// Whether a line that is kept belongs to an agent.
  func belongs(_ id: Int64, to agent: [UInt8]) -> Bool {
    let entry = entry(id)
    guard entry.agentSize == agent.count else { return false }
    return agent.indices.allSatisfy { bytes[(entry.start + $0) % limits.bytes] == agent[$0] }
  }

  /// Whether a line that is kept has only its id, because it was too long.
  func isLeftOut(_ id: Int64) -> Bool { entry(id).size < 0 }

  /// Adds the text of a line that is kept to a block.
  func copy(_ id: Int64, to block: inout [UInt8]) {
    let entry = entry(id)
    guard entry.size > 0 else { return }
    let from = (entry.start + entry.agentSize) % limits.bytes
    let untilEnd = min(entry.size, limits.bytes - from)
    block += bytes[from..<from + untilEnd]
    block += bytes[0..<entry.size - untilEnd]
  }

  /// Whether a line with this id was written by this supervisor, not by one before it.
  func isOfThisLife(_ id: Int64) -> Bool { id >= firstOfAll }

  private mutating func put(_ piece: ArraySlice<UInt8>) {
    let from = written % limits.bytes
    let untilEnd = min(piece.count, limits.bytes - from)
    bytes.replaceSubrange(from..<from + untilEnd, with: piece.prefix(untilEnd))
    bytes.replaceSubrange(0..<piece.count - untilEnd, with: piece.dropFirst(untilEnd))
    written += piece.count
  }

  private func place(_ id: Int64) -> Int { Int(id % Int64(limits.lines)) }
  private func entry(_ id: Int64) -> Entry { entries[place(id)] }
}
