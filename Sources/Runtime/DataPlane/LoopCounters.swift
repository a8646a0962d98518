import Synchronization

/// Who answered a request.
enum Surface: Int, CaseIterable {
  case par, rest, ui

  var name: StaticString {
    switch self {
    case .par: "par"
    case .rest: "rest"
    case .ui: "ui"
    }
  }
}

/// What one loop counts. Written by that loop alone, read by whichever loop answers `/metrics`,
/// so a relaxed load and store is enough, and no cache line travels between threads.
final class LoopCounters: Sendable {
  let connectionsAccepted = Atomic<Int>(0)
  let connectionsOpen = Atomic<Int>(0)
  let upstreamOpen = Atomic<Int>(0)
  let upstreamConnects = Atomic<Int>(0)
  let repeats = Atomic<Int>(0)
  let clientsGone = Atomic<Int>(0)
  let holds = Atomic<Int>(0)
  let holdsRefused = Atomic<Int>(0)
  let holdsExpired = Atomic<Int>(0)
  let takenBack = Atomic<Int>(0)
  let bytesReceived = Atomic<Int>(0)
  let bytesSent = Atomic<Int>(0)
  private let requests: Table

  init() { requests = Table() }

  /// - Parameter status: 100 to 599.
  func request(_ surface: Surface, status: Int) {
    requests.cells[surface.rawValue * 5 + max(0, min(status / 100 - 1, 4))].bump(1)
  }

  func requests(_ surface: Surface, statusClass: Int) -> Int {
    requests.cells[surface.rawValue * 5 + statusClass - 1].load(ordering: .relaxed)
  }

  /// Counters by surface and status class. Arrays cannot hold atomics, hence the pointer: set
  /// once, freed with the table, and all access to what it points at is atomic.
  private final class Table: @unchecked Sendable {
    let cells: UnsafeMutablePointer<Atomic<Int>>
    private static let count = Surface.allCases.count * 5

    init() {
      cells = .allocate(capacity: Self.count)
      for index in 0..<Self.count { (cells + index).initialize(to: Atomic<Int>(0)) }
    }

    deinit {
      cells.deinitialize(count: Self.count)
      cells.deallocate()
    }
  }
}

extension Atomic where Value == Int {
  /// Adds without a locked instruction; for counters with one writer.
  @inline(__always)
  func bump(_ amount: Int) { store(load(ordering: .relaxed) &+ amount, ordering: .relaxed) }
}
