import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// The request on its way to the agent.
extension ClientConnection {
  func sendRequest() -> Bool {
    guard let upstream, let buffer = toUpstream, upstream.canWrite, !exchange.upstreamDeaf,
      !buffer.isEmpty
    else { return false }
    var moved = false
    while !buffer.isEmpty, upstream.canWrite {
      switch upstream.transmit(buffer.readable) {
      case .moved(let count):
        if count < buffer.count { upstream.writeBlocked() }
        if exchange.sentAt == 0 { exchange.sentAt = loop.moment }
        exchange.isHandedOver = true
        if exchange.keepsRequest { buffer.advance(count) } else { buffer.consume(count) }
        lastMoved = loop.now
        moved = true
      case .wouldBlock, .ended: upstream.writeBlocked()
      case .failed:
        // It may have answered before it closed: whatever is there is read.
        exchange.upstreamDeaf = true
        upstream.canRead = true
        return true
      }
    }
    dropSent(buffer)
    return moved
  }

  /// Gives the buffer back when nothing in it is to be sent, now or again.
  private func dropSent(_ buffer: ByteBuffer) {
    if buffer.isEmpty, !exchange.keepsRequest { dropToUpstream() }
  }

  func dropToUpstream() {
    guard let buffer = toUpstream else { return }
    toUpstream = nil
    loop.buffers.give(buffer)
  }

  /// Moves what there is of the request's body into `toUpstream`, framed for the agent.
  func pullBody() -> Bool {
    guard !body.isDone, upstream != nil, !exchange.upstreamDeaf else { return false }
    var moved = false
    while !body.isDone {
      guard hasRoomForBody() else { break }
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
        if exchange.hasResponse {
          ended(HTTP1End(error))
          shut()
        } else {
          refuse(error)
        }
        return true
      }
    }
    dropInputIfEmpty()
    return moved
  }

  /// Whether more of the body can be put into `toUpstream`.
  private func hasRoomForBody() -> Bool {
    guard let buffer = toUpstream else { return true }
    if exchange.keepsRequest, exchange.isHandedOver {
      guard upstream?.hasBegun ?? false else { return hasRoomToKeep(buffer) }
      forgetRequest()
    }
    return buffer.isEmpty || !isEnough(buffer)
  }

  /// The agent has not begun: what was sent stays where it is, as far as that may be.
  private func hasRoomToKeep(_ buffer: ByteBuffer) -> Bool {
    if buffer.room >= Self.pieceRoom { return true }
    let most = exchange.headEnd + loop.limits.keptBodyBytes
    guard buffer.isEmpty, buffer.capacity < most else { return false }
    buffer.grow(to: most)
    return true
  }

  /// - Returns: false when the decoder needs more input.
  func forwardPiece(of source: ByteBuffer) throws(HTTPProblem) -> Bool {
    if passRequest(source) { return true }
    let isChunked = body.remaining == nil
    let out = toUpstream ?? loop.buffers.take()
    toUpstream = out
    let bytes = source.readable
    let step = try body.decode(
      bytes, most: out.room - Self.chunkOverhead, limits: loop.limits)
    guard step.consumed > 0 else {
      dropSent(out)
      return false
    }
    let data = UnsafeRawBufferPointer(rebasing: bytes[step.data])
    if isChunked {
      Self.writeChunk(data, into: out)
      if body.isDone {
        // ASGI has no place for a request's trailers, and a server that takes them for fields of the
        // head would let a client add to it behind every proxy's back.
        let trailers = UnsafeRawBufferPointer(rebasing: bytes[step.trailers])
        try loop.trailerLines.parse(trailers, from: 0)
        out.append("0\r\n\r\n")
      }
    } else {
      out.append(data)
    }
    source.consume(step.consumed)
    if !data.isEmpty { exchange.awaitsContinue = false }
    dropSent(out)
    return true
  }

  /// What is all body, of a known length, goes on as it is: the buffer changes hands.
  private func passRequest(_ source: ByteBuffer) -> Bool {
    guard !exchange.keepsRequest, toUpstream?.isEmpty ?? true, body.isData(source.count) else {
      return false
    }
    dropToUpstream()
    toUpstream = source
    input = nil
    body.pass(source.count)
    exchange.awaitsContinue = false
    return true
  }

  /// Nothing more is put into the buffer before it was written.
  func isEnough(_ buffer: ByteBuffer) -> Bool {
    buffer.room < Self.pieceRoom || buffer.count >= loop.limits.bufferBytes
  }

  static func writeChunk(_ data: UnsafeRawBufferPointer, into out: ByteBuffer) {
    guard !data.isEmpty else { return }
    out.append(hexadecimal: data.count)
    out.append("\r\n")
    out.append(data)
    out.append("\r\n")
  }
}
