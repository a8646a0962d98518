/// So many at once, and so many a second: the measure of what a peer may do without getting anything
/// done.
struct TokenBucket {
  private let capacity: Int64
  private let perSecond: Int64
  private var tokens: Int64
  /// Monotonic nanoseconds up to which tokens were added.
  private var filled: Int64

  init(capacity: Int, perSecond: Int, now: Int64) {
    self.capacity = Int64(capacity)
    self.perSecond = Int64(max(1, perSecond))
    tokens = Int64(capacity)
    filled = now
  }

  /// - Returns: false when nothing is left.
  @inline(__always)
  mutating func take(at now: Int64) -> Bool {
    if tokens == 0 || now &- filled > 1_000_000_000 { fill(now) }
    guard tokens > 0 else { return false }
    tokens -= 1
    return true
  }

  @inline(__always)
  mutating func add(_ count: Int) { tokens = min(capacity, tokens + Int64(count)) }

  private mutating func fill(_ now: Int64) {
    let period = 1_000_000_000 / perSecond
    let gained = (now - filled) / max(1, period)
    guard gained > 0 else { return }
    filled += gained * period
    tokens = min(capacity, tokens + gained)
  }
}
