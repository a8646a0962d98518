/// The first line of a run that the machine would not have written.
public struct Violation: Error, Sendable, Equatable {
  /// What the line broke.
  public var promise: Promise
  public var sequence: Int64
  /// The state before the line.
  public var state: StateName
  public var event: String
  /// What is wrong, as a sentence about the line.
  public var problem: String
  /// What could have stood there instead, each as an operator would write it; empty where the promise
  /// is not about what follows what.
  public var allowed: [String] = []
  /// By how much a bound was missed, in milliseconds; nil where there is no measure.
  public var missedByMilliseconds: Int64?

  public init(
    promise: Promise, sequence: Int64, state: StateName, event: String, problem: String,
    allowed: [String] = [], missedByMilliseconds: Int64? = nil
  ) {
    self.promise = promise
    self.sequence = sequence
    self.state = state
    self.event = event
    self.problem = problem
    self.allowed = allowed
    self.missedByMilliseconds = missedByMilliseconds
  }

  public var text: String {
    "line seq \(sequence), \(event) in \(state.rawValue): \(problem) [\(promise.rawValue)]"
  }
}
