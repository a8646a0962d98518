import Glibc
import Lifecycle

/// A request that came on an HTTP/2 stream, served by the same code as one on a connection of
/// HTTP/1.1, so that gate, routes, proxy, limits and counts are the same.
///
/// The head stands in `input`, written anew as HTTP/1.1. The body is read from the stream as its
/// consumer asks for it, and only then may the client send more. The response is written to
/// `output` as HTTP/1.1, and from there goes to the stream as far as that has room. So what is kept
/// for a stream is at most its window of the request's body, two buffers of the response, and what
/// `HTTPLimits.keptBodyBytes` keeps of a body that the agent has not begun.
///
/// It has no descriptor, and the stream outlives it: it shuts it before it goes.
final class StreamConnection: ClientConnection {
  private unowned(unsafe) let stream: HTTP2RESTStream

  // Of the request.

  /// What has come of the body and was not read; nil when that is nothing.
  private var arrived: ByteBuffer?
  /// No more comes.
  private var requestEnded: Bool
  /// Without a length the body is framed in chunks.
  private let isChunked: Bool
  /// The last chunk was read.
  private var lastChunkRead = false

  // Of the response.

  /// What follows the head; nil before the final head.
  private var outgoing: BodyDecoder?
  /// The stream has all of it.
  private var responseEnded = false

  /// - Parameters:
  ///   - method: as it stands in the head; an error is answered without a body to HEAD.
  ///   - head: the request's head as HTTP/1.1; taken over.
  ///   - hasBody: the head did not end the stream.
  ///   - hasLength: the head declares the body's length.
  init(
    _ stream: HTTP2RESTStream, method: Method, head: ByteBuffer, hasBody: Bool, hasLength: Bool
  ) {
    self.stream = stream
    requestEnded = !hasBody
    isChunked = hasBody && !hasLength
    let connection = stream.connection
    super.init(descriptor: -1, loop: connection.loop, port: connection.port)
    mayBeHTTP2 = false
    scanner = HeadScanner(ownLines: RewrittenRequest.ownLines)
    peer = connection.knownPeer()
    exchange.method = method
    input = head
    lastMoved = loop.now
  }

  // MARK: What the stream tells

  /// - Parameter data: a piece of the body, in order. The stream's window bounds what waits.
  func arrived(_ data: UnsafeRawBufferPointer) {
    guard phase != .closed, !data.isEmpty else { return stream.consume(data.count) }
    let buffer = arrived ?? loop.buffers.take()
    arrived = buffer
    buffer.append(data)
    isReadable()
  }

  /// The request is complete.
  func requestEnds() {
    requestEnded = true
    isReadable()
  }

  private func isReadable() {
    guard phase != .closed else { return }
    canRead = true
    loop.again(self)
  }

  /// The stream has room again.
  func isWritable() {
    guard phase != .closed else { return }
    lastMoved = loop.now
    canWrite = true
    // When it has all, its end is the next to come.
    if !responseEnded { loop.again(self) }
  }

  /// Nothing goes either way any more.
  func streamClosed() {
    guard phase != .closed else { return }
    if stream.hasWrittenEnd { responseFinished() } else { gone() }
  }

  /// Answers a request of which the head cannot be written anew, because not all of it was kept.
  func refuseHead(_ problem: HTTPProblem) {
    refuse(problem)
    loop.again(self)
  }

  // MARK: The request as HTTP/1.1

  /// Pieces of the body, framed, as much as there is room for.
  override func read(into space: UnsafeMutableRawBufferPointer) -> Transfer {
    var written = 0
    if let buffer = arrived {
      let overhead = isChunked ? Self.chunkOverhead : 0
      let count = min(buffer.count, space.count - overhead)
      if count > 0 {
        if isChunked { written += Self.sizeLine(count, into: space) }
        written += Self.put(
          UnsafeRawBufferPointer(rebasing: buffer.readable[..<count]), into: space, at: written)
        if isChunked { written += Self.put("\r\n", into: space, at: written) }
        buffer.consume(count)
        stream.consume(count)
      }
      if buffer.isEmpty {
        arrived = nil
        loop.buffers.give(buffer)
      }
    }
    if arrived == nil, requestEnded, isChunked, !lastChunkRead,
      space.count - written >= Self.chunkOverhead
    {
      lastChunkRead = true
      written += Self.put("0\r\n\r\n", into: space, at: written)
    }
    canRead = arrived != nil || requestEnded && isChunked && !lastChunkRead
    return written > 0 ? .moved(written) : .wouldBlock
  }

