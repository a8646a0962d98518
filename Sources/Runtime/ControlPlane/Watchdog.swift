package import Lifecycle
import LinuxSystem

/// Feeds the service manager's watchdog (sd_watchdog_enabled(3)) for as long as every event loop
/// comes round: at half the interval it looks whether all loops answered since they were last
/// asked, and asks again. A loop that hangs, or the control loop itself, ends the feeding.
package final class Watchdog {
  /// The shortest time between two looks, for an interval that nobody can mean.
  package static let shortestTick = Interval.milliseconds(10)
  /// How often in an interval it looks at loops that have not answered yet.
  package static let looks = 20.0

  private let tick: Interval
  private let pause: Interval
  private let loop: ControlLoop
  private let ask: () -> Void
  private let haveAnswered: () -> Bool
  private let feed: () -> Void
  private var alarm = 0

  /// Asks at once; the first feeding is half an interval later.
  ///
  /// - Parameters:
  ///   - interval: `WATCHDOG_USEC`.
  ///   - ask: wakes every loop.
  ///   - haveAnswered: whether each of them came round since then.
  package init(
    interval: Interval, loop: ControlLoop, ask: @escaping () -> Void,
    haveAnswered: @escaping () -> Bool, feed: @escaping () -> Void
  ) {
    tick = max(Self.shortestTick, interval * 0.5)
    pause = max(Self.shortestTick, interval * (1 / Self.looks))
    self.loop = loop
    self.ask = ask
    self.haveAnswered = haveAnswered
    self.feed = feed
    ask()
    schedule(after: tick)
  }

  deinit { loop.cancel(alarm) }

  private func schedule(after delay: Interval) {
    alarm = loop.schedule(at: Clock.now() + delay) { [weak self] in self?.look() }
  }

  private func look() {
    // Who answers late is alive: looked at again soon, so that half an interval is no hard limit.
    guard haveAnswered() else { return schedule(after: pause) }
    feed()
    ask()
    schedule(after: tick)
  }
}
