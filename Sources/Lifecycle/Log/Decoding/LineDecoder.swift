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
  private var scanner = LineScanner()
  private var cache = TextCache()
  private var clock = TimestampReader()
  private var ownerCache = OwnerCache()

  /// Whether the texts of the line that is read are wanted.
  private var keepsTexts = true

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
    do throws(FieldError) {
      event = try LogEvent(name, &self, bytes)
    } catch {
      throw .malformedEvent(
        name.spelling.description, field: error.member.path.description)
    }
    guard name.level ?? event.level == level else {
      throw .malformedEvent(name.spelling.description, field: "level")
    }
    return LogLine(
      wallNanoseconds: wall, sequence: sequence, runID: runID, agentAppID: agentAppID,
      deploymentID: deploymentID, uptimeMilliseconds: uptime, event: event)
  }
}

// MARK: Lines that are counted

extension LineDecoder {
  /// Whose the lines are that were read since `forgetOwners`.
  public var owners: [LineOwner] { ownerCache.owners }

  public mutating func forgetOwners() { ownerCache.removeAll() }

  /// The number of an owner, a new one.
  public mutating func add(_ owner: LineOwner) -> Int { ownerCache.add(owner) }

  /// `info`, `request`, `agent_` and `output` as words.
  private static let info: UInt64 = 0x6F66_6E69
  private static let request: UInt64 = 0x74_7365_7571_6572
  private static let agentOutput: (UInt64, UInt64) = (0x756F_5F74_6E65_6761, 0x7475_7074)

  /// The line that was scanned, if it is one that is counted and nothing is wrong with it, or odd.
  @inline(__always)
  private mutating func count(_ bytes: Span<UInt8>, into line: inout CountedLine) -> Bool {
    guard let event = scanner.value(.event), event.kind == .string,
      let level = scanner.value(.level), level.kind == .string, level.count == 4,
      bytes.word(at: level.start).first(4) == Self.info
    else { return false }
    let head = bytes.word(at: event.start)
    if event.count == 7, head.first(7) == Self.request {
      line.kind = .request
    } else if event.count == 12, head == Self.agentOutput.0,
      bytes.word(at: event.start + 8).first(4) == Self.agentOutput.1
    {
      line.kind = .agentOutput
    } else {
      return false
    }
    do throws(FieldError) {
      line.wallNanoseconds = try timestamp(bytes)
      line.sequence = try whole(.sequence, bytes)
      line.uptimeMilliseconds = try time(.uptime, bytes)
      switch line.kind {
      case .request: line.numbers = try requestNumbers(bytes)
      case .agentOutput:
        try requireOutput()
        line.numbers = RequestNumbers()
      }
      guard let owner = try owner(bytes) else { return false }
      line.owner = owner
    } catch { return false }
    return true
  }

  @inline(__always)
  private mutating func owner(_ bytes: Span<UInt8>) throws(FieldError) -> Int? {
    guard let query = scanner.ownerQuery(bytes) else { return nil }
    if let number = ownerCache.number(query, bytes) { return number }
    let owner = LineOwner(
      runID: try text(.runID, bytes), agentAppID: try optionalText(.agentAppID, bytes),
      deploymentID: try optionalText(.deploymentID, bytes))
    return ownerCache.keep(owner, query, bytes)
  }

  @inline(__always)
  func requireText(_ member: LineMember) throws(FieldError) {
    guard let value = scanner.value(member), value.kind == .string else {
      throw FieldError(member: member)
    }
  }

