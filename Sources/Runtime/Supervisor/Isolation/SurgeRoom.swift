package import Lifecycle

/// The memory for workers that boot beside others, from one look at the machine that is good for a
/// moment: whoever was given room within it has it, though nothing of it is used yet.
package struct SurgeRoom: Sendable {
  /// How long a look is good for.
  package static let lifetime = Interval.seconds(1)

  /// nil: the kernel does not tell, and there is always room.
  private let free: FreeMemory?
  package let table: ProcessTable
  /// Given away and not used yet, in bytes.
  private(set) var promised: Int64
  private let readAt: Instant

  package init(free: FreeMemory?, table: ProcessTable, promised: Int64, at now: Instant) {
    self.free = free
    self.table = table
    self.promised = promised
    readAt = now
  }

  package func isFresh(at now: Instant) -> Bool { now - readAt < Self.lifetime }

  /// Takes so many bytes when they are there.
  package mutating func take(_ bytes: Int64) -> Bool {
    guard let free else { return true }
    guard free.available - free.reserve - promised >= bytes else { return false }
    promised += bytes
    return true
  }
}
