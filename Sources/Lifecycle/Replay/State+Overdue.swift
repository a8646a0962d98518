extension State {
  /// How late a timer may be that ends this state, and the promise that says so.
  private struct Bound {
    let promise: Promise
    let limit: Instant
    let name: StaticString
  }

  /// A timer that ends a state has ended it in time: judges the transition that leads out of here.
  ///
  /// - Parameter workerStartedAt: when the process of this attempt was started, where it is known: a
  ///   restart that waited begins no later.
  func checkOverdue(
    at now: Instant, _ policy: Policy, workerStartedAt: Instant?
  ) throws(Breach) {
    guard let bound = bound(policy, workerStartedAt), now > bound.limit else { return }
    throw Breach(
      bound.promise, "\(bound.name) was over at \(bound.limit.milliseconds) ms",
      missedBy: now.milliseconds - bound.limit.milliseconds)
  }

  private func bound(_ policy: Policy, _ workerStartedAt: Instant?) -> Bound? {
    let patience = Interval.milliseconds(Promise.patience)
    switch self {
    case .fetching(let fetching):
      return fetching.begunAt.map {
        Bound(
          promise: .fetchTimeout, limit: $0 + policy.fetchTimeout + patience,
          name: "the time to fetch")
      }
    case .verifying, .installing, .loading:
      let timers = timers(policy)
      if let due = timers[.hardLimit] {
        return Bound(promise: .hardLimit, limit: due + patience, name: "the hard limit")
      }
      if let due = timers[.installTimeout] {
        return Bound(promise: .installTimeout, limit: due + patience, name: "the time to install")
      }
      let due = timers[.loadTimeout] ?? workerStartedAt.map { $0 + policy.loadTimeout }
      return due.map {
        Bound(promise: .loadTimeout, limit: $0 + patience, name: "the time to load")
      }
    case .draining(let draining):
      // No patience: the end of the process is promised within it.
      return Bound(
        promise: .drainDeadline, limit: draining.startedAt + policy.drainDeadline,
        name: "the deadline")
    case .ready, .stopped: return nil
    }
  }
}
