/// Reads the JSON object of a log line in one pass: what it has to be strict about is checked, and where
/// the known members are is noted. Nothing is allocated for a line.
struct LineScanner: Sendable {
  /// A value as it stands in the line.
  struct Value {
    enum Kind: UInt8 { case null, flag, integer, decimal, string, array, object }

    /// The integer; 1 for `true`, 0 for `false`.
    var whole: Int64 = 0
    /// Of a string without its quotation marks.
    private var first: UInt32 = 0
    private var last: UInt32 = 0
    var kind = Kind.null
    var hasEscapes = false

    init() {}

    @inline(__always)
    init(_ kind: Kind, _ start: Int, _ end: Int, whole: Int64 = 0, hasEscapes: Bool = false) {
      self.kind = kind
      // No line is longer than `lengthLimit`.
      first = UInt32(truncatingIfNeeded: start)
      last = UInt32(truncatingIfNeeded: end)
      self.whole = whole
      self.hasEscapes = hasEscapes
    }

    var start: Int { Int(first) }
    var end: Int { Int(last) }
    var count: Int { end - start }
    var range: Range<Int> { start..<end }
    /// All of it, the quotation marks of a string too.
    var textRange: Range<Int> { kind == .string ? start - 1..<end + 1 : range }
  }

  /// The longest line that is read, in bytes: many times what any of ours can be.
  static let lengthLimit = 1 << 30
  /// Known members, those of the configuration too.
  static let valueLimit = 128

  private let table = NameTable.ofLines
  private var values = [Value](repeating: Value(), count: LineScanner.valueLimit)
  private var order = MemberOrder.ofLines
  private var names = OtherNames()
  /// Which of the values are of this line.
  private var seen = Seen()
  /// Whether names have escapes, or there are too many of them, so that another reader has to tell
  /// them apart.
  var isUnusual: Bool { names.areUnusual }

  /// A set of the numbers of known members.
  struct Seen {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    @inline(__always)
    func contains(_ number: UInt8) -> Bool {
      (number < 64 ? low : high) & (1 << UInt64(number & 63)) != 0
    }

    @inline(__always)
    mutating func insert(_ number: UInt8) {
      let bit: UInt64 = 1 << UInt64(number & 63)
      if number < 64 { low |= bit } else { high |= bit }
    }
  }

  @inline(__always)
  func value(_ number: Int) -> Value? {
    guard number >= 0, number < values.count, seen.contains(UInt8(truncatingIfNeeded: number))
    else { return nil }
    return values[number]
  }

  /// A word from a closed list.
  @inline(__always)
  func word(_ bytes: Span<UInt8>, _ value: Value, _ scope: NameScope) -> Int? {
    table.number(NameWords(bytes, at: value.start, count: value.count), count: value.count, scope)
      .map { Int($0) }
  }

  /// The same for bytes of their own.
  func word(_ bytes: Span<UInt8>, _ scope: NameScope) -> Int? {
    table.number(NameWords(bytes, at: 0, count: bytes.count), count: bytes.count, scope)
      .map { Int($0) }
  }

  /// Reads a whole line. `trustsNames`: no object names a member twice, as is known already.
  mutating func scan(_ bytes: Span<UInt8>, trustsNames: Bool = false) throws(JSONError) {
    seen = Seen()
    names.beginLine(trustsNames: trustsNames)
    guard bytes.count <= Self.lengthLimit else {
      throw JSONError(problem: .tooLong, offset: Self.lengthLimit)
    }
    var position = 0
    JSONScan.skipBlanks(bytes, &position)
    _ = try Self.scanValue(
      bytes, &position, &values, table, &order, &names, &seen, scope: .line, depth: 0)
    JSONScan.skipBlanks(bytes, &position)
    guard position == bytes.count else {
      throw JSONError(problem: .trailingBytes, offset: position)
    }
  }

  // What is written to goes from hand to hand: so the optimizer knows that it is nobody else's.

