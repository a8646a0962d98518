import Lifecycle

/// Every bound of a download that the request does not set.
struct FetchLimits: Sendable {
  /// Redirects of one attempt.
  var redirects = 5
  /// Bytes of a response's head.
  var headBytes = 64 << 10
  /// Bytes of an error's body that are read, to find out what it says.
  var errorBodyBytes = 64 << 10
  /// For name, connection and TLS of one request.
  var connectTimeout = Interval.seconds(10)
  /// A body that comes slower than `stallBytesPerSecond` for this long is given up and resumed.
  var stallTime = Interval.seconds(10)
  var stallBytesPerSecond = 1024
  /// Before attempt n + 1: a random part of `backoffBase` · 2ⁿ⁻¹, at most `backoffMaximum`.
  var backoffBase = Interval.milliseconds(200)
  var backoffMaximum = Interval.seconds(5)
  /// A pause that leaves less than this of the time-out is not waited for.
  var shortestAttempt = Interval.milliseconds(200)
  /// Attempts in all, whatever the time-out.
  var attempts = 1000
  /// Attempts in a row that find no address for the host, or no HTTP there. A name server that is
  /// away takes seconds to say so, a name that does not exist milliseconds.
  var unlikelyAttempts = 6
  /// A request for credentials, whole.
  var credentialsTimeout = Interval.seconds(5)
  /// Another boot's download that has not grown for this long is not waited for any more.
  var neighbourStall = Interval.seconds(5)
  /// Between two looks at another boot's download.
  var neighbourPoll = Interval.milliseconds(50)
  /// Between two words of progress.
  var progressInterval = Interval.milliseconds(500)
}
