/// Reads the JSON object of a log line in one pass: what it has to be strict about is checked, and where
/// the known members are is noted. Nothing is allocated for a line.
struct LineScanner: Sendable {
  /// A value as it stands in the line.
  struct Value {
    enum Kind: UInt8 { case null, flag, integer, decimal, string, array, object }

    var kind = Kind.null
    var hasEscapes = false
    /// Of a string without its quotation marks.
    var start = 0
    var end = 0
    /// The integer; 1 for `true`, 0 for `false`.
    var whole: Int64 = 0

    var range: Range<Int> { start..<end }
    /// All of it, the quotation marks of a string too.
    var textRange: Range<Int> { kind == .string ? start - 1..<end + 1 : range }
  }

  /// Known members, those of the configuration too.
  static let valueLimit = 128
  /// Other names in one line, at most, that are told apart here.
  static let nameLimit = 192

  /// A name that is not known, to be told apart from the next ones in its object.
  private struct Name {
    /// Which object; 0: the place is free.
    var object: UInt64 = 0
    var hash: UInt64 = 0
    var start = 0
    var count = 0
  }

  private static let namePlaces = 256

  private let table = NameTable.ofLines
  private var values = [Value](repeating: Value(), count: LineScanner.valueLimit)
  /// Which of the values are of this line, a bit each.
  private var seen: (UInt64, UInt64) = (0, 0)
  private var names = [Name](repeating: Name(), count: LineScanner.namePlaces)
  private var nameCount = 0
  /// Objects so far, of all lines: each has a number of its own.
  private var objects: UInt64 = 0
  private var firstObject: UInt64 = 0
  /// Whether names have escapes, or there are too many of them, so that another reader has to tell
  /// them apart.
  private(set) var isUnusual = false

  @inline(__always)
  func value(_ number: Int) -> Value? {
    guard number >= 0, number < Self.valueLimit else { return nil }
    let bits = number < 64 ? seen.0 : seen.1
    guard bits & (1 << UInt64(number & 63)) != 0 else { return nil }
    return values[number]
  }

  /// A word from a closed list.
  @inline(__always)
  func word(_ bytes: Span<UInt8>, _ value: Value, _ scope: NameScope) -> Int? {
    let count = value.end - value.start
    return table.number(NameWords(bytes, at: value.start, count: count), count: count, scope)
      .map { Int($0) }
  }

  /// Reads a whole line. `trustsNames`: no object names a member twice, as is known already.
  mutating func scan(_ bytes: Span<UInt8>, trustsNames: Bool = false) throws(JSONError) {
    seen = (0, 0)
    (isUnusual, nameCount) = (false, trustsNames ? Self.nameLimit : 0)
    firstObject = objects &+ 1
    var position = 0
    JSONScan.skipBlanks(bytes, &position)
    if bytes.byte(at: position) == UInt8(ascii: "{") {
      try scanObject(bytes, &position, .line, depth: 0)
    } else {
      _ = try scanValue(bytes, &position, nil, depth: 0)
    }
    JSONScan.skipBlanks(bytes, &position)
    guard position == bytes.count else {
      throw JSONError(problem: .trailingBytes, offset: position)
    }
  }

  /// `inside`: the scope of the members, if it is an object.
  @inline(__always)
  private mutating func scanValue(
    _ bytes: Span<UInt8>, _ position: inout Int, _ inside: NameScope?, depth: Int
  ) throws(JSONError) -> Value {
    var value = Value()
    value.start = position
    switch bytes.byte(at: position) {
    case UInt8(ascii: "\""):
      let body = try JSONScan.string(bytes, &position)
      value.kind = .string
      (value.start, value.end, value.hasEscapes) = (body.start, body.end, body.hasEscapes)
      return value
    case nil: throw JSONError(problem: .unexpectedEnd, offset: position)
    case UInt8(ascii: "n"): try JSONScan.word("null", bytes, &position)
    case UInt8(ascii: "t"):
      try JSONScan.word("true", bytes, &position)
      (value.kind, value.whole) = (.flag, 1)
    case UInt8(ascii: "f"):
      try JSONScan.word("false", bytes, &position)
      value.kind = .flag
    case UInt8(ascii: "{"):
      value.kind = .object
      try scanObject(bytes, &position, inside ?? .other, depth: depth)
    case UInt8(ascii: "["):
      value.kind = .array
      try scanArray(bytes, &position, depth: depth)
    case .some:
      switch try JSONScan.number(bytes, &position) {
      case .integer(let whole): (value.kind, value.whole) = (.integer, whole)
      case .decimal: value.kind = .decimal
      }
    }
    value.end = position
    return value
  }

