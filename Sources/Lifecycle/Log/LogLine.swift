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

  /// Why a line is no line of this log.
  public enum DecodingError: Error, Equatable {
    case notJSON(JSONError)
    case missingField(String)
    case unknownEvent(String)
    case malformedEvent(String)
  }

  public static func decode(_ bytes: some Sequence<UInt8>) throws(DecodingError) -> LogLine {
    let object: JSONValue
    do { object = try JSONReader.decode(bytes) } catch { throw .notJSON(error) }
    func require<T>(_ name: String, _ value: T?) throws(DecodingError) -> T {
      guard let value else { throw .missingField(name) }
      return value
    }
    let fields = FieldReader(line: object)
    let time = try require("timestamp", fields.text("timestamp").flatMap(Timestamp.parse))
    let sequence = try require("seq", fields.whole("seq"))
    let runID = try require("run_id", fields.text("run_id"))
    let uptime = try require("uptime_ms", fields.whole("uptime_ms"))
    let level = try require("level", fields.text("level").flatMap(LogLevel.init(rawValue:)))
    let name = try require("event", fields.text("event"))
    guard let event = LogEvent(name: name, line: object) else {
      throw eventNames.contains(name) ? .malformedEvent(name) : .unknownEvent(name)
    }
    guard event.level == level else { throw .malformedEvent(name) }
    return LogLine(
      wallNanoseconds: time, sequence: sequence, runID: runID,
      agentAppID: fields.text("agentAppId"), deploymentID: fields.text("deploymentId"),
      uptimeMilliseconds: uptime, event: event)
  }

  /// Every event's name, in the order of the documentation.
  public static let eventNames: [String] = [
    "run_started", "fetch", "verify", "install", "load", "runtime_ready", "drain", "stopped",
    "Boot time exceeded budget", "Boot time exceeded hard limit", "config_error", "boot_failed",
    "boot_progress", "fetch_retry", "worker_started", "worker_exited", "reload_started",
    "reload_finished", "reload_failed", "request_aborted", "warning", "log_dropped",
    "illegal_event", "agent_output", "request", "slow_request",
  ]
}
