/// A JSON value (RFC 8259), with object members in the order they were written.
///
/// Numbers without fraction or exponent that fit are `integer`; all others are `number`.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([JSONMember])

  /// An object written as a list of pairs, in that order.
  public static func members(_ pairs: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(pairs.map { JSONMember($0.key, $0.value) })
  }
}

/// One name and value of a JSON object.
public struct JSONMember: Sendable, Equatable {
  public var name: String
  public var value: JSONValue

  public init(_ name: String, _ value: JSONValue) {
    self.name = name
    self.value = value
  }
}

extension JSONValue {
  /// The first member of that name; nil for another kind of value or an absent name.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  public var text: String? { if case .string(let text) = self { text } else { nil } }
  public var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }
  public var list: [JSONValue]? { if case .array(let list) = self { list } else { nil } }
  public var members: [JSONMember]? { if case .object(let members) = self { members } else { nil } }
  public var isNull: Bool { self == .null }

  /// A whole number, also when it was written with a fraction of zero or an exponent: then at most
  /// 2^53, beyond which a `Double` stands for several.
  public var whole: Int64? {
    switch self {
    case .integer(let value): value
    case .number(let value): value.magnitude <= 0x1p53 ? Int64(exactly: value) : nil
    case .null, .bool, .string, .array, .object: nil
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { JSONMember($0.0, $0.1) })
  }
  public init(nilLiteral: ()) { self = .null }
}
