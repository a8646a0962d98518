import Synchronization

/// Counters by a small number, with one writer. Arrays cannot hold atomics, hence the pointer: set
/// once, freed with the table, and all access to what it points at is atomic.
final class CounterTable: @unchecked Sendable {
  private let cells: UnsafeMutablePointer<Atomic<Int>>
  private let count: Int

  init(_ count: Int) {
    self.count = count
    cells = .allocate(capacity: count)
    for index in 0..<count { (cells + index).initialize(to: Atomic<Int>(0)) }
  }

  deinit {
    cells.deinitialize(count: count)
    cells.deallocate()
  }

  /// - Parameter index: 0 to less than `count`.
  @inline(__always)
  func bump(_ index: Int, by amount: Int = 1) { cells[index].bump(amount) }

  func read(_ index: Int) -> Int { cells[index].load(ordering: .relaxed) }
}

extension Atomic where Value == Int {
  /// Adds without a locked instruction; for counters with one writer.
  @inline(__always)
  func bump(_ amount: Int) { store(load(ordering: .relaxed) &+ amount, ordering: .relaxed) }
}