  @inline(never)
  private mutating func scanArray(
    _ bytes: Span<UInt8>, _ position: inout Int, depth: Int
  ) throws(JSONError) {
    let closing = UInt8(ascii: "]")
    try begin(bytes, &position, depth)
    if bytes.byte(at: position) == closing {
      position += 1
      return
    }
    repeat {
      JSONScan.skipBlanks(bytes, &position)
      try checkDepth(position, depth)
      _ = try scanValue(bytes, &position, nil, depth: depth + 1)
    } while try JSONScan.continues(bytes, &position, until: closing)
  }

  @inline(__always)
  private func begin(
    _ bytes: Span<UInt8>, _ position: inout Int, _ depth: Int
  ) throws(JSONError) {
    position += 1
    JSONScan.skipBlanks(bytes, &position)
  }

  @inline(__always)
  private func checkDepth(_ position: Int, _ depth: Int) throws(JSONError) {
    guard depth + 1 < JSONReader.maximumDepth else {
      throw JSONError(problem: .tooDeep, offset: position)
    }
  }

  @inline(never)
  private mutating func scanObject(
    _ bytes: Span<UInt8>, _ position: inout Int, _ scope: NameScope, depth: Int
  ) throws(JSONError) {
    let closing = UInt8(ascii: "}")
    objects &+= 1
    let object = objects
    try begin(bytes, &position, depth)
    if bytes.byte(at: position) == closing {
      position += 1
      return
    }
    repeat {
      JSONScan.skipBlanks(bytes, &position)
      guard let quote = bytes.byte(at: position) else {
        throw JSONError(problem: .unexpectedEnd, offset: position)
      }
      guard quote == UInt8(ascii: "\"") else {
        throw JSONError(problem: .unexpectedByte, offset: position)
      }
      let name = try JSONScan.string(bytes, &position)
      let words = NameWords(bytes, at: name.start, count: name.end - name.start)
      let number = table.number(words, count: name.end - name.start, scope)
      if let number {
        try note(number, at: name.start)
      } else {
        try tellApart(bytes, name, words, object)
      }
      JSONScan.skipBlanks(bytes, &position)
      guard let colon = bytes.byte(at: position) else {
        throw JSONError(problem: .unexpectedEnd, offset: position)
      }
      guard colon == UInt8(ascii: ":") else {
        throw JSONError(problem: .unexpectedByte, offset: position)
      }
      position += 1
      JSONScan.skipBlanks(bytes, &position)
      try checkDepth(position, depth)
      if let number {
        let inside = LineMember(rawValue: number)?.inside
        values[Int(number & 127)] = try scanValue(bytes, &position, inside, depth: depth + 1)
      } else {
        _ = try scanValue(bytes, &position, nil, depth: depth + 1)
      }
    } while try JSONScan.continues(bytes, &position, until: closing)
  }

  /// Marks a known member as seen.
  @inline(__always)
  private mutating func note(_ number: UInt8, at start: Int) throws(JSONError) {
    let bit: UInt64 = 1 << UInt64(number & 63)
    let bits = number < 64 ? seen.0 : seen.1
    guard bits & bit == 0 else { throw JSONError(problem: .duplicateName, offset: start - 1) }
    if number < 64 { seen.0 |= bit } else { seen.1 |= bit }
  }

  /// Refuses a second name of the same bytes in one object.
  private mutating func tellApart(
    _ bytes: Span<UInt8>, _ name: JSONScan.StringBody, _ words: NameWords, _ object: UInt64
  ) throws(JSONError) {
    guard nameCount < Self.nameLimit, !name.hasEscapes else {
      isUnusual = true
      return
    }
    nameCount += 1
    let count = name.end - name.start
    let hash = words.hash ^ (object &* 0x9E37_79B9_7F4A_7C15) ^ UInt64(count)
    var place = Int(truncatingIfNeeded: hash >> 56)
    while names[place].object >= firstObject {
      if names[place].hash == hash, names[place].object == object, names[place].count == count,
        isSame(bytes, names[place].start, name.start, count)
      {
        throw JSONError(problem: .duplicateName, offset: name.start - 1)
      }
      place = (place + 1) % Self.namePlaces
    }
    names[place] = Name(object: object, hash: hash, start: name.start, count: count)
  }

  private func isSame(_ bytes: Span<UInt8>, _ first: Int, _ second: Int, _ count: Int) -> Bool {
    for index in 0..<count where bytes[first + index] != bytes[second + index] { return false }
    return true
  }
}
