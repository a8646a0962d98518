import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// The agent's response on its way to the client.
extension ClientConnection {
  func pullResponse() -> Bool {
    guard let upstream, !exchange.responseDone else { return false }
    var moved = false
    while !exchange.responseDone, phase == .proxying {
      if let output, isEnough(output) { break }
      do {
        if let source = upstream.input, !source.isEmpty, try forwardResponse(source, upstream) {
          moved = true
          continue
        }
      } catch {
        fail(502, "The agent's response is not valid HTTP")
        return true
      }
      guard !exchange.responseDone, phase == .proxying else { break }
      switch upstream.read() {
      case .moved:
        moved = true
        if !upstream.hasHead { exchange.heardAt = loop.moment }
        if !exchange.heardUpstream { heard(upstream) }
      case .wouldBlock: return moved
      case .ended, .failed:
        upstreamEnded(upstream)
        return true
      }
    }
    return moved
  }

  /// The first byte of a response: from here on the request is not sent again.
  func heard(_ upstream: UpstreamConnection) {
    exchange.heardUpstream = true
    // A handshake may be refused by the server in front of the agent's code, which alone marks.
    if !exchange.asksForWebSocket { upstream.answers() }
    guard exchange.keepsRequest else { return }
    exchange.keepsRequest = false
    exchange.isRepeatable = false
    if toUpstream?.isEmpty ?? false { dropToUpstream() }
  }

  /// - Returns: false when more bytes are needed.
  func forwardResponse(
    _ source: ByteBuffer, _ upstream: UpstreamConnection
  ) throws(HTTPProblem) -> Bool {
    guard upstream.hasHead else {
      let progress = try upstream.scanner.scan(source.readable, limits: loop.limits)
      guard case .complete(let length) = progress else { return false }
      let head = UnsafeRawBufferPointer(rebasing: source.readable[..<length])
      try loop.responseHead.parse(head, toHEAD: exchange.method == .head)
      // The bytes stay where they are. Afterwards it would be too late: a response without a body
      // ends here, and its buffer is somebody else's.
      source.consume(length)
      try responseBegins(head, upstream)
      return true
    }
    if output == nil, exchange.responseFraming != .chunked, upstream.body.isData(source.count) {
      // The buffer changes hands.
      output = source
      upstream.input = nil
      upstream.body.pass(source.count)
      if upstream.body.isDone { responseEnds(upstream) }
      return true
    }
    let out = outputBuffer()
    let bytes = source.readable
    let step = try upstream.body.decode(
      bytes, most: out.room - Self.chunkOverhead, limits: loop.limits)
    guard step.consumed > 0 else {
      if out.isEmpty { dropOutput() }
      return false
    }
    let data = UnsafeRawBufferPointer(rebasing: bytes[step.data])
    if exchange.responseFraming == .chunked {
      Self.writeChunk(data, into: out)
      if upstream.body.isDone {
        try writeLastChunk(UnsafeRawBufferPointer(rebasing: bytes[step.trailers]), into: out)
      }
    } else {
      out.append(data)
    }
    if out.isEmpty { dropOutput() }
    source.consume(step.consumed)
    if upstream.body.isDone { responseEnds(upstream) } else { upstream.dropInputIfEmpty() }
    return true
  }

  /// A response's trailers go on as far as they cannot change what its head said.
  func writeLastChunk(
    _ trailers: UnsafeRawBufferPointer, into out: ByteBuffer
  ) throws(HTTPProblem) {
    out.append("0\r\n")
    if trailers.count > 2 {
      try loop.trailerLines.parse(trailers, from: 0)
      for field in loop.trailerLines.fields
      where TrailerFields.mayPass(field, trailers) {
        out.append(field.nameBytes(trailers))
        out.append(": ")
        out.append(field.valueBytes(trailers))
        out.append("\r\n")
      }
    }
    out.append("\r\n")
  }

