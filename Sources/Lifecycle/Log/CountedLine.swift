/// A line of the access log or of the agent's output: what promises read of it, and no text. Most lines of
/// a long life are such, and a report only counts them.
public struct CountedLine: Sendable, Equatable {
  public enum Kind: UInt8, Sendable { case request, agentOutput }

  public var kind = Kind.agentOutput
  public var wallNanoseconds: Int64 = 0
  public var sequence: Int64 = 0
  /// Monotonic, since the process started.
  public var uptimeMilliseconds: Int64 = 0
  /// Whose it is: its place among the decoder's `owners`.
  public var owner = 0
  /// All zero for a line of output.
  var numbers = RequestNumbers()

  public init() {}

  /// The line without its texts.
  public func line(of owner: LineOwner) -> LogLine {
    LogLine(
      wallNanoseconds: wallNanoseconds, sequence: sequence, runID: owner.runID,
      agentAppID: owner.agentAppID, deploymentID: owner.deploymentID,
      uptimeMilliseconds: uptimeMilliseconds, event: event)
  }

  private var event: LogEvent {
    switch kind {
    case .agentOutput: .agentOutput(stream: "", line: "")
    case .request:
      .request(
        RequestFacts(
          method: "", path: "", status: numbers.status,
          durationMicroseconds: numbers.durationMicroseconds, bytes: numbers.bytes, requestID: "",
          surface: "", sample: numbers.sample))
    }
  }
}

/// Whose a line is.
public struct LineOwner: Sendable, Equatable {
  public let runID: String
  /// Nil while unknown.
  public let agentAppID: String?
  public let deploymentID: String?

  public init(runID: String, agentAppID: String?, deploymentID: String?) {
    (self.runID, self.agentAppID, self.deploymentID) = (runID, agentAppID, deploymentID)
  }
}

/// What a line of the access log tells in numbers.
struct RequestNumbers: Sendable, Equatable {
  var status = 0
  var durationMicroseconds: Int64 = 0
  var bytes: Int64 = 0
  /// How likely this line was; nil where each request has one.
  var sample: Double?
}
