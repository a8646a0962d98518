/// Why a text is no JSON, and at which byte (from 0).
public struct JSONError: Error, Equatable, CustomStringConvertible {
  public enum Problem: String, Sendable {
    case unexpectedEnd = "the text ends in the middle of a value"
    case unexpectedByte = "a character that cannot stand here"
    case badString = "a string with a control character, a bad escape or invalid UTF-8"
    case badNumber = "a number that JSON does not allow"
    case tooDeep = "more than 64 levels of nesting"
    case trailingBytes = "something after the end of the value"
    case duplicateName = "an object that names a member twice"
  }

  public let problem: Problem
  public let offset: Int

  public var description: String { "\(problem.rawValue), at byte \(offset)" }
}

/// A strict reader of one JSON text (RFC 8259): no comments, no trailing commas, no duplicate
/// names, at most `maximumDepth` levels.
public struct JSONReader {
  public static let maximumDepth = 64

  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  public static func decode(_ bytes: some Sequence<UInt8>) throws(JSONError) -> JSONValue {
    var reader = JSONReader(Array(bytes))
    reader.skipBlanks()
    let value = try reader.readValue(depth: 0)
    reader.skipBlanks()
    guard reader.position == reader.bytes.count else { throw reader.error(.trailingBytes) }
    return value
  }

  public static func decode(_ text: String) throws(JSONError) -> JSONValue {
    try decode(text.utf8)
  }

  private func error(_ problem: JSONError.Problem) -> JSONError {
    JSONError(problem: problem, offset: position)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private mutating func readValue(depth: Int) throws(JSONError) -> JSONValue {
    guard depth < Self.maximumDepth else { throw error(.tooDeep) }
    switch next {
    case nil: throw error(.unexpectedEnd)
    case UInt8(ascii: "{"): return try readObject(depth: depth)
    case UInt8(ascii: "["): return try readArray(depth: depth)
    case UInt8(ascii: "\""): return .string(try readString())
    case UInt8(ascii: "t"): return try readWord("true", .bool(true))
    case UInt8(ascii: "f"): return try readWord("false", .bool(false))
    case UInt8(ascii: "n"): return try readWord("null", .null)
    case .some: return try readNumber()
    }
  }

  private mutating func readWord(
    _ word: StaticString, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for byte in word.description.utf8 {
      guard let found = next else { throw error(.unexpectedEnd) }
      guard found == byte else { throw error(.unexpectedByte) }
      position += 1
    }
    return value
  }

  private mutating func readObject(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var members: [JSONMember] = []
    // Swift takes canonically equivalent strings as equal; JSON names are equal code by code.
    var names: Set<[UInt8]> = []
    skipBlanks()
    if next == UInt8(ascii: "}") {
      position += 1
      return .object([])
    }
    while true {
      skipBlanks()
      guard next == UInt8(ascii: "\"") else {
        throw error(next == nil ? .unexpectedEnd : .unexpectedByte)
      }
      let name = try readString()
      guard names.insert(Array(name.utf8)).inserted else { throw error(.duplicateName) }
      skipBlanks()
      guard next == UInt8(ascii: ":") else {
        throw error(next == nil ? .unexpectedEnd : .unexpectedByte)
      }
      position += 1
      skipBlanks()
      members.append(JSONMember(name, try readValue(depth: depth + 1)))
      if try !continues(until: UInt8(ascii: "}")) { return .object(members) }
    }
  }

  private mutating func readArray(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    skipBlanks()
    if next == UInt8(ascii: "]") {
      position += 1
      return .array([])
    }
    while true {
      skipBlanks()
      elements.append(try readValue(depth: depth + 1))
      if try !continues(until: UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  /// After an element: a comma goes on, the closing bracket ends.
  private mutating func continues(until closing: UInt8) throws(JSONError) -> Bool {
    skipBlanks()
    guard let byte = next else { throw error(.unexpectedEnd) }
    guard byte == UInt8(ascii: ",") || byte == closing else { throw error(.unexpectedByte) }
    position += 1
    return byte != closing
  }

  private mutating func readString() throws(JSONError) -> String {
    position += 1
    let start = position
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if next == UInt8(ascii: "\"") {
      guard let text = String(validating: bytes[start..<position], as: UTF8.self) else {
        throw error(.badString)
      }
      position += 1
      return text
    }
    var unescaped = Array(bytes[start..<position])
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: unescaped, as: UTF8.self) else {
          throw error(.badString)
        }
        return text
      case UInt8(ascii: "\\"): try readEscape(into: &unescaped)
      case 0..<0x20: throw error(.badString)
      default: unescaped.append(byte)
      }
    }
    throw error(.unexpectedEnd)
  }

  private mutating func readEscape(into text: inout [UInt8]) throws(JSONError) {
    guard let byte = next else { throw error(.unexpectedEnd) }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = UInt32(try readHexadecimal())
      if (0xD800..<0xDC00).contains(code) {
        guard next == UInt8(ascii: "\\") else { throw error(.badString) }
        position += 1
        guard next == UInt8(ascii: "u") else { throw error(.badString) }
        position += 1
        let low = UInt32(try readHexadecimal())
        guard (0xDC00..<0xE000).contains(low) else { throw error(.badString) }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error(.badString) }
      text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    default: throw error(.badString)
    }
  }

  private mutating func readHexadecimal() throws(JSONError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next else { throw error(.unexpectedEnd) }
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw error(.badString)
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }

  private mutating func readNumber() throws(JSONError) -> JSONValue {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    guard let first = next, (0x30...0x39).contains(first) else {
      throw error(start == position ? .unexpectedByte : .badNumber)
    }
    skipDigits()
    if first == 0x30, bytes[start..<position].count(where: { $0 != UInt8(ascii: "-") }) > 1 {
      throw error(.badNumber)
    }
    var isWhole = true
    if next == UInt8(ascii: ".") {
      isWhole = false
      position += 1
      guard let digit = next, (0x30...0x39).contains(digit) else { throw error(.badNumber) }
      skipDigits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      isWhole = false
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      guard let digit = next, (0x30...0x39).contains(digit) else { throw error(.badNumber) }
      skipDigits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let whole = Int64(text) { return .integer(whole) }
    guard let number = Double(text), number.isFinite else { throw error(.badNumber) }
    return .number(number)
  }

  private mutating func skipDigits() {
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
  }
}
