/// When the worker was restarted, as far back as the sliding window reaches.
public struct RestartHistory: Sendable, Equatable {
  public private(set) var restarts: [Instant] = []

  public init() {}

  /// How many restarts lie within the window that ends now.
  func count(at now: Instant, _ policy: Policy) -> Int {
    restarts.count { now - $0 < policy.restartsWindow }
  }

  /// The history with a restart now, or nil when the window has no room for it.
  func adding(_ now: Instant, _ policy: Policy) -> RestartHistory? {
    var next = RestartHistory()
    next.restarts = restarts.filter { now - $0 < policy.restartsWindow }
    guard next.restarts.count < policy.restartsMaximum else { return nil }
    next.restarts.append(now)
    return next
  }
}
