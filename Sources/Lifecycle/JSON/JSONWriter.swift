/// Writes compact JSON: no blank after `:` or `,`, `/` not escaped, control characters escaped.
public struct JSONWriter: Sendable {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  /// The compact text of a value.
  public static func encode(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.write(value)
    return writer.bytes
  }

  /// The text of a value with two blanks a level, for files that people read.
  public static func pretty(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.writePretty(value, depth: 0)
    writer.raw("\n")
    return writer.bytes
  }

  public mutating func raw(_ text: StaticString) {
    for byte in text.description.utf8 { bytes.append(byte) }
  }

  public mutating func raw(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  public mutating func write(_ value: JSONValue) {
    switch value {
    case .null: raw("null")
    case .bool(let flag): flag ? raw("true") : raw("false")
    case .integer(let number): bytes.append(contentsOf: String(number).utf8)
    case .number(let number): write(number)
    case .string(let text): write(text)
    case .array(let elements):
      raw("[")
      for (index, element) in elements.enumerated() {
        if index > 0 { raw(",") }
        write(element)
      }
      raw("]")
    case .object(let members):
      raw("{")
      for (index, member) in members.enumerated() {
        if index > 0 { raw(",") }
        write(member.name)
        raw(":")
        write(member.value)
      }
      raw("}")
    }
  }

  /// A string with its quotation marks. Every control character (C0, U+007F, C1) is escaped: a
  /// terminal obeys each of them. U+2028 and U+2029 pass as they are.
  public mutating func write(_ text: String) {
    bytes.append(0x22)
    for byte in text.utf8 {
      switch byte {
      case 0x80..<0xA0 where bytes.last == 0xC2:
        // C1 in UTF-8 is C2 and a byte below A0.
        bytes.removeLast()
        escape(byte)
      case 0x22: raw("\\\"")
      case 0x5C: raw("\\\\")
      case 0x0A: raw("\\n")
      case 0x0D: raw("\\r")
      case 0x09: raw("\\t")
      case 0..<0x20, 0x7F: escape(byte)
      default: bytes.append(byte)
      }
    }
    bytes.append(0x22)
  }

  private mutating func escape(_ byte: UInt8) {
    raw("\\u00")
    bytes.append(Self.hexadecimal(byte >> 4))
    bytes.append(Self.hexadecimal(byte & 15))
  }

  /// JSON has no infinity and no NaN: they become null. A whole number loses its `.0`.
  private mutating func write(_ number: Double) {
    guard number.isFinite else { return raw("null") }
    if let whole = Int64(exactly: number) {
      bytes.append(contentsOf: String(whole).utf8)
    } else {
      bytes.append(contentsOf: number.description.utf8)
    }
  }

  private mutating func writePretty(_ value: JSONValue, depth: Int) {
    func indent(_ level: Int, _ writer: inout JSONWriter) {
      writer.raw("\n")
      writer.raw(repeatElement(UInt8(0x20), count: level * 2))
    }
    switch value {
    case .array(let elements) where elements.contains { $0.isContainer }:
      raw("[")
      for (index, element) in elements.enumerated() {
        if index > 0 { raw(",") }
        indent(depth + 1, &self)
        writePretty(element, depth: depth + 1)
      }
      indent(depth, &self)
      raw("]")
    case .object(let members) where !members.isEmpty:
      raw("{")
      for (index, member) in members.enumerated() {
        if index > 0 { raw(",") }
        indent(depth + 1, &self)
        write(member.name)
        raw(": ")
        writePretty(member.value, depth: depth + 1)
      }
      indent(depth, &self)
      raw("}")
    case .null, .bool, .integer, .number, .string, .array, .object:
      write(value)
    }
  }

  private static func hexadecimal(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
  }
}

extension JSONValue {
  fileprivate var isContainer: Bool {
    switch self {
    case .array(let elements): !elements.isEmpty
    case .object(let members): !members.isEmpty
    case .null, .bool, .integer, .number, .string: false
    }
  }
}
