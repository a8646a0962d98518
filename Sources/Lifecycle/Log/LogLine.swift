/// One line of the event log: what every line carries, and the event.
public struct LogLine: Sendable, Equatable {
  /// The version of the line format; a change that a reader would notice raises it.
  public static let schema = 1
  /// The longest line, in bytes, the line feed not included.
  public static let maximumLength = 16 * 1024

  public var wallNanoseconds: Int64
  public var sequence: Int64
  public var runID: String
  /// Nil while unknown.
  public var agentAppID: String?
  /// Written only when set.
  public var deploymentID: String?
  /// Monotonic, since the process started.
  public var uptimeMilliseconds: Int64
  public var event: LogEvent

  public init(
    wallNanoseconds: Int64, sequence: Int64, runID: String, agentAppID: String?,
    deploymentID: String?, uptimeMilliseconds: Int64, event: LogEvent
  ) {
    self.wallNanoseconds = wallNanoseconds
    self.sequence = sequence
    self.runID = runID
    self.agentAppID = agentAppID
    self.deploymentID = deploymentID
    self.uptimeMilliseconds = uptimeMilliseconds
    self.event = event
  }

  /// The line as JSON, without its line feed.
  public var encoded: [UInt8] {
    let parts = EncodedLine(self)
    return parts.head + Array(String(sequence).utf8) + parts.tail
  }

  /// Reads one line as it was written. For many lines a `LineDecoder` is faster.
  public static func decode(_ bytes: some Sequence<UInt8>) throws(DecodingError) -> LogLine {
    var decoder = LineDecoder()
    return try decoder.decode(Array(bytes).span)
  }

  /// Every event's name, in the order of the documentation.
  public static let eventNames: [String] = EventName.allCases.map(\.spelling.description)
}
