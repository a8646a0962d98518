import Lifecycle

/// Judges by its beats whether the agent's event loop runs. A value: it is told the time and the last
/// beat, and says when it wants to be told again, which is as seldom as it can be.
struct BeatWatch: Equatable {
  struct Limits: Equatable {
    /// How often the loop beats.
    var interval: Interval
    /// Without a beat for so long it is stuck. More than an interval.
    var timeout: Interval
    /// A beat that is later than this is told of.
    var lateness = Self.lateness
    /// When a look is later than an interval, the program itself did not run, and perhaps nobody did.
    var ownLateness: Interval { interval }

    /// A beat later than this is told of.
    static let lateness = Interval.seconds(5)
    /// The agent host is to beat so often; oftener when the time-out is short.
    static let usualInterval = Interval.seconds(1)

    /// - Parameter timeout: `HEARTBEAT_TIMEOUT_SEC`, above 0.
    init(timeout: Interval) {
      self.timeout = timeout
      interval = min(Self.usualInterval, timeout * 0.25)
    }
  }

  enum Finding: Equatable {
    case runs
    /// For the first time since its last beat.
    case isLate(since: Interval)
    case isStuck(since: Interval)
  }

  let limits: Limits
  /// The last beat, or the time that stands in for it.
  private var beat: Instant
  /// From when the silence counts.
  private var reference: Instant
  private var isTold = false

  /// - Parameter now: when the loop was known to run: the worker is ready.
  init(_ limits: Limits, at now: Instant) {
    self.limits = limits
    (beat, reference) = (now, now)
  }

  /// When to look next.
  var due: Instant {
    isTold
      ? reference + limits.timeout
      : reference + min(limits.interval + limits.lateness, limits.timeout)
  }

  /// - Parameter lastBeat: nil: none yet.
  mutating func look(at now: Instant, lastBeat: Instant?) -> Finding {
    let wasDue = due
    if let lastBeat, lastBeat > beat {
      (beat, reference, isTold) = (lastBeat, lastBeat, false)
    }
    // A program that was stopped with its group, or got no processor, has to let the loop run first.
    if now - wasDue > limits.ownLateness { reference = max(reference, now) }
    let silence = now - reference
    if silence >= limits.timeout { return .isStuck(since: now - beat) }
    guard !isTold, silence >= limits.interval + limits.lateness else { return .runs }
    isTold = true
    return .isLate(since: now - beat)
  }
}
