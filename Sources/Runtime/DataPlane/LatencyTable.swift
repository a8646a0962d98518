/// How long requests took: a histogram for each surface and class of status. What one loop counts,
/// like `LoopCounters`.
final class LatencyTable: Sendable {
  /// Upper bounds of the buckets, in nanoseconds, with what `le` says of each; what takes longer is
  /// in one more.
  static let bounds: [(nanoseconds: Int64, label: StaticString)] = [
    (500_000, "0.0005"), (1_000_000, "0.001"), (2_500_000, "0.0025"), (5_000_000, "0.005"),
    (10_000_000, "0.01"), (25_000_000, "0.025"), (50_000_000, "0.05"), (100_000_000, "0.1"),
    (250_000_000, "0.25"), (500_000_000, "0.5"), (1_000_000_000, "1"), (2_500_000_000, "2.5"),
    (10_000_000_000, "10"), (60_000_000_000, "60"),
  ]
  static let classes = 1...5

  /// A bucket for each bound and one more, then the sum.
  private static let width = bounds.count + 2
  private let cells = CounterTable(Surface.allCases.count * classes.count * width)

  /// - Parameters:
  ///   - status: 100 to 599.
  ///   - nanoseconds: from the complete head to the last byte handed to the kernel.
  func observe(_ surface: Surface, status: Int, nanoseconds: Int64) {
    let first = Self.series(surface, max(1, min(status / 100, 5)))
    var bucket = 0
    while bucket < Self.bounds.count, nanoseconds > Self.bounds[bucket].nanoseconds {
      bucket += 1
    }
    cells.bump(first + bucket)
    cells.bump(first + Self.width - 1, by: Int(max(0, nanoseconds)))
  }

  /// What a series has by now: the buckets, each without those before it, and the sum in nanoseconds.
  struct Reading {
    var buckets = [Int](repeating: 0, count: bounds.count + 1)
    var nanoseconds = 0

    var count: Int { buckets.reduce(0, +) }
  }

  func add(_ surface: Surface, statusClass: Int, to reading: inout Reading) {
    let first = Self.series(surface, statusClass)
    for bucket in reading.buckets.indices { reading.buckets[bucket] += cells.read(first + bucket) }
    reading.nanoseconds += cells.read(first + Self.width - 1)
  }

  private static func series(_ surface: Surface, _ statusClass: Int) -> Int {
    (surface.rawValue * classes.count + statusClass - 1) * width
  }
}