  func dropOutput() {
    guard let buffer = output else { return }
    output = nil
    loop.buffers.give(buffer)
  }

  func responseBegins(
    _ head: UnsafeRawBufferPointer, _ upstream: UpstreamConnection
  ) throws(HTTPProblem) {
    let response = loop.responseHead
    if response.isInterim {
      if response.status == 101 { return try switchesProtocol(head, upstream) }
      exchange.interimResponses += 1
      guard exchange.interimResponses <= loop.limits.interimResponses else {
        throw .bad("interim responses without end")
      }
      upstream.scanner = HeadScanner()
      if response.status == 100 {
        exchange.awaitsContinue = false
        lastMoved = loop.now
      }
      guard exchange.isHTTP11 else { return }
      writeResponseHead(response, head)
      outputBuffer().append("\r\n")
      return
    }
    upstream.hasHead = true
    upstream.keepAlive =
      response.keepAlive && response.framing != .untilClose && !response.promisesMore
    upstream.isBodiless = response.framing == .none
    upstream.body = BodyDecoder(response.framing)
    exchange.status = response.status
    exchange.hasResponse = true
    exchange.isEventStream = response.isEventStream
    switch response.framing {
    case .none, .length: exchange.responseFraming = response.framing
    case .chunked, .untilClose:
      exchange.responseFraming = exchange.isHTTP11 ? .chunked : .untilClose
    }
    if exchange.responseFraming == .untilClose { exchange.closesAfter = true }
    // A client that was never told to go on does not send its body any more.
    if exchange.awaitsContinue { exchange.closesAfter = true }
    if loop.state().gate.isDraining { exchange.closesAfter = true }
    writeResponseHead(response, head)
    let out = outputBuffer()
    if exchange.responseFraming == .chunked {
      out.append("Transfer-Encoding: chunked\r\n")
    } else if let length = response.declaredLength, response.status != 204 {
      out.append("Content-Length: ")
      out.append(decimal: length)
      out.append("\r\n")
    }
    if !response.hasDate {
      out.append("Date: ")
      out.append(loop.dates.now())
      out.append("\r\n")
    }
    if loop.shared.options.timingHeader { writeTiming(out) }
    if exchange.closesAfter {
      out.append("Connection: close\r\n")
    } else if response.status == 426, response.namesWebSocket {
      // RFC 9110 section 15.5.22: with what the client may ask for.
      out.append(ForwardedHead.webSocket)
    } else if !exchange.isHTTP11 {
      out.append("Connection: keep-alive\r\n")
    }
    out.append("\r\n")
    if upstream.body.isDone { responseEnds(upstream) }
  }

  /// Status line and end-to-end fields.
  func writeResponseHead(_ response: ResponseHead, _ head: UnsafeRawBufferPointer) {
    let out = outputBuffer()
    out.append("HTTP/1.1 ")
    out.append(decimal: Int64(response.status))
    out.append(" ")
    out.append(UnsafeRawBufferPointer(rebasing: head[response.reasonRange]))
    out.append("\r\n")
    for field in response.lines.fields {
      if field.name.isHopByHop || field.name == .contentLength { continue }
      if response.lines.isNamedByConnection(field, head) { continue }
      out.append(field.nameBytes(head))
      out.append(": ")
      out.append(field.valueBytes(head))
      out.append("\r\n")
    }
  }

  /// The whole response was read; the agent's connection is free for another request, unless
  /// something is still under way on it.
  func responseEnds(_ upstream: UpstreamConnection) {
    exchange.responseDone = true
    let isClean =
      upstream.keepAlive && body.isDone && toUpstream?.isEmpty ?? true
      && upstream.input?.isEmpty ?? true && !upstream.hungUp && !exchange.upstreamDeaf
    self.upstream = nil
    dropToUpstream()
    if isClean { upstream.backend.upstreams.give(upstream) } else { upstream.shut() }
  }
}
