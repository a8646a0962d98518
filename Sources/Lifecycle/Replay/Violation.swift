/// The first line of a run that the machine would not have written.
public struct Violation: Error, Sendable, Equatable {
  /// What the line broke.
  public var promise: Promise
  public var sequence: Int64
  /// The state before the line.
  public var state: StateName
  /// The same of a supervisor, which has phases instead.
  public var phase: String?
  public var event: String
  /// What is wrong, as a sentence about the line.
  public var problem: String
  /// What could have stood there instead, each as an operator would write it; empty where the promise
  /// is not about what follows what.
  public var allowed: [String] = []
  /// By how much a bound was missed, in milliseconds; nil where there is no measure.
  public var missedByMilliseconds: Int64?
  /// The line of another run that says something else.
  public var witness: Witness?

  /// A worker's line that contradicts what its supervisor says of it.
  public struct Witness: Sendable, Equatable {
    public var runID: String
    public var sequence: Int64
    /// What the line says, in a few words.
    public var text: String
    /// Where it stands, once its reader has said so.
    public var place: String?

    public init(runID: String, sequence: Int64, text: String, place: String? = nil) {
      self.runID = runID
      self.sequence = sequence
      self.text = text
      self.place = place
    }
  }

  /// The state or the phase, in the log's words.
  public var stateName: String { phase ?? state.rawValue }

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
    "line seq \(sequence), \(event) in \(stateName): \(problem) [\(promise.rawValue)]"
  }
}
