/// Tells one message from several, by the bytes of a direction as they pass: each has five before it,
/// of which four are its length (gRPC over HTTP/2, "Length-Prefixed-Message").
struct MessageCount {
  static let framingBytes = 5

  private var seen = 0
  /// Of the first message, its framing included; what is known of it so far.
  private var length = framingBytes

  /// More than one message has come, or the beginning of a second.
  var isSeveral: Bool { seen > length }

  mutating func pass(_ bytes: UnsafeRawBufferPointer) {
    var position = 0
    while seen + position < Self.framingBytes, position < bytes.count {
      let place = seen + position
      if place > 0 { length += Int(bytes[position]) << (8 * (Self.framingBytes - 1 - place)) }
      position += 1
    }
    seen += bytes.count
  }
}