  /// Any value; `scope` is that of its members, if it is an object.
  @inline(__always)
  private static func scanValue(
    _ bytes: Span<UInt8>, _ position: inout Int, _ out: inout [Value],
    _ table: NameTable, _ order: inout MemberOrder, _ names: inout OtherNames,
    _ seen: inout Seen, scope: NameScope, depth: Int
  ) throws(JSONError) -> Value {
    let start = position
    guard depth < JSONReader.maximumDepth else {
      throw JSONError(problem: .tooDeep, offset: start)
    }
    switch bytes.byte(at: position) {
    case UInt8(ascii: "\""):
      let body = try JSONScan.string(bytes, &position)
      return Value(.string, body.start, body.end, hasEscapes: body.hasEscapes)
    case nil: throw JSONError(problem: .unexpectedEnd, offset: position)
    case UInt8(ascii: "n"):
      try JSONScan.null(bytes, &position)
      return Value(.null, start, position)
    case UInt8(ascii: "t"):
      try JSONScan.yes(bytes, &position)
      return Value(.flag, start, position, whole: 1)
    case UInt8(ascii: "f"):
      try JSONScan.no(bytes, &position)
      return Value(.flag, start, position)
    case UInt8(ascii: "{"):
      try scanObject(
        bytes, &position, &out, table, &order, &names, &seen, scope: scope, depth: depth)
      return Value(.object, start, position)
    case UInt8(ascii: "["):
      try scanArray(bytes, &position, &out, table, &order, &names, &seen, depth: depth)
      return Value(.array, start, position)
    case .some:
      switch try JSONScan.number(bytes, &position) {
      case .integer(let whole): return Value(.integer, start, position, whole: whole)
      case .decimal: return Value(.decimal, start, position)
      }
    }
  }

  @inline(never)
  private static func scanArray(
    _ bytes: Span<UInt8>, _ position: inout Int, _ out: inout [Value],
    _ table: NameTable, _ order: inout MemberOrder, _ names: inout OtherNames,
    _ seen: inout Seen, depth: Int
  ) throws(JSONError) {
    let closing = UInt8(ascii: "]")
    position += 1
    JSONScan.skipBlanks(bytes, &position)
    if bytes.byte(at: position) == closing {
      position += 1
      return
    }
    repeat {
      JSONScan.skipBlanks(bytes, &position)
      _ = try scanValue(
        bytes, &position, &out, table, &order, &names, &seen, scope: .other, depth: depth + 1)
    } while try JSONScan.continues(bytes, &position, until: closing)
  }

  @inline(never)
  private static func scanObject(
    _ bytes: Span<UInt8>, _ place: inout Int, _ out: inout [Value],
    _ table: NameTable, _ order: inout MemberOrder, _ names: inout OtherNames,
    _ seen: inout Seen, scope: NameScope, depth: Int
  ) throws(JSONError) {
    var position = place + 1
    defer { place = position }
    let object = names.beginObject()
    var last = MemberOrder.start(scope)
    JSONScan.skipBlanks(bytes, &position)
    if bytes.byte(at: position) == UInt8(ascii: "}") {
      position += 1
      return
    }
    repeat {
      JSONScan.skipBlanks(bytes, &position)
      let start = position
      var number = order.follower(of: last, bytes, &position)
      if number == nil {
        guard let quote = bytes.byte(at: position) else {
          throw JSONError(problem: .unexpectedEnd, offset: position)
        }
        guard quote == UInt8(ascii: "\"") else {
          throw JSONError(problem: .unexpectedByte, offset: position)
        }
        let name = try JSONScan.string(bytes, &position)
        let words = NameWords(bytes, at: name.start, count: name.end - name.start)
        number = table.number(words, count: name.end - name.start, scope)
        if let number {
          guard !seen.contains(number) else {
            throw JSONError(problem: .duplicateName, offset: start)
          }
          order.note(number, after: last)
        } else {
          try names.tellApart(bytes, name, words, object)
        }
        JSONScan.skipBlanks(bytes, &position)
        guard let colon = bytes.byte(at: position) else {
          throw JSONError(problem: .unexpectedEnd, offset: position)
        }
        guard colon == UInt8(ascii: ":") else {
          throw JSONError(problem: .unexpectedByte, offset: position)
        }
        position += 1
      }
      JSONScan.skipBlanks(bytes, &position)
      var inside = NameScope.other
      if let number {
        guard !seen.contains(number) else {
          throw JSONError(problem: .duplicateName, offset: start)
        }
        seen.insert(number)
        last = number
        inside = NameScope(inside: number)
      }
      let value = try scanValue(
        bytes, &position, &out, table, &order, &names, &seen, scope: inside, depth: depth + 1)
      if let number, Int(number) < out.count { out[Int(number)] = value }
    } while try JSONScan.continues(bytes, &position, until: UInt8(ascii: "}"))
  }
}

extension NameScope {
  /// The scope of the members of the object that the known member of that number is.
  @inline(__always)
  fileprivate init(inside number: UInt8) {
    switch number {
    case LineMember.package.rawValue: self = .package
    case LineMember.environment.rawValue: self = .environment
    case LineMember.sockets.rawValue: self = .sockets
    case LineMember.phases.rawValue: self = .phases
    case LineMember.config.rawValue: self = .config
    default: self = .other
    }
  }
}
