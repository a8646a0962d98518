internal import Lifecycle

/// From a run's own time to that of the wall.
///
/// The first line says both; a clock that was set later does not bend the picture. Times out of range are
/// cut, so that no log can make a sum overflow.
struct RunClock {
  /// The longest life, in milliseconds: 142 years.
  private static let longest: Int64 = 4_500_000_000_000
  /// About the year 2112, in nanoseconds since 1970.
  private static let latestStart: Int64 = 4_500_000_000_000_000_000

  /// Nanoseconds since 1970 at uptime 0; nil: no line of the run could be read.
  let start: Int64?

  init(_ history: History) {
    start = history.moments.first.map { moment in
      let wall = min(max(0, moment.wallNanoseconds), Self.latestStart)
      let uptime = min(max(0, moment.uptimeMilliseconds), wall / 1_000_000)
      return wall - uptime * 1_000_000
    }
  }

  /// Nanoseconds since 1970; `uptime` in milliseconds.
  func nanoseconds(at uptime: Int64) -> Int64 {
    (start ?? 0) + min(max(0, uptime), Self.longest) * 1_000_000
  }

  /// Microseconds since 1970.
  func microseconds(at uptime: Int64) -> Int64 { nanoseconds(at: uptime) / 1000 }
}
