import Lifecycle

/// Which finished requests one loop tells the observer of: all, a part of them chosen by chance, slow
/// ones.
struct RequestReports {
  /// Whether any is told of; asked at the end of each request.
  let isOn: Bool
  /// The part of the requests that gets a line; 0: none, 1: each.
  private let fraction: Double
  /// Of random 64 bits; less than this is chosen.
  private let threshold: UInt64
  /// Nanoseconds from which on a request is slow.
  private let slow: Int64
  private var bucket: TokenBucket
  private var leftOut = 0

  init(_ options: DataPlaneOptions, now: Int64) {
    fraction = max(0, min(options.accessLog, 1))
    threshold = fraction < 1 ? UInt64(fraction * 0x1p64) : .max
    slow = options.slowRequest > .zero ? options.slowRequest.nanoseconds : .max
    isOn = fraction > 0 || slow < .max
    let most = options.limits.slowLinesPerSecond
    bucket = TokenBucket(capacity: most, perSecond: most, now: now)
  }

  /// - Parameter nanoseconds: of a stream, until its head.
  func isSlow(_ nanoseconds: Int64) -> Bool { nanoseconds >= slow }

  /// - Parameters:
  ///   - always: a failure, or slow: never left to chance.
  ///   - random: 64 random bits.
  /// - Returns: nil when there is no line; else how likely one was, which is what one line stands for.
  func sample(always: Bool, random: UInt64) -> Double? {
    guard fraction > 0 else { return nil }
    if always || fraction >= 1 { return 1 }
    return random < threshold ? fraction : nil
  }

  /// - Returns: how many slow requests were left out since the last one that was told of; nil: this one
  ///   is left out, too.
  mutating func admitSlow(at now: Int64) -> Int? {
    guard bucket.take(at: now) else {
      leftOut += 1
      return nil
    }
    defer { leftOut = 0 }
    return leftOut
  }
}

extension EventLoop {
  /// Tells of a finished request, when it is one to tell of.
  ///
  /// - Parameters:
  ///   - counted: nanoseconds that count against `SLOW_REQUEST_MS`.
  ///   - isFailure: the answer is that something went wrong here.
  ///   - isAnswered: there was an answer; who left before has no line in the access log.
  ///   - ended: monotonic nanoseconds.
  func report(
    counted: Int64, isFailure: Bool, isAnswered: Bool, ended: Int64, _ record: () -> AccessRecord
  ) {
    let isSlow = reports.isSlow(counted)
    if isSlow { counters.slowRequests.bump(1) }
    let leftOut = isSlow ? reports.admitSlow(at: ended) : nil
    let sample =
      isAnswered
      ? reports.sample(always: isSlow || isFailure, random: identifiers.next()) : nil
    guard leftOut != nil || sample != nil else { return }
    var record = record()
    if let sample {
      record.sample = sample
      shared.observer.requestFinished(record)
    }
    if let leftOut {
      record.durationNanoseconds = counted
      shared.observer.requestWasSlow(record, leftOut: leftOut)
    }
  }
}
