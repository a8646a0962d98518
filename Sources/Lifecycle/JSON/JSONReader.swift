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
    case tooLong = "more than can be one line"
  }

  public let problem: Problem
  public let offset: Int

  public var description: String { "\(problem.rawValue), at byte \(offset)" }
}

/// A strict reader of one JSON text (RFC 8259): no comments, no trailing commas, no duplicate
/// names, at most `maximumDepth` levels.
public struct JSONReader {
  public static let maximumDepth = 64

  private var position = 0

  private init() {}

  public static func decode(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
    var reader = JSONReader()
    JSONScan.skipBlanks(bytes, &reader.position)
    let value = try reader.readValue(bytes, depth: 0)
    JSONScan.skipBlanks(bytes, &reader.position)
    guard reader.position == bytes.count else { throw reader.error(.trailingBytes) }
    return value
  }

  public static func decode(_ bytes: some Sequence<UInt8>) throws(JSONError) -> JSONValue {
    try decode(Array(bytes).span)
  }

  public static func decode(_ text: String) throws(JSONError) -> JSONValue {
    try decode(text.utf8)
  }

  private func error(_ problem: JSONError.Problem) -> JSONError {
    JSONError(problem: problem, offset: position)
  }

  private mutating func readValue(
    _ bytes: Span<UInt8>, depth: Int
  ) throws(JSONError) -> JSONValue {
    guard depth < Self.maximumDepth else { throw error(.tooDeep) }
    switch bytes.byte(at: position) {
    case nil: throw error(.unexpectedEnd)
    case UInt8(ascii: "{"): return try readObject(bytes, depth: depth)
    case UInt8(ascii: "["): return try readArray(bytes, depth: depth)
    case UInt8(ascii: "\""): return .string(try readString(bytes))
    case UInt8(ascii: "t"):
      try JSONScan.yes(bytes, &position)
      return true
    case UInt8(ascii: "f"):
      try JSONScan.no(bytes, &position)
      return false
    case UInt8(ascii: "n"):
      try JSONScan.null(bytes, &position)
      return .null
    case .some:
      switch try JSONScan.number(bytes, &position) {
      case .integer(let whole): return .integer(whole)
      case .decimal(let range):
        guard let value = JSONScan.decimal(bytes, range) else {
          throw JSONError(problem: .badNumber, offset: range.lowerBound)
        }
        return .number(value)
      }
    }
  }

  private mutating func readString(_ bytes: Span<UInt8>) throws(JSONError) -> String {
    JSONScan.text(bytes, try JSONScan.string(bytes, &position))
  }

  private mutating func readObject(
    _ bytes: Span<UInt8>, depth: Int
  ) throws(JSONError) -> JSONValue {
    position += 1
    var members: [JSONMember] = []
    // Swift takes canonically equivalent strings as equal; JSON names are equal code by code.
    var names: Set<[UInt8]> = []
    JSONScan.skipBlanks(bytes, &position)
    if bytes.byte(at: position) == UInt8(ascii: "}") {
      position += 1
      return .object([])
    }
    while true {
      JSONScan.skipBlanks(bytes, &position)
      let start = position
      guard let quote = bytes.byte(at: position) else { throw error(.unexpectedEnd) }
      guard quote == UInt8(ascii: "\"") else { throw error(.unexpectedByte) }
      let name = try readString(bytes)
      guard names.insert(Array(name.utf8)).inserted else {
        throw JSONError(problem: .duplicateName, offset: start)
      }
      JSONScan.skipBlanks(bytes, &position)
      guard let colon = bytes.byte(at: position) else { throw error(.unexpectedEnd) }
      guard colon == UInt8(ascii: ":") else { throw error(.unexpectedByte) }
      position += 1
      JSONScan.skipBlanks(bytes, &position)
      members.append(JSONMember(name, try readValue(bytes, depth: depth + 1)))
      guard try JSONScan.continues(bytes, &position, until: UInt8(ascii: "}")) else {
        return .object(members)
      }
    }
  }

  private mutating func readArray(
    _ bytes: Span<UInt8>, depth: Int
  ) throws(JSONError) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    JSONScan.skipBlanks(bytes, &position)
    if bytes.byte(at: position) == UInt8(ascii: "]") {
      position += 1
      return .array([])
    }
    while true {
      JSONScan.skipBlanks(bytes, &position)
      elements.append(try readValue(bytes, depth: depth + 1))
      guard try JSONScan.continues(bytes, &position, until: UInt8(ascii: "]")) else {
        return .array(elements)
      }
    }
  }
}
