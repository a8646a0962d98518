/// Typed members of the line that was scanned.
extension LineDecoder {
  mutating func timestamp(_ bytes: Span<UInt8>) throws(FieldError) -> Int64 {
    guard let value = scanner.value(.timestamp), value.kind == .string, !value.hasEscapes,
      let time = clock.read(bytes, value.range)
    else { throw FieldError(member: .timestamp) }
    return time
  }

  @inline(__always)
  mutating func string(
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

  func word(
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
