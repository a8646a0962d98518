/// Reads log lines, one after the other: what is the same in many of them is read or made once.
///
/// One for each thread that reads.
public struct LineDecoder: Sendable {
  /// Which texts a line is to carry.
  public enum Texts: Sendable {
    case all
    /// All but those of the access log and of the agent's output, of which a report only counts the lines.
    case shown
    /// Those that no promise reads stay empty: messages, errors, paths, output and the ids of requests;
    /// of the configuration only the variables of `LoggedConfiguration.judged` are kept.
    case judged
  }

  /// The longest time that is read, in milliseconds either way: 34 years. A sum of a few of them fits 64
  /// bits of nanoseconds. What a time can be in a run is for the replay to judge.
  public static let longestTime: Int64 = 1 << 40
  /// The largest count, number or size that is read, either way.
  public static let largestCount: Int64 = 1 << 53

  public let texts: Texts
  var scanner = LineScanner()
  var cache = TextCache()
  var clock = TimestampReader()
  var ownerCache = OwnerCache()

  /// Whether the texts of the line that is read are wanted.
  var keepsTexts = true

  public init(texts: Texts = .all) { self.texts = texts }

  /// Reads the object of one line, without its line feed; blanks may stand around it.
  public mutating func decode(
    _ bytes: Span<UInt8>
  ) throws(LogLine.DecodingError) -> LogLine {
    try scan(bytes)
    return try decodeScanned(bytes)
  }

  /// Reads a line of the access log or of output as far as it is counted, into `line`. False when it is
  /// another one, or odd, or wrong: `decodeScanned` tells.
  public mutating func decode(
    _ bytes: Span<UInt8>, into line: inout CountedLine
  ) throws(LogLine.DecodingError) -> Bool {
    try scan(bytes)
    return !scanner.isUnusual && count(bytes, into: &line)
  }

  /// Reads in full the line that was read as far as it is counted just now.
  public mutating func decodeScanned(
    _ bytes: Span<UInt8>
  ) throws(LogLine.DecodingError) -> LogLine {
    if scanner.isUnusual { return try decodeUnusual(bytes) }
    return try readLine(bytes)
  }

  private mutating func scan(_ bytes: Span<UInt8>) throws(LogLine.DecodingError) {
    do throws(JSONError) {
      try scanner.scan(bytes)
    } catch {
      guard scanner.isUnusual else { throw .notJSON(error) }
    }
  }

  /// A line whose names have escapes, or very many names: it is written anew, plainly.
  @inline(never)
  private mutating func decodeUnusual(
    _ bytes: Span<UInt8>
  ) throws(LogLine.DecodingError) -> LogLine {
    let plain: [UInt8]
    do throws(JSONError) {
      plain = JSONWriter.encode(try JSONReader.decode(bytes))
      try scanner.scan(plain.span, trustsNames: true)
    } catch { throw .notJSON(error) }
    return try readLine(plain.span)
  }

  @inline(__always)
  private mutating func readLine(
    _ bytes: Span<UInt8>
  ) throws(LogLine.DecodingError) -> LogLine {
    let (wall, sequence, uptime): (Int64, Int64, Int64)
    let (runID, agentAppID, deploymentID): (String, String?, String?)
    let level: LogLevel
    do throws(FieldError) {
      wall = try timestamp(bytes)
      sequence = try whole(.sequence, bytes)
      runID = try text(.runID, bytes)
      uptime = try time(.uptime, bytes)
      level = try word(.level, .level, LogLevel.allCases, bytes)
      agentAppID = try optionalText(.agentAppID, bytes)
      deploymentID = try optionalText(.deploymentID, bytes)
    } catch { throw .missingField(error.member.path.description) }
    guard let spelled = scanner.value(LineMember.event), spelled.kind == .string else {
      throw .missingField("event")
    }
    guard let name = word(spelled, .eventName, bytes).flatMap({ EventName(rawValue: UInt8($0)) })
    else { throw .unknownEvent(string(spelled, bytes, of: .event)) }
    switch texts {
    case .all: keepsTexts = true
    case .shown: keepsTexts = name != .request && name != .agentOutput
    case .judged: keepsTexts = false
    }
    let event: LogEvent
    if name.isSupervisors {
      event = try supervisorEvent(name, bytes)
    } else {
      event = try runEvent(name, bytes)
    }
    guard name.level ?? event.level == level else {
      throw .malformedEvent(name.spelling.description, field: "level")
    }
    return LogLine(
      wallNanoseconds: wall, sequence: sequence, runID: runID, agentAppID: agentAppID,
      deploymentID: deploymentID, uptimeMilliseconds: uptime, event: event)
  }

  @inline(__always)
  private mutating func runEvent(
    _ name: EventName, _ bytes: Span<UInt8>
  ) throws(LogLine.DecodingError) -> LogEvent {
    do throws(FieldError) {
      return try LogEvent(name, &self, bytes)
    } catch {
      throw .malformedEvent(
        name.spelling.description, field: error.member.path.description)
    }
  }

  @inline(never)
  private func supervisorEvent(
    _ name: EventName, _ bytes: Span<UInt8>
  ) throws(LogLine.DecodingError) -> LogEvent {
    let object: JSONValue
    do throws(JSONError) {
      object = try JSONReader.decode(bytes)
    } catch { throw .notJSON(error) }
    do throws(SupervisorLine.FieldError) {
      if let line = try SupervisorLine(name, object) { return .supervisor(line) }
    } catch {
      throw .malformedEvent(name.spelling.description, field: error.field)
    }
    throw .unknownEvent(name.spelling.description)
  }
}

/// A member is missing or of another kind.
struct FieldError: Error {
  var member: LineMember
}

extension LineScanner {
  @inline(__always)
  func value(_ member: LineMember) -> Value? { value(Int(member.rawValue)) }
}
