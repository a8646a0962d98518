import CNghttp2

/// A stream of the REST or UI port that is no gRPC call: its request is served by a
/// `StreamConnection`, and so like one of HTTP/1.1.
final class HTTP2RESTStream: HTTP2Stream {
  private var exchange: StreamConnection?

  override func begin(_ head: HeaderBlock) {
    let out = loop.buffers.take()
    let method = head.first(.method).map { Method($0) } ?? .other
    if head.isTooLarge {
      let exchange = StreamConnection(
        self, method: method, head: out, hasBody: !isHeadAlone, hasLength: false)
      self.exchange = exchange
      return exchange.refuseHead(
        head.listBytes > connection.limits.headerBytes ? .headTooLarge : .tooManyFields)
    }
    let fields = head.entries.lazy.map { HeaderField(name: head.name($0), value: head.value($0)) }
    do {
      let framing = try RewrittenRequest.write(fields, hasBody: !isHeadAlone, into: out)
      let exchange = StreamConnection(
        self, method: method, head: out, hasBody: !isHeadAlone, hasLength: framing.hasLength)
      self.exchange = exchange
      loop.again(exchange)
    } catch {
      loop.buffers.give(out)
      reset(HTTP2Code.protocolError)
    }
  }

  override func received(_ bytes: UnsafeRawBufferPointer) {
    guard let exchange else { return consume(bytes.count) }
    exchange.arrived(bytes)
  }

  override func inputEnded(_ trailers: HeaderBlock?) {
    // A request's trailers go no further than here: ASGI has no place for them.
    exchange?.requestEnds()
  }

  override func drained(_ count: Int) { exchange?.isWritable() }

  override func closed(_ code: UInt32) {
    exchange?.streamClosed()
    exchange = nil
  }

  override func cut(_ reason: CutReason) -> (started: Int64, request: AbortedRequest)? {
    exchange?.cut(reason)
  }

  // MARK: For the exchange

  /// The frame that ends the response was gathered for writing. Also asked while the stream closes,
  /// and afterwards, when the session knows it no more.
  var hasWrittenEnd: Bool {
    nghttp2_session_get_stream_local_close(connection.session, id) != 0
  }

  /// - Parameters:
  ///   - response: parsed over `head`; interim ones too.
  ///   - ends: no body follows.
  func sendResponse(_ response: ResponseHead, _ head: UnsafeRawBufferPointer, ends: Bool) {
    let block = loop.http2.takeBlock()
    block.add(":status", decimal: response.status)
    write(response.lines, head, into: block)
    if response.isInterim { sendInterim(block) } else { sendHead(block, ends: ends) }
    giveBack(block)
  }

  /// The response is complete.
  func endResponse(_ lines: FieldLines, _ trailers: UnsafeRawBufferPointer) {
    let block = loop.http2.takeBlock()
    write(lines, trailers, into: block)
    endOutput(block)
  }

  /// Names in lower case (RFC 9113 section 8.2.1), without those of a connection of HTTP/1.1.
  private func write(
    _ lines: FieldLines, _ bytes: UnsafeRawBufferPointer, into block: HeaderBlock
  ) {
    for field in lines.fields where !field.name.isHopByHop {
      let name = field.nameBytes(bytes)
      withUnsafeTemporaryAllocation(byteCount: name.count, alignment: 1) { lower in
        for index in 0..<name.count { lower[index] = Byte.lowercase(name[index]) }
        block.add(UnsafeRawBufferPointer(lower), field.valueBytes(bytes))
      }
    }
  }
}

/// One field of a header list.
struct HeaderField {
  let name: UnsafeRawBufferPointer
  let value: UnsafeRawBufferPointer
}
