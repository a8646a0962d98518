/// Lines of the access log and of output, which are counted and not made.
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
  mutating func count(_ bytes: Span<UInt8>, into line: inout CountedLine) -> Bool {
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
