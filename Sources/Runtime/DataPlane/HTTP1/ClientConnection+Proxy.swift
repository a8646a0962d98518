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
    guard admits(state()) else { return }
    count()
    // Only a request that has been counted can rely on the gate: it may have closed meanwhile.
    let published = state()
    guard admits(published) else { return }
    let request = loop.requestHead
    exchange.awaitsContinue = request.expectsContinue
    exchange.asksForWebSocket = request.asksForWebSocket
    let out = loop.buffers.take()
    let prefix = underBase ? loop.shared.options.basePath : ""
    let identifier = knownRequestID()
    let peer = knownPeer()
    exchange.trace = path.withUnsafeBytes {
      ForwardedHead.write(
        request, head, path: UnsafeRawBufferPointer(rebasing: $0[offset...]), query: query,
        prefix: prefix, peer: peer, requestID: identifier, identifiers: &loop.identifiers,
        into: out)
    }
    if loop.shared.hasMarks { readSlot(head) }
    toUpstream = out
    phase = .proxying
    exchange.keepsRequest = true
    // The empty line.
    exchange.headEndBytes = 2
    exchange.headEnd = out.end - exchange.headEndBytes
    exchange.connectDeadline =
      loop.now + loop.shared.options.upstreamConnectTimeout.nanoseconds
    // Who waits has come before.
    if published.admission == .held || !holdsNone, !exchange.isAboutAgent { return hold() }
    if let idle = takeIdle() {
      exchange.isRepeatable = exchange.method.isIdempotent && request.framing == .none
      attach(idle)
    } else {
      connect()
    }
  }

  @inline(__always)
  private var holdsNone: Bool { hasAgent ? backend.holdsNone : loop.front.holdsNone }

  @inline(__always)
  private func takeIdle() -> UpstreamConnection? {
    hasAgent ? backend.upstreams.takeIdle() : loop.front.upstreams.takeIdle()
  }

  /// Finds the agent that a path names, and begins the exchange with its worker. The path goes on as
  /// it is: the worker has it as its base.
  @inline(never)
  func serveAgent(_ head: UnsafeRawBufferPointer, idEnd: Int, query: UnsafeRawBufferPointer) {
    let found = path.withUnsafeBytes {
      loop.backend(id: UnsafeRawBufferPointer(rebasing: $0[Router.idStart..<idEnd]))
    }
    guard let found else { return answerError(404, Self.unknownAgent) }
    bind(found)
    exchange.isAboutAgent = !found.state().isServed && Router.isAboutAgent(path, from: idEnd)
    proxy(head, from: 0, query: query, underBase: false)
  }

  static let unknownAgent = "There is no agent of this id"

  /// Whether the agent is asked, now or later; if not, the answer is written.
  @inline(__always)
  func admits(_ published: Published) -> Bool {
    if hasAgent { return admitsAgent(published) }
    exchange.closesAfter = exchange.closesAfter || published.gate.isDraining
    return isAdmitted(published)
  }

  /// The same for one agent of several: the connection is everybody's, and ends with the supervisor.
  @inline(never)
  private func admitsAgent(_ published: Published) -> Bool {
    let own = loop.state()
    exchange.closesAfter = exchange.closesAfter || own.gate.isDraining
    if own.gate == .closing {
      uncount()
      exchange.isRefused = true
      answerError(503, "The supervisor is stopping and takes no new requests")
      return false
    }
    // A worker that listens is asked about itself, whatever it does.
    if exchange.isAboutAgent, published.snapshot.worker?.rest != nil { return true }
    return isAdmitted(published)
  }

  @inline(__always)
  private func isAdmitted(_ published: Published) -> Bool {
    switch published.admission {
    case .proxied, .held: return true
    case .absent, .notReady, .stopping:
      uncount()
      refuse(published)
      return false
    }
  }

  /// Answers a request that the gate does not let through.
  func refuse(_ published: Published) {
    exchange.closesAfter = exchange.closesAfter || loop.state().gate.isDraining
    exchange.isRefused = true
    dropToUpstream()
    if backend.isRemoved { return answerError(404, Self.unknownAgent) }
    switch published.admission {
    case .absent: answerError(404, "The package has nothing that serves this path")
    case .stopping: answerError(503, "The agent is stopping and takes no new requests")
    case .proxied, .held, .notReady: answerNotReady(published)
    }
  }

  func attach(_ connection: UpstreamConnection) {
    upstream = connection
    connection.begins(self)
    if !connection.isConnecting { exchange.connectDeadline = 0 }
    exchange.sentAt = 0
    exchange.heardAt = 0
    // A body that was not asked for meanwhile has its time from here on.
    lastMoved = loop.now
    if exchange.supervisorSlot >= 0 { loop.shared.marks?.mark(exchange.supervisorSlot) }
    guard let request = toUpstream else { return }
    request.replace(exchange.headEndBytes, at: exchange.headEnd, by: connection.endOfHead)
    exchange.headEndBytes = connection.endOfHead.count
  }

  /// Finds out under which number the supervisor sent the request; it is told when the agent gets it.
  @inline(never)
  private func readSlot(_ head: UnsafeRawBufferPointer) {
    let lines = loop.requestHead.lines
    guard let marks = loop.shared.marks, lines.has(.lookalike), knownPeer().isSupervisor else {
      return
    }
    for field in lines.fields
    where field.name == .lookalike && FieldName.matches(field.nameBytes(head), "x-par-slot") {
      exchange.supervisorSlot = marks.slot(field.valueBytes(head)) ?? -1
    }
  }

  func connect() {
    switch backend.connect() {
    case .connected(let connection): attach(connection)
    case .busy: setDeadline(loop.now + loop.limits.connectRetry.nanoseconds)
    case .failed(let number) where UpstreamPool.isShortage(number): noConnection(number)
    case .failed: unreachable()
    }
  }

  /// Nobody listens where the agent should.
  private func unreachable() {
    if exchange.isAboutAgent {
      dropToUpstream()
      exchange.isRefused = true
      return answerNotReady(backend.state())
    }
    // The agent has ended, and its end may not be known yet.
    if exchange.keepsRequest, loop.shared.options.holds { return hold() }
    upstreamGone("The agent cannot be reached: nothing listens on its socket")
  }

  /// The connection that was being made is there.
  func isConnected() {
    exchange.connectDeadline = 0
    lastMoved = loop.now
    backend.isReached()
  }

  /// … or is not.
  /// - Parameter number: errno(3).
  func refused(_ connection: UpstreamConnection, _ number: Int32) {
    upstream = nil
    connection.shut()
    backend.held.isRefused(number)
    if UpstreamPool.isShortage(number) { noConnection(number) } else { unreachable() }
    loop.again(self)
  }

  /// The program has no means for one more connection.
  func noConnection(_ number: Int32) {
    fail(503, "No connection to the agent can be opened: \(String(cString: strerror(number)))")
  }

  // MARK: Moving bytes

  /// - Returns: whether to go on: bytes were moved, or the exchange is over.
  func advanceProxy() -> Bool {
    // What has come of the body goes out in one piece with the head.
    var moved = exchange.isHandedOver && sendRequest()
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
    // Where only an event can bring more, another turn would find nothing.
    if moved, !isUsedUp { return true }
    waitFor()
    return false
  }

  /// Nothing is left to be read or written on either side.
  private var isUsedUp: Bool {
    guard output == nil, toUpstream?.isEmpty ?? true, body.isDone, let upstream else {
      return false
    }
    return !upstream.canRead && upstream.input == nil
  }

  /// Sets the deadline of what the exchange waits for; a response may take as long as it likes.
  func waitFor() {
    let idle = loop.shared.options.bodyIdleTimeout.nanoseconds
    // When to connect again is set already.
    if waitsForConnection { return }
    if let upstream, upstream.isConnecting { return setDeadline(exchange.connectDeadline) }
    if waitsForMark {
      // Soon at first: most agents begin at once.
      let next = min(
        max(loop.now - lastMoved, loop.limits.markLookLeast.nanoseconds),
        loop.limits.markLookMost.nanoseconds)
      setDeadline(min(loop.now + next, lastMoved + idle))
    } else if output != nil || waitsForBody || waitsForAgentToRead {
      setDeadline(lastMoved + idle)
    } else if hungUp {
      // Who reads events and hangs up is gone; anyone else may have only finished sending.
      if exchange.isEventStream { return gone() }
      setDeadline(max(hungUpAt, lastMoved) + loop.limits.halfClosedPatience.nanoseconds)
    } else {
      setDeadline(Pollable.never)
    }
  }

  /// The agent's accept queue was full.
  var waitsForConnection: Bool { phase == .proxying && upstream == nil && !exchange.responseDone }

  /// As much of the body as may be kept was sent to an agent that has not begun the request.
  var waitsForMark: Bool {
    guard exchange.keepsRequest, exchange.isHandedOver, !body.isDone, !exchange.upstreamDeaf,
      let toUpstream
    else { return false }
    return upstream != nil && toUpstream.isEmpty && toUpstream.room < Self.pieceRoom
  }

  var waitsForBody: Bool {
    !body.isDone && toUpstream?.isEmpty ?? true && !exchange.awaitsContinue
      && !exchange.upstreamDeaf
  }

  /// The agent does not take the request, and has not answered. Once it has, it need not.
  var waitsForAgentToRead: Bool {
    guard let toUpstream, !toUpstream.isEmpty else { return false }
    return upstream != nil && !exchange.hasResponse && !exchange.upstreamDeaf
  }

  func expiredProxy() {
    let idle = loop.shared.options.bodyIdleTimeout.nanoseconds
    if let upstream, upstream.isConnecting {
      guard loop.now >= exchange.connectDeadline else { return }
      return fail(504, "The agent did not accept a connection in time")
    }
    if waitsForConnection {
      guard loop.now < exchange.connectDeadline else {
        return fail(504, "The agent did not accept a connection in time")
      }
      return connect()
    }
    if waitsForMark {
      guard loop.now - lastMoved >= idle else { return }
      exchange.closesAfter = true
      fail(504, "The agent did not begin the request")
    } else if output != nil {
      guard loop.now - lastMoved >= idle else { return }
      ended(.slowReader)
      gone()
    } else if waitsForBody {
      guard loop.now - lastMoved >= idle else { return }
      ended(.bodyTime)
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
      ended(.halfClosed)
      gone()
    }
  }
}
