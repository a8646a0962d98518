import Glibc

/// A request that came on an HTTP/2 stream, served by the same code as one on a connection of
/// HTTP/1.1, so that gate, routes, proxy, limits and counts are the same.
///
/// The head stands in `input`, written anew as HTTP/1.1. The body is read from the stream as its
/// consumer asks for it. The response is written to `output` as HTTP/1.1; its head is turned into
/// HEADERS at once, its body stays there until the peer's window takes it: so a stream has two
/// buffers at most, beside what of the request's body nobody has read yet.
///
/// It has no descriptor. `StreamTransport` outlives it: it shuts it before it goes.
final class StreamConnection: ClientConnection {
  /// What this exchange came on.
  private unowned(unsafe) let transport: any StreamTransport

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

  /// What follows the head in `output`; nil before the final head.
  private var outgoing: BodyDecoder?
  /// Its last byte was taken by the stream.
  private(set) var responseEnded = false

  /// - Parameters:
  ///   - head: the request's head as HTTP/1.1; taken over.
  ///   - hasBody: the head did not end the stream.
  ///   - hasLength: the head declares the body's length.
  init(
    _ transport: any StreamTransport, head: ByteBuffer, hasBody: Bool, hasLength: Bool,
    peer: Peer, loop: EventLoop, port: Port
  ) {
    self.transport = transport
    requestEnded = !hasBody
    isChunked = hasBody && !hasLength
    super.init(descriptor: -1, loop: loop, port: port)
    self.peer = peer
    input = head
    lastMoved = loop.now
    loop.again(self)
  }

  // MARK: What the stream tells

  /// - Parameter data: a piece of the body, in order. The peer's window bounds what waits.
  func arrived(_ data: UnsafeRawBufferPointer) {
    guard phase != .closed, !data.isEmpty else { return }
    let buffer = arrived ?? loop.buffers.take()
    arrived = buffer
    buffer.reserve(data.count)
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

  /// The client gave the request up, or its connection ended.
  func reset() { gone() }

  /// Moves what there is of the response's body into a DATA frame.
  /// - Returns: bytes written to `space`; 0: there are none now, or none at all (`responseEnded`).
  func takeBody(into space: UnsafeMutableRawBufferPointer) -> Int {
    guard phase != .closed, !responseEnded, let buffer = output, outgoing != nil else { return 0 }
    var taken = 0
    while !buffer.isEmpty, !responseEnded, taken < space.count {
      let bytes = buffer.readable
      guard
        // Our own framing, or one that was written anew: it has no faults.
        let step = try? outgoing?.decode(bytes, most: space.count - taken, limits: loop.limits),
        step.consumed > 0
      else { break }
      let data = UnsafeRawBufferPointer(rebasing: bytes[step.data])
      UnsafeMutableRawBufferPointer(rebasing: space[taken...]).copyMemory(from: data)
      taken += data.count
      if outgoing?.isDone ?? true {
        responseEnded = true
        endResponse(UnsafeRawBufferPointer(rebasing: bytes[step.trailers]))
      }
      buffer.consume(step.consumed)
      wrote(step.consumed)
    }
    canWrite = true
    loop.again(self)
    return taken
  }

  private func endResponse(_ trailers: UnsafeRawBufferPointer) {
    // More than the empty line.
    guard trailers.count > 2,
      (try? loop.trailerLines.parse(trailers, from: 0)) != nil,
      !loop.trailerLines.fields.isEmpty
    else { return }
    transport.sendTrailers(loop.trailerLines, trailers)
  }

  /// Heads that the program writes: what it took of the agent's, and its own fields.
  private static let ownHeads = {
    var limits = HTTPLimits()
    limits.headBytes = .max
    limits.fields = .max - 1
    return limits
  }()

  private static func put(
    _ text: StaticString, into space: UnsafeMutableRawBufferPointer, at position: Int
  ) -> Int {
    UnsafeMutableRawBufferPointer(rebasing: space[position...]).copyMemory(
      from: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    return text.utf8CodeUnitCount
  }

  /// A chunk's size line; shorter than `chunkOverhead` together with the chunk's end.
  private static func sizeLine(
    _ count: Int, into space: UnsafeMutableRawBufferPointer, at start: Int
  ) -> Int {
    var shift = max(0, (Int.bitWidth - 1 - count.leadingZeroBitCount) / 4 * 4)
    var position = start
    while shift >= 0 {
      space[position] = Byte.digit(UInt8(truncatingIfNeeded: count >> shift & 15))
      position += 1
      shift -= 4
    }
    return position - start + put("\r\n", into: space, at: position)
  }

  // MARK: Transport

  override func read(into space: UnsafeMutableRawBufferPointer) -> Transfer {
    var written = 0
    if let buffer = arrived {
      while !buffer.isEmpty {
        let room = space.count - written - (isChunked ? Self.chunkOverhead : 0)
        guard room > 0 else { break }
        let count = min(room, buffer.count)
        let data = UnsafeRawBufferPointer(rebasing: buffer.readable[..<count])
        if isChunked { written += Self.sizeLine(count, into: space, at: written) }
        UnsafeMutableRawBufferPointer(rebasing: space[written...]).copyMemory(from: data)
        written += count
        if isChunked { written += Self.put("\r\n", into: space, at: written) }
        buffer.consume(count)
        transport.consumed(count)
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
      // A request's trailers go no further than here, whatever they are.
      written += Self.put("0\r\n\r\n", into: space, at: written)
    }
    canRead = arrived != nil || requestEnded && isChunked && !lastChunkRead
    return written > 0 ? .moved(written) : .wouldBlock
  }

  /// Sends the head that `bytes` begins with. The body waits there for the stream to take it.
  override func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    guard outgoing == nil else {
      canWrite = false
      transport.bodyWaits()
      return .wouldBlock
    }
    // A head is written whole, by the program itself.
    var scanner = HeadScanner()
    guard case .complete(let length)? = try? scanner.scan(bytes, limits: Self.ownHeads) else {
      return .failed(EPROTO)
    }
    let head = UnsafeRawBufferPointer(rebasing: bytes[..<length])
    guard (try? loop.responseHead.parse(head, toHEAD: exchange.method == .head)) != nil else {
      return .failed(EPROTO)
    }
    if !loop.responseHead.isInterim {
      let body = BodyDecoder(loop.responseHead.framing)
      outgoing = body
      responseEnded = body.isDone
    }
    transport.sendHead(loop.responseHead, head, ends: responseEnded)
    return .moved(length)
  }

  /// Into `output`, from where the stream takes it.
  override func send(_ part: inout FileBody, most: Int) -> Int {
    let out = outputBuffer()
    let count = pread(
      part.descriptor, out.writable.baseAddress, min(most, out.room), Int(part.offset))
    guard count > 0 else { return count }
    out.commit(count)
    part.offset += Int64(count)
    return count
  }

  /// There is no other request to come.
  override func closeGracefully() { shut() }

  override func closeTransport() {
    loop.deadlines.remove(self)
    deadline = Pollable.never
    if let buffer = arrived { loop.buffers.give(buffer) }
    arrived = nil
    transport.exchangeEnded(
      response: responseEnded ? .whole : .cut, request: requestEnded ? .whole : .cut)
  }
}
