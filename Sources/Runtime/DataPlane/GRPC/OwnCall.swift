import Lifecycle

/// A call that the program answers by itself: one small message in, then `answer`.
class OwnCall: HTTP2Stream {
  private var input: [UInt8] = []
  private var isRefused = false

  /// The request's one message is there, without its framing.
  func answer(_ message: ArraySlice<UInt8>) {}

  override func received(_ bytes: UnsafeRawBufferPointer) {
    consume(bytes.count)
    guard !isRefused else { return }
    input += bytes
    // Five bytes in front of a message: whether it is compressed, and its length.
    guard input.count >= 5 else { return }
    let length = input[1..<5].reduce(0) { $0 << 8 | Int($1) }
    if length > connection.limits.ownMessageBytes {
      refuse(
        .resourceExhausted,
        "The message is larger than \(connection.limits.ownMessageBytes) bytes")
    } else if input[0] == 1 {
      refuse(.unimplemented, "Compressed messages are not taken here", acceptEncoding: true)
    } else if input[0] != 0 {
      refuse(.internalError, "The message's first byte is neither 0 nor 1")
    } else if input.count > 5 + length {
      refuse(.internalError, "The method takes one message")
    }
  }

  override func inputEnded(_ trailers: HeaderBlock?) {
    guard !isRefused else { return }
    guard input.count >= 5, input.count == 5 + input[1..<5].reduce(0, { $0 << 8 | Int($1) })
    else { return refuse(.internalError, "The request ended before its message was complete") }
    let message = input[5...]
    input = []
    answer(message)
  }

  private func refuse(_ status: GRPCStatus, _ text: String, acceptEncoding: Bool = false) {
    isRefused = true
    input = []
    end(status, text, acceptEncoding: acceptEncoding)
  }
}