  /// Null and absent are good, too.
  @inline(__always)
  func requireOptionalText(_ member: LineMember) throws(FieldError) {
    guard let value = scanner.value(member), value.kind != .null else { return }
    guard value.kind == .string else { throw FieldError(member: member) }
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

/// Typed members of the line that was scanned.
extension LineDecoder {
  private mutating func timestamp(_ bytes: Span<UInt8>) throws(FieldError) -> Int64 {
    guard let value = scanner.value(.timestamp), value.kind == .string, !value.hasEscapes,
      let time = clock.read(bytes, value.range)
    else { throw FieldError(member: .timestamp) }
    return time
  }

  @inline(__always)
  private mutating func string(
    _ value: LineScanner.Value, _ bytes: Span<UInt8>, of member: LineMember
  ) -> String {
    value.hasEscapes
      ? JSONScan.text(
        bytes, JSONScan.StringBody(start: value.start, end: value.end, hasEscapes: true))
      : cache.text(bytes, value.range, of: member)
  }

  /// A text that comes again and again.
  mutating func text(_ member: LineMember, _ bytes: Span<UInt8>) throws(FieldError) -> String {
    guard let value = scanner.value(member), value.kind == .string else {
      throw FieldError(member: member)
    }
    return string(value, bytes, of: member)
  }

  /// Nil when it is null or absent.
  mutating func optionalText(
    _ member: LineMember, _ bytes: Span<UInt8>
  ) throws(FieldError) -> String? {
    guard let value = scanner.value(member), value.kind != .null else { return nil }
    return try text(member, bytes)
  }

  /// A text that no promise reads.
  mutating func freeText(_ member: LineMember, _ bytes: Span<UInt8>) throws(FieldError) -> String {
    guard let value = scanner.value(member), value.kind == .string else {
      throw FieldError(member: member)
    }
    guard keepsTexts else { return "" }
    return JSONScan.text(
      bytes,
      JSONScan.StringBody(start: value.start, end: value.end, hasEscapes: value.hasEscapes))
  }

  mutating func optionalFreeText(
    _ member: LineMember, _ bytes: Span<UInt8>
  ) throws(FieldError) -> String? {
    guard let value = scanner.value(member), value.kind != .null else { return nil }
    return try freeText(member, bytes)
  }

  /// A whole number within bounds, a count by default.
  @inline(__always)
  func whole(
    _ member: LineMember, _ bytes: Span<UInt8>,
    in bounds: ClosedRange<Int64> = -LineDecoder.largestCount...LineDecoder.largestCount
  ) throws(FieldError) -> Int64 {
    guard let value = scanner.value(member),
      let whole = value.kind == .integer ? value.whole : decimalWhole(value, bytes),
      bounds.contains(whole)
    else { throw FieldError(member: member) }
    return whole
  }

  /// A whole number that is written with a fraction or an exponent.
  @inline(never)
  private func decimalWhole(_ value: LineScanner.Value, _ bytes: Span<UInt8>) -> Int64? {
    guard value.kind == .decimal else { return nil }
    return JSONScan.decimal(bytes, value.range).flatMap { JSONValue.number($0).whole }
  }

  /// Milliseconds.
  @inline(__always)
  func time(_ member: LineMember, _ bytes: Span<UInt8>) throws(FieldError) -> Int64 {
    try whole(member, bytes, in: -Self.longestTime...Self.longestTime)
  }

  func int(_ member: LineMember, _ bytes: Span<UInt8>) throws(FieldError) -> Int {
    guard let value = Int(exactly: try whole(member, bytes)) else {
      throw FieldError(member: member)
    }
    return value
  }

  func optionalTime(_ member: LineMember, _ bytes: Span<UInt8>) throws(FieldError) -> Int64? {
    guard let value = scanner.value(member), value.kind != .null else { return nil }
    return try time(member, bytes)
  }

  func optionalInt(_ member: LineMember, _ bytes: Span<UInt8>) throws(FieldError) -> Int? {
    guard let value = scanner.value(member), value.kind != .null else { return nil }
    return try int(member, bytes)
  }

  func optionalDecimal(
    _ member: LineMember, _ bytes: Span<UInt8>
  ) throws(FieldError) -> Double? {
    guard let value = scanner.value(member), value.kind != .null else { return nil }
    switch value.kind {
    case .integer: return Double(value.whole)
    case .decimal:
      if let number = JSONScan.decimal(bytes, value.range) { return number }
    case .null, .flag, .string, .array, .object: break
    }
    throw FieldError(member: member)
  }

  func flag(_ member: LineMember) throws(FieldError) -> Bool {
    guard let value = scanner.value(member), value.kind == .flag else {
      throw FieldError(member: member)
    }
    return value.whole != 0
  }

  func isNull(_ member: LineMember) -> Bool { scanner.value(member)?.kind == .null }

  func requireObject(_ member: LineMember) throws(FieldError) {
    guard let value = scanner.value(member), value.kind == .object else {
      throw FieldError(member: member)
    }
  }

  private func word(
    _ value: LineScanner.Value, _ scope: NameScope, _ bytes: Span<UInt8>
  ) -> Int? {
    guard value.hasEscapes else { return scanner.word(bytes, value, scope) }
    var plain: [UInt8] = []
    var position = value.start
    _ = JSONScan.unescape(bytes, &position, into: &plain)
    return scanner.word(plain.span, scope)
  }

  /// A word from a closed list.
  func word<Word>(
    _ member: LineMember, _ scope: NameScope, _ all: [Word], _ bytes: Span<UInt8>
  ) throws(FieldError) -> Word {
    guard let value = scanner.value(member), value.kind == .string,
      let number = word(value, scope, bytes), all.indices.contains(number)
    else { throw FieldError(member: member) }
    return all[number]
  }

  /// A list of texts; `isFree`: no promise reads them, only how many there are.
  mutating func list(
    _ member: LineMember, isFree: Bool, _ bytes: Span<UInt8>
  ) throws(FieldError) -> [String] {
    guard let value = scanner.value(member), value.kind == .array else {
      throw FieldError(member: member)
    }
    // Most are empty.
    guard value.end - value.start > 2 else { return [] }
    guard let elements = try? JSONReader.decode(bytes.extracting(value.range)).list else {
      throw FieldError(member: member)
    }
    var list: [String] = []
    list.reserveCapacity(elements.count)
    for element in elements {
      guard let text = element.text else { throw FieldError(member: member) }
      list.append(isFree && !keepsTexts ? "" : text)
    }
    return list
  }

  /// The configuration that a run's first line has.
  mutating func configuration(_ bytes: Span<UInt8>) throws(FieldError) -> JSONValue {
    guard let value = scanner.value(.config) else { throw FieldError(member: .config) }
    guard texts == .judged, value.kind == .object else {
      guard let json = try? JSONReader.decode(bytes.extracting(value.textRange)) else {
        throw FieldError(member: .config)
      }
      return json
    }
    var members: [JSONMember] = []
    for (index, name) in LoggedConfiguration.judged.enumerated() {
      guard let value = scanner.value(LineMember.allCases.count + index) else { continue }
      members.append(JSONMember(name, try json(value, bytes)))
    }
    return .object(members)
  }

  private mutating func json(
    _ value: LineScanner.Value, _ bytes: Span<UInt8>
  ) throws(FieldError) -> JSONValue {
    switch value.kind {
    case .null: return .null
    case .flag: return .bool(value.whole != 0)
    case .integer: return .integer(value.whole)
    case .string: return .string(string(value, bytes, of: .config))
    case .decimal, .array, .object:
      guard let json = try? JSONReader.decode(bytes.extracting(value.range)) else {
        throw FieldError(member: .config)
      }
      return json
    }
  }
}
