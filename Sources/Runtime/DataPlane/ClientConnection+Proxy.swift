import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// The exchange with the agent: the request streams up, the response streams down, and neither
/// side is read faster than the other takes it.
extension ClientConnection {
  /// What must be free in a buffer before more is put into it: a piece of body and its chunk's
  /// framing.
  static let pieceRoom = 2048
  /// Size line and line ends of one chunk, of the last chunk too.
  static let chunkOverhead = 32

  /// Begins the exchange; the head is written anew for the agent.
  func proxy(
    _ head: UnsafeRawBufferPointer, from offset: Int, query: UnsafeRawBufferPointer,
    underBase: Bool
  ) {
    guard admits(loop.state()) else { return }
    count()
    // Only a request that has been counted can rely on the gate: it may have closed meanwhile.
    guard admits(loop.state()) else { return }
    let request = loop.requestHead
    exchange.awaitsContinue = request.expectsContinue
    let out = loop.buffers.take()
    let prefix = underBase ? loop.shared.options.basePath : ""
    let identifier = knownRequestID()
    let peer = knownPeer()
    path.withUnsafeBytes {
      ForwardedHead.write(
        request, head, path: UnsafeRawBufferPointer(rebasing: $0[offset...]), query: query,
        prefix: prefix, peer: peer, requestID: identifier, identifiers: &loop.identifiers,
        into: out)
    }
    toUpstream = out
    phase = .proxying
    exchange.connectDeadline =
      loop.now + loop.shared.options.upstreamConnectTimeout.nanoseconds
    if let idle = loop.upstreams.takeIdle() {
      exchange.isRepeatable = exchange.method.isIdempotent && request.framing == .none
      attach(idle)
    } else {
      connect()
    }
  }

  /// Whether the agent may be asked; if not, the answer is written, and the request does not count.
  private func admits(_ published: Published) -> Bool {
    exchange.closesAfter = exchange.closesAfter || published.gate.isDraining
    switch published.gate {
    case .ready, .lameDuck:
      if published.hasUpstream { return true }
      uncount()
      answerError(404, "The package has nothing that serves this path")
    case .booting, .restarting:
      uncount()
      answerNotReady(published)
    case .closing:
      uncount()
      answerError(503, "The agent is stopping and takes no new requests")
    }
    return false
  }

  private func attach(_ connection: UpstreamConnection) {
    upstream = connection
    connection.client = self
    exchange.connectDeadline = 0
  }

  private func connect() {
    switch loop.upstreams.connect(loop) {
    case .connected(let connection): attach(connection)
    case .busy: setDeadline(loop.now + loop.limits.connectRetry.nanoseconds)
    case .failed(let number):
      switch number {
      case EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC:
        fail(503, "No connection to the agent can be opened: \(String(cString: strerror(number)))")
      default:
        upstreamGone("The agent cannot be reached: nothing listens on its socket")
      }
    }
  }

  // MARK: Moving bytes

  /// - Returns: whether to go on: bytes were moved, or the exchange is over.
  func advanceProxy() -> Bool {
    var moved = sendRequest()
    if phase == .proxying { moved = pullBody() || moved }
    if phase == .proxying { moved = sendRequest() || moved }
    if phase == .proxying { moved = pullResponse() || moved }
    guard phase == .proxying else { return phase != .closed }
    let hadOutput = output != nil
    switch flush() {
    case .failed:
      gone()
      return false
    case .waiting: break
    case .empty:
      if exchange.responseDone {
        dropUpstream()
        responseFinished()
        return phase == .head
      }
      // There is room for what was left unread.
      moved = moved || hadOutput
    }
    if !moved { waitFor() }
    return moved
  }

  /// Sets the deadline of what the exchange waits for; a response may take as long as it likes.
  private func waitFor() {
    let idle = loop.shared.options.bodyIdleTimeout.nanoseconds
    if upstream == nil, !exchange.responseDone { return }
    if output != nil {
      setDeadline(lastMoved + idle)
    } else if waitsForBody {
      setDeadline(lastMoved + idle)
    } else if hungUp {
      // Who reads events and hangs up is gone; anyone else may have only finished sending.
      if exchange.isEventStream { return gone() }
      setDeadline(max(hungUpAt, lastMoved) + loop.limits.halfClosedPatience.nanoseconds)
    } else {
      setDeadline(Pollable.never)
    }
  }

