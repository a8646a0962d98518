import Lifecycle

/// A call that the program answers by itself: one small message in, then `answer`.
class OwnCall: HTTP2Stream {
  private var input: [UInt8] = []
  private var isRefused = false

  /// Of the message, as its framing says: whether it is compressed in one byte, then four of length.
  private var length: Int { input[1..<Self.framingBytes].reduce(0) { $0 << 8 | Int($1) } }
  private static let framingBytes = 5

  /// The request's one message is there, without its framing.
  func answer(_ message: ArraySlice<UInt8>) {}

  override func received(_ bytes: UnsafeRawBufferPointer) {
    consume(bytes.count)
    guard !isRefused else { return }
    input += bytes
    guard input.count >= Self.framingBytes else { return }
    if length > connection.limits.ownMessageBytes {
      refuse(
        .resourceExhausted,
        "The message is larger than \(connection.limits.ownMessageBytes) bytes")
    } else if input[0] == 1 {
      refuse(.unimplemented, "Compressed messages are not taken here", acceptEncoding: true)
    } else if input[0] != 0 {
      refuse(.internalError, "The message's first byte is neither 0 nor 1")
    } else if input.count > Self.framingBytes + length {
      refuse(.internalError, "The method takes one message")
    }
  }

  override func inputEnded(_ trailers: HeaderBlock?) {
    guard !isRefused else { return }
    guard input.count >= Self.framingBytes, input.count == Self.framingBytes + length else {
      return refuse(.internalError, "The request ended before its message was complete")
    }
    let message = input[Self.framingBytes...]
    input = []
    answer(message)
  }

  private func refuse(_ status: GRPCStatus, _ text: String, acceptEncoding: Bool = false) {
    isRefused = true
    input = []
    end(status, text, acceptEncoding: acceptEncoding)
  }
}
