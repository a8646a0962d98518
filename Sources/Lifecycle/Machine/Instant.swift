/// A point in time: nanoseconds on a monotonic clock since the process started.
public struct Instant: Sendable, Hashable, Comparable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let start = Instant(nanoseconds: 0)

  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
  public static func + (left: Self, right: Interval) -> Self {
    Instant(nanoseconds: left.nanoseconds + right.nanoseconds)
  }
  public static func - (left: Self, right: Interval) -> Self {
    Instant(nanoseconds: left.nanoseconds - right.nanoseconds)
  }
  public static func - (left: Self, right: Self) -> Interval {
    Interval(nanoseconds: left.nanoseconds - right.nanoseconds)
  }
}

/// A length of time in nanoseconds. (Swift's own `Duration` has 128 bits, which a step of the
/// machine need not carry.)
public struct Interval: Sendable, Hashable, Comparable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = Interval(nanoseconds: 0)
  public static func milliseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000_000)
  }

  /// Rounded to the nearest nanosecond. `count` must be finite and below 292 years.
  public static func seconds(_ count: Double) -> Interval {
    Interval(nanoseconds: Int64((count * 1e9).rounded()))
  }

  /// Whole milliseconds, rounded down.
  public var milliseconds: Int64 { nanoseconds / 1_000_000 }
  public var seconds: Double { Double(nanoseconds) / 1e9 }

  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
  public static func + (left: Self, right: Self) -> Self {
    Interval(nanoseconds: left.nanoseconds + right.nanoseconds)
  }
  public static func - (left: Self, right: Self) -> Self {
    Interval(nanoseconds: left.nanoseconds - right.nanoseconds)
  }
  public static func * (left: Self, right: Double) -> Self {
    Interval(nanoseconds: Int64((Double(left.nanoseconds) * right).rounded()))
  }
}
