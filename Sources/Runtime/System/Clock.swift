import CPlatform
public import Lifecycle

/// The one clock: monotonic time since the kernel started this process.
///
/// The kernel's start time has a resolution of one tick (10 ms), so the first instant read may be
/// up to that much too late, never too early.
public enum Clock {
  private static let monotonicAtStart: Int64 = {
    let now = par_monotonic_ns()
    let age = par_boottime_ns() - par_process_start_boottime_ns()
    return now - max(0, age)
  }()

  public static func now() -> Instant {
    let origin = monotonicAtStart
    return Instant(nanoseconds: par_monotonic_ns() - origin)
  }

  /// The instant of a reading of CLOCK_MONOTONIC (clock_gettime(2)), which all processes share.
  public static func instant(ofMonotonic nanoseconds: UInt64) -> Instant {
    Instant(nanoseconds: Int64(clamping: nanoseconds) - monotonicAtStart)
  }

  /// Nanoseconds since 1970-01-01 UTC.
  public static func wallNanoseconds() -> Int64 { par_realtime_ns() }
}
