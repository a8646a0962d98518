/// The HTTP/2 stream under a `StreamConnection`. Confined to the loop's thread.
///
/// None of the calls may call back into the connection: what follows from them comes in a later turn.
protocol StreamTransport: AnyObject {
  /// A response's head, interim ones too.
  /// - Parameters:
  ///   - response: parsed over `head`, valid during the call.
  ///   - ends: no body follows.
  func sendHead(_ response: ResponseHead, _ head: UnsafeRawBufferPointer, ends: Bool)
  /// `takeBody` has something to give, or says that the body has ended.
  func bodyWaits()
  /// From within the `takeBody` that ends the body: these follow it.
  func sendTrailers(_ lines: FieldLines, _ trailers: UnsafeRawBufferPointer)
  /// Bytes of the request's body went on: the peer may send as many more.
  func consumed(_ count: Int)
  /// Nothing more comes from the connection and it is done with; called once. What was not whole
  /// is reset.
  func exchangeEnded(response: MessageEnd, request: MessageEnd)
}

/// How far a message got.
enum MessageEnd {
  case whole, cut
}

/// One field of a header block.
struct HeaderField {
  let name: UnsafeRawBufferPointer
  let value: UnsafeRawBufferPointer
}
