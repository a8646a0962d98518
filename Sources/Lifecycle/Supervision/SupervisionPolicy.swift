/// The numbers that a supervisor decides by, read once from its configuration.
public struct SupervisionPolicy: Sendable, Equatable {
  /// The longest that a worker may take from its start to Ready: more than its own bounds together.
  public var bootPatience: Interval
  /// The longest that the supervisor's own drain may take.
  public var drainDeadline: Interval
  /// Workers of one agent that may be on their way out before another one is started.
  public var retiringMaximum: Int

  public init(
    bootPatience: Interval = .seconds(600), drainDeadline: Interval = .seconds(30),
    retiringMaximum: Int = 4
  ) {
    self.bootPatience = bootPatience
    self.drainDeadline = drainDeadline
    self.retiringMaximum = retiringMaximum
  }

  /// The deadline of each worker's drain, its `GRACEFUL_SHUTDOWN_TIMEOUT_SEC`: 2 s less than the
  /// supervisor's, or nine tenths of one shorter than 20 s.
  public var workerDeadline: Interval {
    drainDeadline < .seconds(20) ? drainDeadline * 0.9 : drainDeadline - .seconds(2)
  }

  /// The longest that a worker may take from `drain` to its end: its deadline, and a little more.
  public var drainPatience: Interval { workerDeadline + Self.drainGrace }

  /// How long before the deadline workers are killed: half a second, or a twentieth of a deadline
  /// shorter than 10 s.
  public var killMargin: Interval { min(.milliseconds(500), drainDeadline * 0.05) }

  /// How long before the deadline the process ends whatever is left.
  public var exitMargin: Interval { killMargin * 0.2 }

  /// What a worker may need beyond its deadline to be gone.
  public static let drainGrace = Interval.seconds(2)
  /// The longest delay before a restart.
  public static let delayCap = Interval.seconds(10)
  /// The longest delay before the second restart of a window; each further one may be twice as long.
  public static let delayBase = Interval.milliseconds(500)

  /// The longest that a restart that follows `count` others waits: nothing for the first.
  public static func delayCeiling(after count: Int) -> Interval {
    guard count > 0 else { return .zero }
    return min(delayCap, delayBase * Double(1 << min(count - 1, 16)))
  }

  /// The wait before a restart that follows `count` others, with full jitter: `chance` (0 ..< 1) of
  /// its ceiling, so that agents that fell together do not rise together.
  public static func restartDelay(after count: Int, chance: Double) -> Interval {
    delayCeiling(after: count) * max(0, min(1, chance))
  }
}
