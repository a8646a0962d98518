import Lifecycle

/// A call that ends with a status and nothing else (trailers-only: one HEADERS frame).
class GRPCAnswer: HTTP2Stream {
  private let status: GRPCStatus
  private let text: String

  init(connection: HTTP2ClientConnection, id: Int32, _ status: GRPCStatus, _ text: String) {
    self.status = status
    self.text = text
    super.init(connection: connection, id: id)
  }

  override func begin(_ head: HeaderBlock) { end(status, text) }

  override func received(_ bytes: UnsafeRawBufferPointer) { consume(bytes.count) }
}

extension HTTP2Stream {
  /// Ends a call with a status of ours: as trailers where the response has begun.
  func end(_ status: GRPCStatus, _ text: String, acceptEncoding: Bool = false) {
    guard !isClosed, !hasOutputEnded else { return }
    loop.counters.call(status)
    if hasHead {
      let trailers = loop.http2.takeBlock()
      write(status, text, into: trailers)
      endOutput(trailers)
    } else {
      loop.counters.request(.a2a, status: 200)
      let answer = loop.http2.answer
      answer.clear()
      answer.add(":status", "200")
      answer.add("content-type", "application/grpc")
      if acceptEncoding { answer.add("grpc-accept-encoding", "identity") }
      write(status, text, into: answer)
      sendHead(answer, ends: true)
    }
  }

  private func write(_ status: GRPCStatus, _ text: String, into block: HeaderBlock) {
    block.add("grpc-status", decimal: status.rawValue)
    if !text.isEmpty { block.add("grpc-message", GRPCMessage.encode(text)) }
  }

  /// The head of a response whose messages are ours.
  func beginMessages() {
    loop.counters.request(.a2a, status: 200)
    let answer = loop.http2.answer
    answer.clear()
    answer.add(":status", "200")
    answer.add("content-type", "application/grpc")
    sendHead(answer, ends: false)
  }
}
