import Synchronization

/// Who answered a request.
enum Surface: Int, CaseIterable {
  case par, rest, ui, a2a

  var name: StaticString {
    switch self {
    case .par: "par"
    case .rest: "rest"
    case .ui: "ui"
    case .a2a: "a2a"
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
  let http2Open = Atomic<Int>(0)
  let streamsOpen = Atomic<Int>(0)
  let streamsTotal = Atomic<Int>(0)
  let agentConnectionsOpen = Atomic<Int>(0)
  let callsRepeated = Atomic<Int>(0)
  private let requests = Table(Surface.allCases.count * 5)
  private let ends = Table(HTTP2End.allCases.count)
  private let http1 = Table(HTTP1End.allCases.count)
  private let calls = Table(GRPCStatus.allCases.count)

  init() {}

  func http2Ended(_ end: HTTP2End) { ends.cells[end.rawValue].bump(1) }
  func http2Ends(_ end: HTTP2End) -> Int { ends.cells[end.rawValue].load(ordering: .relaxed) }
  func http1Ended(_ end: HTTP1End) { http1.cells[end.rawValue].bump(1) }
  func http1Ends(_ end: HTTP1End) -> Int { http1.cells[end.rawValue].load(ordering: .relaxed) }
  func call(_ status: GRPCStatus) { calls.cells[status.rawValue].bump(1) }
  func calls(_ status: GRPCStatus) -> Int { calls.cells[status.rawValue].load(ordering: .relaxed) }

  /// - Parameter status: 100 to 599.
  func request(_ surface: Surface, status: Int) {
    requests.cells[surface.rawValue * 5 + max(0, min(status / 100 - 1, 4))].bump(1)
  }

  func requests(_ surface: Surface, statusClass: Int) -> Int {
    requests.cells[surface.rawValue * 5 + statusClass - 1].load(ordering: .relaxed)
  }

  /// Counters by a small number. Arrays cannot hold atomics, hence the pointer: set
  /// once, freed with the table, and all access to what it points at is atomic.
  private final class Table: @unchecked Sendable {
    let cells: UnsafeMutablePointer<Atomic<Int>>
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
  }
}

extension Atomic where Value == Int {
  /// Adds without a locked instruction; for counters with one writer.
  @inline(__always)
  func bump(_ amount: Int) { store(load(ordering: .relaxed) &+ amount, ordering: .relaxed) }
}
