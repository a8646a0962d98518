/// Names and classes of the bytes HTTP is written in.
enum Byte {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let slash = UInt8(ascii: "/")
  static let dot = UInt8(ascii: ".")
  static let percent = UInt8(ascii: "%")
  static let question = UInt8(ascii: "?")
  static let hash = UInt8(ascii: "#")
  static let colon = UInt8(ascii: ":")
  static let asterisk = UInt8(ascii: "*")
  static let hyphen = UInt8(ascii: "-")
  static let underscore = UInt8(ascii: "_")
  static let comma = UInt8(ascii: ",")
  static let semicolon = UInt8(ascii: ";")
  static let quote = UInt8(ascii: "\"")
  static let zero = UInt8(ascii: "0")

  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  /// The value of a hexadecimal digit, or nil.
  @inline(__always) static func hexadecimal(_ byte: UInt8) -> UInt8? {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = byte | 0x20
    return letter &- 0x61 < 6 ? letter &- 0x61 &+ 10 : nil
  }

  /// A capital letter's small one; anything else as it is.
  @inline(__always) static func lowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }

  @inline(__always) static func digit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? 0x30 &+ nibble : 0x61 &+ nibble &- 10
  }

  @inline(__always) static func upperDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? 0x30 &+ nibble : 0x41 &+ nibble &- 10
  }
}

/// A set of ASCII bytes as 128 bits, so that a look-up touches no memory.
struct ByteSet: Sendable {
  let low: UInt64
  let high: UInt64

  @inline(__always) func contains(_ byte: UInt8) -> Bool {
    byte < 64
      ? low >> UInt64(byte) & 1 == 1
      : byte < 128 && high >> UInt64(byte &- 64) & 1 == 1
  }

  /// tchar of RFC 9110 section 5.6.2.
  static let token = ByteSet(low: 0x03FF6CFA00000000, high: 0x57FFFFFFC7FFFFFE)
  /// unreserved of RFC 3986 section 2.3.
  static let unreserved = ByteSet(low: 0x03FF600000000000, high: 0x47FFFFFE87FFFFFE)
  /// pchar of RFC 3986 section 3.3 without the percent sign, and the slash.
  static let pathLiteral = ByteSet(low: 0x2FFFFFD200000000, high: 0x47FFFFFE87FFFFFF)
  /// What a request id may consist of to be kept.
  static let requestID = ByteSet(low: 0x27FFE80000000000, high: 0x47FFFFFE87FFFFFF)
}