  private static func put(
    _ text: StaticString, into space: UnsafeMutableRawBufferPointer, at position: Int
  ) -> Int {
    put(
      UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), into: space,
      at: position)
  }

  private static func put(
    _ bytes: UnsafeRawBufferPointer, into space: UnsafeMutableRawBufferPointer, at position: Int
  ) -> Int {
    UnsafeMutableRawBufferPointer(rebasing: space[position...]).copyMemory(from: bytes)
    return bytes.count
  }

  /// A chunk's size line; shorter than `chunkOverhead` together with the chunk's end.
  private static func sizeLine(_ count: Int, into space: UnsafeMutableRawBufferPointer) -> Int {
    var shift = (Int.bitWidth - 1 - count.leadingZeroBitCount) / 4 * 4
    var position = 0
    while shift >= 0 {
      space[position] = Byte.digit(UInt8(truncatingIfNeeded: count >> shift & 15))
      position += 1
      shift -= 4
    }
    return position + put("\r\n", into: space, at: position)
  }

  // MARK: The response from HTTP/1.1

  override func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    guard outgoing != nil else { return sendHead(bytes) }
    // Nothing follows what ends a response, and what did would go nowhere.
    if responseEnded { return .moved(bytes.count) }
    var consumed = 0
    while consumed < bytes.count, !responseEnded {
      let room = min(stream.room, loop.limits.bufferBytes - stream.outgoingBytes)
      let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
      // Framing alone needs no room.
      guard let step = try? outgoing?.decode(rest, most: room, limits: loop.limits) else {
        return .failed(EPROTO)
      }
      guard step.consumed > 0 else { break }
      stream.send(UnsafeRawBufferPointer(rebasing: rest[step.data]))
      consumed += step.consumed
      if outgoing?.isDone ?? true {
        endResponse(UnsafeRawBufferPointer(rebasing: rest[step.trailers]))
      }
    }
    guard consumed > 0 else {
      canWrite = false
      return .wouldBlock
    }
    return .moved(consumed)
  }

  /// The head that `bytes` begins with. It is there as a whole: it was written at once.
  private func sendHead(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    var scanner = HeadScanner()
    guard case .complete(let length)? = try? scanner.scan(bytes, limits: Self.ownHeads) else {
      return .failed(EPROTO)
    }
    let head = UnsafeRawBufferPointer(rebasing: bytes[..<length])
    guard (try? loop.responseHead.parse(head, toHEAD: exchange.method == .head)) != nil else {
      return .failed(EPROTO)
    }
    let response = loop.responseHead
    if response.isInterim {
      stream.sendResponse(response, head, ends: false)
    } else {
      let body = BodyDecoder(response.framing)
      outgoing = body
      responseEnded = body.isDone
      stream.sendResponse(response, head, ends: body.isDone)
    }
    return .moved(length)
  }

  /// Heads that the program writes: what it took of the agent's, and its own fields.
  private static let ownHeads = {
    var limits = HTTPLimits()
    limits.headBytes = .max
    limits.fields = .max - 1
    return limits
  }()

  private func endResponse(_ trailers: UnsafeRawBufferPointer) {
    responseEnded = true
    // More than the empty line.
    if trailers.count > 2, (try? loop.trailerLines.parse(trailers, from: 0)) != nil {
      stream.endResponse(loop.trailerLines, trailers)
    } else {
      stream.endOutput()
    }
  }

  /// Into `output`, from where it goes on like any body.
  override func send(_ part: inout FileBody, most: Int) -> Int {
    let out = outputBuffer()
    let count = pread(
      part.descriptor, out.writable.baseAddress, min(most, out.room), Int(part.offset))
    if count > 0 {
      out.commit(count)
      part.offset += Int64(count)
    }
    return count
  }

  /// What the stream has not written yet is not delivered.
  override var isDelivered: Bool { !stream.hasOutgoing }

  // MARK: Ends

  override func expired() {
    let limit = loop.shared.options.bodyIdleTimeout.nanoseconds
    if phase != .closed, stream.hasOutgoing, loop.now - stream.lastMoved >= limit {
      stream.giveUp()
    } else {
      super.expired()
    }
  }

  /// There is no other request to come.
  override func closeGracefully() { shut() }

  override func closeTransport() {
    loop.deadlines.remove(self)
    deadline = Pollable.never
    if let buffer = arrived {
      stream.consume(buffer.count)
      loop.buffers.give(buffer)
    }
    arrived = nil
    // A client must not take what it has for the whole.
    if !responseEnded || stream.hasOutgoing { stream.reset(HTTP2Code.internalError) }
  }

  /// In flight until the connection has written what it gathered, the last frame among it.
  override func leave() {
    let connection = stream.connection
    if stream.hasWrittenEnd, connection.backlog == nil, !connection.isInside {
      loop.shared.leave()
    } else {
      connection.leaving += 1
      connection.wantsFlush()
    }
  }
}
