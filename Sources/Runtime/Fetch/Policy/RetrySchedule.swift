import Lifecycle

/// Whether a failed attempt is repeated, and when: exponential back-off with full jitter within
/// the time-out of the whole.
struct RetrySchedule {
  enum Decision: Equatable {
    case retry(after: Interval)
    case giveUp(TransferFailure)
  }

  let limits: FetchLimits
  /// The whole time-out, for sentences.
  let timeout: Interval
  /// Of this many failures in a row none brought a byte.
  private var fruitless = 0
  private var unlikely = 0
  private(set) var attempt = 0

  init(limits: FetchLimits, timeout: Interval) {
    self.limits = limits
    self.timeout = timeout
  }

  /// - Parameters:
  ///   - remaining: until the time-out of the whole.
  ///   - madeProgress: the attempt brought bytes that are kept.
  ///   - random: from 0 to 1.
  mutating func failed(
    _ failure: TransferFailure, remaining: Interval, madeProgress: Bool, random: Double
  ) -> Decision {
    attempt += 1
    fruitless = madeProgress ? 1 : fruitless + 1
    unlikely = failure.kind == .unlikely ? unlikely + 1 : 0
    if failure.kind == .final || unlikely >= limits.unlikelyAttempts { return .giveUp(failure) }
    // What is left is too short for an attempt.
    guard remaining > limits.shortestAttempt else { return .giveUp(tooLong("took", failure)) }
    if attempt >= limits.attempts {
      return .giveUp(
        TransferFailure("\(attempt) attempts failed; last: \(failure.sentence)", failure.advice))
    }
    let longest = remaining - limits.shortestAttempt
    let wanted = failure.retryAfter ?? .zero
    guard wanted <= longest else { return .giveUp(tooLong("would take", failure)) }
    return .retry(after: max(wanted, min(backoff(random), longest)))
  }

  /// What is said when the time is over.
  func tooLong(_ verb: String, _ last: TransferFailure?) -> TransferFailure {
    let seconds = Self.seconds(timeout)
    guard let last else {
      return TransferFailure("fetching \(verb) longer than \(seconds)", .timeout)
    }
    return TransferFailure(
      "fetching \(verb) longer than \(seconds); last: \(last.sentence)", last.advice,
      detail: last.detail)
  }

  private func backoff(_ random: Double) -> Interval {
    let doublings = min(fruitless - 1, 16)
    let whole = min(
      limits.backoffBase.nanoseconds << doublings, limits.backoffMaximum.nanoseconds)
    return Interval(nanoseconds: Int64(Double(whole) * min(max(random, 0), 1)))
  }

  /// `60 s`, `0.5 s`
  static func seconds(_ interval: Interval) -> String {
    let milliseconds = interval.nanoseconds / 1_000_000
    guard milliseconds % 1000 != 0 else { return "\(milliseconds / 1000) s" }
    var fraction = String(1000 + milliseconds % 1000).dropFirst()
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return "\(milliseconds / 1000).\(fraction) s"
  }
}
