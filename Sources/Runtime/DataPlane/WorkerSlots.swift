/// A loop's part of the slots in which one worker marks the requests that it has begun.
///
/// One that was never used goes first, so that a mark stays to be read for as long as can be: the
/// connection that ends first with its worker must not give its slot to one that is made at that
/// moment, while the worker's socket still takes connections.
struct WorkerSlots {
  /// Never used.
  private var fresh: Range<Int>
  private var free: [Int32] = []
  /// The worker may still mark these, for requests that nobody waits for any more: they are taken
  /// last, and the one that was given back first before the others.
  private var doubtful: [Int32] = []
  private var firstDoubtful = 0

  /// - Parameters:
  ///   - index: of the loop, 0 ..< `loops`.
  ///   - slots: of all loops together.
  init(loop index: Int, of loops: Int, slots: Int) {
    let each = slots / loops
    fresh = index * each..<(index + 1) * each
  }

  /// - Returns: nil: all are in use.
  mutating func take() -> Int? {
    if let slot = fresh.popFirst() { return slot }
    if let slot = free.popLast() { return Int(slot) }
    guard firstDoubtful < doubtful.count else { return nil }
    let slot = doubtful[firstDoubtful]
    firstDoubtful += 1
    // Moved together now and then, so that taking one costs the same however many there are.
    if firstDoubtful * 2 > doubtful.count {
      doubtful.removeFirst(firstDoubtful)
      firstDoubtful = 0
    }
    return Int(slot)
  }

  /// - Parameter isSettled: the worker has marked it, and does not do so again.
  mutating func give(_ slot: Int, isSettled: Bool) {
    // Slots are fewer than 2^31.
    let number = Int32(truncatingIfNeeded: slot)
    if isSettled { free.append(number) } else { doubtful.append(number) }
  }
}