  private var waitsForBody: Bool {
    !body.isDone && toUpstream == nil && !exchange.awaitsContinue && !exchange.upstreamDeaf
  }

  func expiredProxy() {
    let idle = loop.shared.options.bodyIdleTimeout.nanoseconds
    if upstream == nil, !exchange.responseDone {
      guard loop.now < exchange.connectDeadline else {
        return fail(504, "The agent did not accept a connection in time")
      }
      return connect()
    }
    if output != nil {
      if loop.now - lastMoved >= idle { gone() }
    } else if waitsForBody {
      guard loop.now - lastMoved >= idle else { return }
      guard !exchange.hasResponse else { return shut() }
      dropUpstream()
      exchange.closesAfter = true
      answerError(408, "The request's body stopped arriving")
    } else if hungUp,
      loop.now - max(hungUpAt, lastMoved) >= loop.limits.halfClosedPatience.nanoseconds
    {
      gone()
    }
  }

  private func sendRequest() -> Bool {
    guard let upstream, let buffer = toUpstream, upstream.canWrite, !exchange.upstreamDeaf,
      !buffer.isEmpty
    else { return false }
    var moved = false
    while !buffer.isEmpty, upstream.canWrite {
      switch upstream.transmit(buffer.readable) {
      case .moved(let count):
        if count < buffer.count { upstream.writeBlocked() }
        if exchange.isRepeatable { buffer.advance(count) } else { buffer.consume(count) }
        moved = true
      case .wouldBlock, .ended: upstream.writeBlocked()
      case .failed:
        // It may have answered before it closed: whatever is there is read.
        exchange.upstreamDeaf = true
        upstream.canRead = true
        return true
      }
    }
    if buffer.isEmpty, !exchange.isRepeatable { dropToUpstream() }
    return moved
  }

  private func dropToUpstream() {
    guard let buffer = toUpstream else { return }
    toUpstream = nil
    loop.buffers.give(buffer)
  }

  /// Moves what there is of the request's body into `toUpstream`, framed for the agent.
  private func pullBody() -> Bool {
    guard !body.isDone, upstream != nil, !exchange.upstreamDeaf else { return false }
    var moved = false
    while !body.isDone {
      if let waiting = toUpstream, waiting.room < Self.pieceRoom { break }
      if input?.isEmpty ?? true {
        switch readInput() {
        case .moved: break
        case .wouldBlock: return moved
        case .ended:
          // The request will never be complete.
          gone()
          return true
        }
      }
      guard let source = input else { return moved }
      do {
        guard try forwardPiece(of: source) else {
          // The framing goes on in bytes that have not arrived.
          switch readInput() {
          case .moved: continue
          case .wouldBlock: return moved
          case .ended:
            gone()
            return true
          }
        }
        moved = true
      } catch {
        dropUpstream()
        if exchange.hasResponse { shut() } else { refuse(error) }
        return true
      }
    }
    dropInputIfEmpty()
    return moved
  }

  /// - Returns: false when the decoder needs more input.
  private func forwardPiece(of source: ByteBuffer) throws(HTTPProblem) -> Bool {
    let isChunked = body.remaining == nil
    let out = toUpstream ?? loop.buffers.take()
    toUpstream = out
    let bytes = source.readable
    let step = try body.decode(
      bytes, most: out.room - Self.chunkOverhead, limits: loop.limits)
    guard step.consumed > 0 else {
      if out.isEmpty { dropToUpstream() }
      return false
    }
    let data = UnsafeRawBufferPointer(rebasing: bytes[step.data])
    if isChunked {
      Self.writeChunk(data, into: out)
      if body.isDone {
        try writeLastChunk(UnsafeRawBufferPointer(rebasing: bytes[step.trailers]), into: out)
      }
    } else {
      out.append(data)
    }
    source.consume(step.consumed)
    if !data.isEmpty { exchange.awaitsContinue = false }
    if out.isEmpty { dropToUpstream() }
    return true
  }

