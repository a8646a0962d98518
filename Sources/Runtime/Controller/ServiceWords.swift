import Lifecycle

/// What a service manager is told of a state: a mapping, which decides nothing.
enum ServiceWords {
  /// How long the state may still go on.
  enum Term: Equatable {
    /// The service manager need not wait for its end.
    case none
    case until(Instant)
    /// The operator set no limit.
    case unlimited
  }

  /// The longest `STATUS`, in bytes of UTF-8: a datagram of systemd's has 4096 for everything.
  static let statusLimit = 1024

  /// What it is doing.
  ///
  /// - Parameters:
  ///   - doing: the last word of whoever is at work.
  ///   - failure: the sentence that the log has for the end of the run.
  ///   - inFlight: requests.
  ///   - place: where the REST port is, as `port 8080`.
  ///   - isReloading: whether a second worker loads beside the one that serves.
  static func status(
    _ state: State, doing: String?, failure: String?, inFlight: Int, place: String,
    isReloading: Bool = false
  ) -> String {
    switch state {
    case .fetching: return phase("Fetching", doing)
    case .verifying: return phase("Verifying", doing)
    case .installing: return phase("Installing", doing)
    case .loading(let loading):
      guard case .again = loading.course else { return phase("Loading", doing) }
      return phase("Restarting (attempt \(loading.attempt))", doing)
    case .ready: return "Ready on \(place)\(isReloading ? ", replacing the agent's process" : "")"
    case .draining(let draining):
      return draining.cause.isAsked
        ? "Draining, \(inFlight) in flight" : failed(failure, draining.cause)
    case .stopped(let stopped):
      return stopped.cause.isAsked ? "Stopped" : failed(failure, stopped.cause)
    }
  }

  private static func phase(_ name: String, _ doing: String?) -> String {
    doing.map { "\(name): \($0)" } ?? name
  }

  private static func failed(_ failure: String?, _ cause: DrainCause) -> String {
    "Failed: \(failure ?? cause.name)"
  }

  /// Before the first Ready a phase is bounded by its own timer, and a drain by its deadline. What
  /// comes later is no start any more.
  static func term(_ state: State, _ policy: Policy) -> Term {
    switch state {
    case .fetching, .verifying, .installing:
      return state.timers(policy).values.min().map { .until($0) } ?? .unlimited
    case .loading(let loading):
      guard case .first = loading.course else { return .none }
      // At its limit a hung agent is still asked for its stacks.
      return state.timers(policy).values.min().map { .until($0 + StacksFile.timeout) } ?? .unlimited
    case .draining(let draining): return .until(draining.startedAt + policy.drainDeadline)
    case .ready, .stopped: return .none
    }
  }

  /// One line of at most `statusLimit` bytes: control characters become blanks, and a cut is marked.
  static func line(_ text: String) -> String {
    var line = ""
    var bytes = 0
    let mark = "…"
    for scalar in text.unicodeScalars {
      let isControl =
        scalar.properties.generalCategory == .control
        || "\u{2028}\u{2029}".unicodeScalars.contains(scalar)
      let shown: Unicode.Scalar = isControl ? " " : scalar
      bytes += UTF8.width(shown)
      guard bytes <= statusLimit else {
        while line.utf8.count + mark.utf8.count > statusLimit { line.unicodeScalars.removeLast() }
        return line + mark
      }
      line.unicodeScalars.append(shown)
    }
    return line
  }
}
