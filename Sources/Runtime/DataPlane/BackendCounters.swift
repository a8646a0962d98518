import Synchronization

/// What one loop counts of one agent. One writer, like `LoopCounters`.
final class BackendCounters: Sendable {
  let inFlight = Atomic<Int>(0)
  let latencies = LatencyTable()
  private let requests = CounterTable(5)

  /// - Parameter status: 100 to 599.
  func request(status: Int) { requests.bump(max(0, min(status / 100 - 1, 4))) }
  func requests(statusClass: Int) -> Int { requests.read(statusClass - 1) }
}

/// What an agent's requests came to so far.
public struct BackendReading: Sendable, Equatable {
  public var inFlight = 0
  /// Requests that wait for the agent now; in flight as well.
  public var held = 0
  /// Responses by class of status: 1xx (WebSockets), 2xx, 3xx, 4xx, 5xx.
  public var responses = [0, 0, 0, 0, 0]
  /// How many took at most so long: one more than `latencyBounds`, each without those before it.
  public var latencies = [Int](repeating: 0, count: LatencyTable.bounds.count + 1)
  /// The sum of what they took.
  public var nanoseconds = 0

  /// Upper bounds of `latencies`, in nanoseconds; what takes longer is in its last place.
  public static let latencyBounds = LatencyTable.bounds.map(\.nanoseconds)

  /// Within how many nanoseconds this part of the requests was answered, as the bound of its bucket.
  /// - Parameter part: 0 … 1.
  /// - Returns: nil: there was none, or it took longer than the last bound.
  public func latency(part: Double) -> Int64? {
    let count = latencies.reduce(0, +)
    guard count > 0 else { return nil }
    var left = part * Double(count)
    for (bound, number) in zip(Self.latencyBounds, latencies) {
      left -= Double(number)
      if number > 0, left <= 0 { return bound }
    }
    return nil
  }

  init() {}

  init(_ backend: Backend) {
    held = backend.held.load(ordering: .relaxed)
    for loop in backend.allCounters {
      inFlight += loop.inFlight.load(ordering: .relaxed)
      for kind in LatencyTable.classes {
        responses[kind - 1] += loop.requests(statusClass: kind)
        var reading = LatencyTable.Reading()
        for surface in Surface.allCases {
          loop.latencies.add(surface, statusClass: kind, to: &reading)
        }
        for bucket in latencies.indices { latencies[bucket] += reading.buckets[bucket] }
        nanoseconds += reading.nanoseconds
      }
    }
  }
}