  private static func writeChunk(_ data: UnsafeRawBufferPointer, into out: ByteBuffer) {
    guard !data.isEmpty else { return }
    out.append(hexadecimal: data.count)
    out.append("\r\n")
    out.append(data)
    out.append("\r\n")
  }

  /// Trailers go on as far as they cannot change what the head said (RFC 9110 section 6.5.1).
  private func writeLastChunk(
    _ trailers: UnsafeRawBufferPointer, into out: ByteBuffer
  ) throws(HTTPProblem) {
    out.append("0\r\n")
    if trailers.count > 2 {
      try loop.trailerLines.parse(trailers, from: 0)
      for field in loop.trailerLines.fields
      where field.name == .other || field.name == .serverTiming {
        out.append(field.nameBytes(trailers))
        out.append(": ")
        out.append(field.valueBytes(trailers))
        out.append("\r\n")
      }
    }
    out.append("\r\n")
  }

  // MARK: The response

  private func pullResponse() -> Bool {
    guard let upstream, !exchange.responseDone else { return false }
    var moved = false
    while !exchange.responseDone, phase == .proxying {
      if let output, output.room < Self.pieceRoom { break }
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
        if !exchange.heardUpstream { heard() }
      case .wouldBlock: return moved
      case .ended, .failed:
        upstreamEnded(upstream)
        return true
      }
    }
    return moved
  }

  /// The first byte of a response: from here on the request is not sent again.
  private func heard() {
    exchange.heardUpstream = true
    guard exchange.isRepeatable else { return }
    exchange.isRepeatable = false
    if toUpstream?.isEmpty ?? false { dropToUpstream() }
  }

  /// - Returns: false when more bytes are needed.
  private func forwardResponse(
    _ source: ByteBuffer, _ upstream: UpstreamConnection
  ) throws(HTTPProblem) -> Bool {
    guard upstream.hasHead else {
      let progress = try upstream.scanner.scan(source.readable, limits: loop.limits)
      guard case .complete(let length) = progress else { return false }
      let head = UnsafeRawBufferPointer(rebasing: source.readable[..<length])
      try loop.responseHead.parse(head, toHEAD: exchange.method == .head)
      try responseBegins(head, upstream)
      source.consume(length)
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

  private func dropOutput() {
    guard let buffer = output else { return }
    output = nil
    loop.buffers.give(buffer)
  }

  private func responseBegins(
    _ head: UnsafeRawBufferPointer, _ upstream: UpstreamConnection
  ) throws(HTTPProblem) {
    let response = loop.responseHead
    if response.isInterim {
      // The protocol was not asked to be switched.
      guard response.status != 101 else { throw .bad("101 without an upgrade") }
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
    upstream.keepAlive = response.keepAlive && response.framing != .untilClose
    upstream.body = BodyDecoder(response.framing)
    exchange.status = response.status
    exchange.hasResponse = true
    exchange.isEventStream = response.isEventStream
    exchange.isStream =
      response.isEventStream || response.framing == .chunked || response.framing == .untilClose
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
    } else if !exchange.isHTTP11 {
      out.append("Connection: keep-alive\r\n")
    }
    out.append("\r\n")
    if upstream.body.isDone { responseEnds(upstream) }
  }

  /// Status line and end-to-end fields.
  private func writeResponseHead(_ response: ResponseHead, _ head: UnsafeRawBufferPointer) {
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

  /// Milliseconds with three digits.
  private func writeTiming(_ out: ByteBuffer) {
    let microseconds = max(0, par_monotonic_ns() - exchange.started) / 1000
    out.append("Server-Timing: par;dur=")
    out.append(decimal: microseconds / 1000)
    out.append(".")
    let fraction = microseconds % 1000
    out.append(Byte.zero &+ UInt8(truncatingIfNeeded: fraction / 100))
    out.append(Byte.zero &+ UInt8(truncatingIfNeeded: fraction / 10 % 10))
    out.append(Byte.zero &+ UInt8(truncatingIfNeeded: fraction % 10))
    out.append("\r\n")
  }

  /// The whole response was read; the agent's connection is free for another request, unless
  /// something is still under way on it.
  private func responseEnds(_ upstream: UpstreamConnection) {
    exchange.responseDone = true
    let isClean =
      upstream.keepAlive && body.isDone && toUpstream?.isEmpty ?? true
      && upstream.input?.isEmpty ?? true && !upstream.hungUp && !exchange.upstreamDeaf
    self.upstream = nil
    dropToUpstream()
    if isClean { loop.upstreams.give(upstream) } else { upstream.shut() }
  }

  // MARK: The ends that are not good

  private func upstreamEnded(_ upstream: UpstreamConnection) {
    if upstream.hasHead, upstream.body.endsWithInput {
      if exchange.responseFraming == .chunked { outputBuffer().append("0\r\n\r\n") }
      return responseEnds(upstream)
    }
    if exchange.isRepeatable, !exchange.heardUpstream, upstream.wasUsed {
      self.upstream = nil
      upstream.shut()
      exchange.isRepeatable = false
      exchange.upstreamDeaf = false
      toUpstream?.rewind()
      loop.counters.repeats.bump(1)
      exchange.connectDeadline =
        loop.now + loop.shared.options.upstreamConnectTimeout.nanoseconds
      return connect()
    }
    upstreamGone("The agent ended the connection before its response was complete")
  }

  /// The agent is gone, found out by this exchange alone.
  private func upstreamGone(_ text: String) {
    let started = exchange.started
    let request = aborted()
    loop.shared.losses.add(request, started: started, at: loop.now)
    markAborted()
    fail(502, text)
  }

  /// Answers with an error; a response that has begun is cut instead.
  private func fail(_ status: Int, _ text: String) {
    dropUpstream()
    if exchange.hasResponse { return cutResponse() }
    // Interim responses may wait there, whole.
    answerError(status, text)
  }

  /// Ends the connection in a way that the client can tell from a complete response.
  private func cutResponse() {
    if exchange.responseFraming == .untilClose {
      // Only a reset says that something is missing.
      var option = linger_option(l_onoff: 1, l_linger: 0)
      setsockopt(
        descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger_option>.size))
    } else {
      // What came so far is the client's.
      _ = flush()
    }
    shut()
  }

  func dropUpstream() {
    dropToUpstream()
    guard let connection = upstream else { return }
    upstream = nil
    connection.shut()
  }

  private func aborted() -> AbortedRequest {
    AbortedRequest(
      method: methodText, route: String(decoding: path, as: UTF8.self),
      ageMilliseconds: max(0, par_monotonic_ns() - exchange.started) / 1_000_000,
      requestID: String(decoding: knownRequestID(), as: UTF8.self),
      surface: exchange.surface.name.description)
  }

  private func markAborted() {
    guard !exchange.isAborted else { return }
    exchange.isAborted = true
    loop.shared.aborted.add(1, ordering: .relaxed)
  }

  /// Ends what the main thread wants ended.
  /// - Returns: nil when that does not concern this connection.
  func cut(_ reason: CutReason) -> (started: Int64, request: AbortedRequest)? {
    guard exchange.isCounted, phase != .closed, phase != .lingering else { return nil }
    switch reason {
    case .upstreamLost:
      // A response that was read whole is delivered.
      guard phase == .proxying, !exchange.responseDone else { return nil }
    case .streams:
      guard phase == .proxying, exchange.hasResponse, exchange.isStream, !exchange.responseDone
      else { return nil }
    case .all: break
    }
    let started = exchange.started
    let wasAborted = exchange.isAborted
    let request = aborted()
    markAborted()
    if phase == .proxying, !exchange.hasResponse {
      exchange.closesAfter = exchange.closesAfter || reason == .all
      if reason == .upstreamLost {
        fail(502, "The agent ended before it answered")
      } else {
        fail(503, "The agent is stopping and the request was cut off")
      }
      advance()
    } else {
      dropUpstream()
      cutResponse()
    }
    return wasAborted ? nil : (started, request)
  }
}

private typealias linger_option = linger
