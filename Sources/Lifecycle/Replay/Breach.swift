/// A promise that a line does not keep: what the checks throw, before it is known whose line it is.
struct Breach: Error, Equatable {
  let promise: Promise
  /// A sentence about the line.
  let problem: String
  /// By how much a bound was missed, in milliseconds; nil where there is no measure.
  let missedByMilliseconds: Int64?
  /// What could have stood there instead.
  let allowed: [String]

  init(
    _ promise: Promise, _ problem: String, missedBy milliseconds: Int64? = nil,
    allowed: [String] = []
  ) {
    self.promise = promise
    self.problem = problem
    missedByMilliseconds = milliseconds
    self.allowed = allowed
  }

  /// A number that must be another one.
  init(_ promise: Promise, _ field: String, is found: Int64, insteadOf expected: Int64) {
    self.init(
      promise, "its \(field) is \(found), not \(expected)", missedBy: abs(found - expected),
      allowed: ["\(field) \(expected)"])
  }
}
