/// The runs that have ended and were reported: a line that comes later is known as theirs. Of very many
/// the oldest are forgotten; of fewer still it is known what their last lines were.
struct EndedRuns {
  /// Runs that are remembered at least; twice as many at most.
  static let limit = 1 << 15
  /// Last lines that are remembered of all of them together at least, but for those of the run that was one
  /// too many; twice as many at most. More where repeated lines are passed over.
  static let recentLimit = 1 << 16
  static let repeatedLimit = 1 << 18

  // Two generations each: when the younger is full it becomes the older, which is forgotten.
  private var young: [RunKey: String] = [:]
  private var old: [RunKey: String] = [:]
  private var youngLines: [RunKey: RecentLines] = [:]
  private var oldLines: [RunKey: RecentLines] = [:]
  /// Of all in `youngLines`.
  private var youngCount = 0
  private let recentLimit: Int

  init(recentLimit: Int = recentLimit) { self.recentLimit = recentLimit }

  /// The name of the verdict that was reported.
  subscript(_ key: RunKey) -> String? { young[key] ?? old[key] }

  func recentLines(_ key: RunKey) -> RecentLines? { youngLines[key] ?? oldLines[key] }

  mutating func take(_ key: RunKey, _ verdict: String, _ lines: RecentLines) {
    if young.count >= Self.limit {
      old = young
      young.removeAll(keepingCapacity: true)
    }
    young[key] = verdict
    let count = max(1, lines.count)
    if youngCount + count > recentLimit {
      oldLines = youngLines
      youngLines.removeAll(keepingCapacity: true)
      youngCount = 0
    }
    youngLines[key] = lines
    youngCount += count
  }

  /// Another verdict was reported.
  mutating func correct(_ key: RunKey, _ verdict: String) {
    if young[key] != nil { young[key] = verdict } else { old[key] = verdict }
  }
}
