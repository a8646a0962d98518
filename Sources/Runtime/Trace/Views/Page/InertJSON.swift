internal import Lifecycle

/// JSON that can stand between the tags of a script element: what the log says cannot end it.
enum InertJSON {
  /// `<`, `>`, `&`, U+2028 and U+2029 occur within texts alone, where an escape means the same.
  static func write(_ value: JSONValue) -> String {
    var bytes: [UInt8] = []
    let text = JSONWriter.encode(value)
    bytes.reserveCapacity(text.count + text.count / 16)
    for byte in text {
      switch byte {
      case UInt8(ascii: "<"): bytes += "\\u003c".utf8
      case UInt8(ascii: ">"): bytes += "\\u003e".utf8
      case UInt8(ascii: "&"): bytes += "\\u0026".utf8
      // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
      case 0xA8...0xA9 where bytes.suffix(2) == [0xE2, 0x80]:
        bytes.removeLast(2)
        bytes += (byte == 0xA8 ? "\\u2028" : "\\u2029").utf8
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
