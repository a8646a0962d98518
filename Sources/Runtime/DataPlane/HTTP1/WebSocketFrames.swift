/// Walks over the frames of one side of a WebSocket (RFC 6455 section 5.2) without keeping any, to
/// know whether that side has said that it ends.
///
/// Nothing depends on it but what the end of a tunnel is counted as: bytes pass as they are.
struct WebSocketFrames {
  /// A close frame has begun: the side ends in good order.
  private(set) var hasClosed = false
  /// Bytes of the frame's head seen so far.
  private var headBytes = 0
  private var opcode: UInt8 = 0
  private var isMasked = false
  /// Bytes of the extended length, 0, 2 or 8.
  private var lengthBytes = 0
  private var length: UInt64 = 0

  private static let close: UInt8 = 8

  /// - Parameter bytes: what follows on what was walked over before.
  mutating func walk(_ bytes: UnsafeRawBufferPointer) {
    var position = 0
    // After a close frame comes nothing.
    while position < bytes.count, !hasClosed {
      let whole = 2 + lengthBytes + (isMasked ? 4 : 0)
      if headBytes >= 2, headBytes == whole {
        let count = Int(min(UInt64(bytes.count - position), length))
        position += count
        length -= UInt64(count)
        if length == 0 { headBytes = 0 }
        continue
      }
      readHead(bytes[position])
      position += 1
    }
  }

  private mutating func readHead(_ byte: UInt8) {
    switch headBytes {
    case 0:
      opcode = byte & 0x0F
      isMasked = false
      lengthBytes = 0
      length = 0
    case 1:
      isMasked = byte & 0x80 != 0
      switch byte & 0x7F {
      case 126: lengthBytes = 2
      case 127: lengthBytes = 8
      case let short: length = UInt64(short)
      }
      if opcode == Self.close { hasClosed = true }
    default:
      // The mask follows the length and says nothing here.
      if headBytes < 2 + lengthBytes { length = length << 8 | UInt64(byte) }
    }
    headBytes += 1
    // An empty frame has no byte that would end it.
    if headBytes >= 2, headBytes == 2 + lengthBytes + (isMasked ? 4 : 0), length == 0 {
      headBytes = 0
      lengthBytes = 0
      isMasked = false
    }
  }
}
