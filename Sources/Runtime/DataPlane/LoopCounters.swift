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
  let tunnelsOpen = Atomic<Int>(0)
  let tunnelsTotal = Atomic<Int>(0)
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
  let slowRequests = Atomic<Int>(0)
  let latencies = LatencyTable()
  private let requests = CounterTable(Surface.allCases.count * 5)
  private let ends = CounterTable(HTTP2End.allCases.count)
  private let http1 = CounterTable(HTTP1End.allCases.count)
  private let calls = CounterTable(GRPCStatus.allCases.count)
  /// For each surface: heads of responses of the agent, and the nanoseconds until they came.
  private let agentHeads = CounterTable(Surface.allCases.count * 2)

  init() {}

  func http2Ended(_ end: HTTP2End) { ends.bump(end.rawValue) }
  func http2Ends(_ end: HTTP2End) -> Int { ends.read(end.rawValue) }
  func http1Ended(_ end: HTTP1End) { http1.bump(end.rawValue) }
  func http1Ends(_ end: HTTP1End) -> Int { http1.read(end.rawValue) }
  func call(_ status: GRPCStatus) { calls.bump(status.rawValue) }
  func calls(_ status: GRPCStatus) -> Int { calls.read(status.rawValue) }

  /// - Parameter status: 100 to 599.
  func request(_ surface: Surface, status: Int) {
    requests.bump(surface.rawValue * 5 + max(0, min(status / 100 - 1, 4)))
  }

  func requests(_ surface: Surface, statusClass: Int) -> Int {
    requests.read(surface.rawValue * 5 + statusClass - 1)
  }

  /// The agent's head came so long after it had been handed the request's.
  func agentHead(_ surface: Surface, nanoseconds: Int64) {
    agentHeads.bump(surface.rawValue * 2)
    agentHeads.bump(surface.rawValue * 2 + 1, by: Int(max(0, nanoseconds)))
  }

  func agentHeads(_ surface: Surface) -> (count: Int, nanoseconds: Int) {
    (agentHeads.read(surface.rawValue * 2), agentHeads.read(surface.rawValue * 2 + 1))
  }
}
