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
  func admits(_ published: Published) -> Bool {
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

  func attach(_ connection: UpstreamConnection) {
    upstream = connection
    connection.client = self
    exchange.connectDeadline = 0
  }

  func connect() {
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
  func waitFor() {
    let idle = loop.shared.options.bodyIdleTimeout.nanoseconds
    if upstream == nil, !exchange.responseDone { return }
    if output != nil || waitsForBody || waitsForAgentToRead {
      setDeadline(lastMoved + idle)
    } else if hungUp {
      // Who reads events and hangs up is gone; anyone else may have only finished sending.
      if exchange.isEventStream { return gone() }
      setDeadline(max(hungUpAt, lastMoved) + loop.limits.halfClosedPatience.nanoseconds)
    } else {
      setDeadline(Pollable.never)
    }
  }

  var waitsForBody: Bool {
    !body.isDone && toUpstream == nil && !exchange.awaitsContinue && !exchange.upstreamDeaf
  }

  /// The agent does not take the request, and has not answered. Once it has, it need not.
  var waitsForAgentToRead: Bool {
    guard let toUpstream, !toUpstream.isEmpty else { return false }
    return upstream != nil && !exchange.hasResponse && !exchange.upstreamDeaf
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
    } else if waitsForAgentToRead {
      guard loop.now - lastMoved >= idle else { return }
      exchange.closesAfter = true
      fail(504, "The agent stopped reading the request")
    } else if hungUp,
      loop.now - max(hungUpAt, lastMoved) >= loop.limits.halfClosedPatience.nanoseconds
    {
      gone()
    }
  }
}
