/// How a control request is answered: once, as a whole or as a stream. All methods are for any
/// thread and do not wait. Whoever lets go of it without an answer leaves the client with 500.
public protocol ControlReply: AnyObject, Sendable {
  /// The whole answer. To HEAD it goes out without the body.
  /// - Parameters:
  ///   - status: 200 to 599.
  ///   - fields: beside Date, Content-Type, Content-Length and Connection, which are written already.
  ///   - contentType: empty: the answer has none.
  func answer(
    _ status: Int, fields: [(name: String, value: String)], contentType: String, body: [UInt8])

  /// Begins an answer without a declared length. Where as many streams are open as may
  /// (`AgentsLimits.controlStreams`) the client gets 503 instead and `write` says false.
  func beginStream(_ status: Int, fields: [(name: String, value: String)], contentType: String)

  /// Adds to the stream.
  /// - Returns: false: the reader is gone, or more than `AgentsLimits.controlStreamBacklog` bytes
  ///   waited for it and it was cut off; nothing more is taken.
  func write(_ bytes: [UInt8]) -> Bool

  /// The stream is complete.
  func end()
}

extension ControlReply {
  public func answer(_ status: Int, contentType: String = "application/json", body: [UInt8]) {
    answer(status, fields: [], contentType: contentType, body: body)
  }
}
