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

  /// The first byte from `start` on that is a control character; tabs are none, and bytes from 0x80
  /// on neither.
  /// - Parameter bytes: a carriage return is among them behind `start`.
  @inline(__always)
  static func endOfText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var position = start
    while true {
      // Eight at a time: in the sum of both terms the highest bit of a byte is set for each byte
      // below 0x20 and each 0x7F; a borrow can only set more, above the first.
      while position &+ 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
        let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
        let found =
          ((word &- 0x2020_2020_2020_2020) & ~word | (delete &- 0x0101_0101_0101_0101) & ~delete)
          & 0x8080_8080_8080_8080
        guard found == 0 else {
          position &+= found.trailingZeroBitCount / 8
          break
        }
        position &+= 8
      }
      while bytes[position] >= 0x20 && bytes[position] != 0x7F { position &+= 1 }
      guard bytes[position] == tab else { return position }
      position &+= 1
    }
  }

  @inline(__always) static func digit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? 0x30 &+ nibble : 0x61 &+ nibble &- 10
  }

  @inline(__always) static func upperDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? 0x30 &+ nibble : 0x41 &+ nibble &- 10
  }
}

/// A set of ASCII bytes: one bit of a table that all sets share.
struct ByteSet: Sendable {
  fileprivate let bit: UInt8

  @inline(__always) func contains(_ byte: UInt8) -> Bool {
    // The literal has a byte for each value that a byte can have.
    Self.table.utf8Start[Int(byte)] & bit != 0
  }

  /// tchar of RFC 9110 section 5.6.2.
  static let token = ByteSet(bit: 1)
  /// unreserved of RFC 3986 section 2.3.
  static let unreserved = ByteSet(bit: 2)
  /// pchar of RFC 3986 section 3.3 without the percent sign, and the slash.
  static let pathLiteral = ByteSet(bit: 4)
  /// What a request id may consist of to be kept.
  static let requestID = ByteSet(bit: 8)
  /// reg-name of RFC 3986 section 3.2.2 without the comma, which makes a list to a careless reader.
  static let regName = ByteSet(bit: 16)

  /// A literal, because it is there without an initialisation that each use would have to look for.
  @inline(__always) private static var table: StaticString {
    """
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{15}\u{0}\u{1}\u{15}\u{11}\u{15}\u{15}\u{14}\u{14}\u{15}\u{1D}\u{4}\u{1F}\u{1F}\u{C}\
    \u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{C}\u{14}\u{0}\u{1C}\u{0}\u{0}\
    \u{C}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\
    \u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{0}\u{0}\u{0}\u{1}\u{1F}\
    \u{1}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\
    \u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{1F}\u{0}\u{1}\u{0}\u{1F}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\
    \u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}
    """
  }
}
