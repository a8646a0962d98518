/// The numbers that the machine decides by, read once from the configuration.
public struct Policy: Sendable, Equatable {
  /// All attempts to fetch together.
  public var fetchTimeout: Interval
  /// A cold installation.
  public var installTimeout: Interval
  /// Each Loading after a restart, and the first one when there is no hard limit.
  public var loadTimeout: Interval
  /// What Verifying, a cached Installing and the first Loading may take together; nil: no limit.
  public var hardLimit: Interval?
  /// Restarts allowed in the sliding window; 0: never.
  public var restartsMaximum: Int
  public var restartsWindow: Interval
  /// The one deadline of the drain, counted from the signal.
  public var drainDeadline: Interval
  /// How long new work is still served after a SIGTERM and a SIGINT.
  public var terminateMinimum: Interval
  public var interruptMinimum: Interval
  /// When open streams are cut, counted from the signal.
  public var streamDrain: Interval

  public init(
    fetchTimeout: Interval = .seconds(60), installTimeout: Interval = .seconds(300),
    loadTimeout: Interval = .seconds(60), hardLimit: Interval? = .seconds(10),
    restartsMaximum: Int = 3, restartsWindow: Interval = .seconds(60),
    drainDeadline: Interval = .seconds(30), terminateMinimum: Interval = .seconds(1),
    interruptMinimum: Interval = .zero, streamDrain: Interval = .seconds(15)
  ) {
    self.fetchTimeout = fetchTimeout
    self.installTimeout = installTimeout
    self.loadTimeout = loadTimeout
    self.hardLimit = hardLimit
    self.restartsMaximum = restartsMaximum
    self.restartsWindow = restartsWindow
    self.drainDeadline = drainDeadline
    self.terminateMinimum = terminateMinimum
    self.interruptMinimum = interruptMinimum
    self.streamDrain = streamDrain
  }

  /// A second SIGTERM ends the drain only from here on: orchestrators signal whole process trees
  /// twice.
  public static let secondTerminateAfter = Interval.seconds(2)

  /// How long before the deadline the agent is asked to stop at the latest: 2 s, or a tenth of a
  /// deadline shorter than 20 s.
  public var agentStopMargin: Interval {
    drainDeadline < .seconds(20) ? drainDeadline * 0.1 : .seconds(2)
  }

  /// How long before the deadline the agent's process group is killed: 0.2 s, and no earlier than
  /// half way between the request to stop and the deadline.
  public var agentKillMargin: Interval { min(.milliseconds(200), agentStopMargin * 0.5) }

  /// How long before the deadline the drain ends whatever is still in flight, so that the end of the
  /// process fits too: 50 ms, and at most half of the time after the kill.
  public var exitMargin: Interval { min(.milliseconds(50), agentKillMargin * 0.5) }

  /// The wait before a restart that follows `count` others within the window: 0, 0.5, 1, 2 … s,
  /// at most 10 s, changed by `jitter` percent (−20 … 20).
  public static func restartDelay(after count: Int, jitter: Int) -> Interval {
    guard count > 0 else { return .zero }
    let seconds = min(10.0, 0.5 * Double(1 << min(count - 1, 8)))
    return .seconds(seconds * Double(100 + max(-20, min(20, jitter))) / 100)
  }
}
