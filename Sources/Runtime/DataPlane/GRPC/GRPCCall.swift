import CNghttp2
import CPlatform
import Lifecycle
import Synchronization

/// A call that the agent answers: the client's stream and the agent's, spliced. Each side's bytes are
/// kept here only while the other side's window is full, and then open no new window.
final class GRPCCall: HTTP2Stream {
  /// Whose worker it is for.
  let backend: LoopBackend
  /// When the head was complete.
  let started: Int64
  var isCounted = false
  var isAborted = false
  /// What it ended with.
  var status: GRPCStatus?
  /// Of the response's head; 0: there is none yet.
  var httpStatus = 0
  var times = Times()
  private var timesOut = Int64.max

  // MARK: The agent's side

  /// Has this call among its own, which holds it.
  unowned(unsafe) var agent: AgentHTTP2Connection?
  /// The stream there; 0: none.
  var agentID: Int32 = 0
  unowned(unsafe) var agentBefore: GRPCCall?
  unowned(unsafe) var agentAfter: GRPCCall?
  private(set) var head: HeaderBlock?
  /// The kernel may have some of the head; until then the call can be given to another connection.
  private(set) var isSent = false
  /// Where the head begins among the bytes of the agent's connection; nil: not written yet.
  var headStart: Int64?
  private var toAgent: ByteBuffer?
  /// Bytes of `toAgent` that were written behind a head that may have to be written again.
  private var unconfirmed = 0
  private var isAgentDeferred = false
  /// The agent has sent all it had to.
  var hasAgentEnded = false
  /// The agent gave the call up; the client is told by the same code.
  var wasResetByAgent = false
  var interimHeads = 0
  var repeats = 0
  /// Until when it waits for another worker, after one that did not begin it; 0: it does not.
  var heldUntil: Int64 = 0

  /// Asks for the agent's health, which its worker tells in every state.
  let isAboutAgent: Bool

  init(
    connection: HTTP2ClientConnection, id: Int32, backend: LoopBackend, isAboutAgent: Bool = false
  ) {
    self.backend = backend
    self.isAboutAgent = isAboutAgent
    started = connection.loop.now
    super.init(connection: connection, id: id)
  }

  // MARK: The request

  override func begin(_ head: HeaderBlock) {
    guard admits(backend.state()) else { return }
    isCounted = true
    backend.counters?.inFlight.bump(1)
    loop.shared.enter()
    // Only a call that has been counted can rely on the gate: it may have closed meanwhile.
    guard admits(backend.state()) else { return uncount() }
    if let value = head.first(.grpcTimeout) {
      guard let time = GRPCTimeout.nanoseconds(value) else {
        uncount()
        return finish(.internalError, "grpc-timeout is not one to eight digits and a unit")
      }
      timesOut = loop.now &+ time < loop.now ? Int64.max : loop.now + time
      setDeadline(timesOut)
    }
    complete(head)
    self.head = keepHead()
    backend.agents.place(self)
  }

  /// Whether the gate lets calls through; if not, the answer is given.
  private func admits(_ published: Published) -> Bool {
    if backend.counters != nil {
      if loop.state().gate == .closing {
        finish(.unavailable, "The supervisor is stopping and takes no new calls")
        return false
      }
      if isAboutAgent, published.snapshot.worker?.a2a != nil { return true }
    }
    switch published.gate {
    case .ready, .lameDuck:
      if published.snapshot.worker?.a2a != nil { return true }
      finish(.unimplemented, "The agent serves no gRPC")
    case .booting, .restarting:
      finish(.unavailable, "The agent is not ready: \(published.snapshot.state)")
    case .closing: finish(.unavailable, "The agent is stopping and takes no new calls")
    }
    return false
  }

  /// Adds what the agent is told of every request; takes away what a stranger says about itself.
  private func complete(_ head: HeaderBlock) {
    let peer = connection.knownPeer()
    if !peer.isTrusted {
      for index in head.entries.indices {
        switch head.entries[index].kind {
        case .forwardedFor, .forwardedOther: head.drop(index)
        default: break
        }
      }
    }
    if !peer.text.isEmpty, !peer.isSupervisor { head.add("x-forwarded-for", peer.text) }
    if head.first(.requestID) == nil {
      let scratch = loop.scratch
      scratch.clear()
      loop.identifiers.append(to: scratch)
      loop.identifiers.append(to: scratch)
      head.add("x-request-id", scratch.readable)
    }
    joinTrace(head)
  }

  /// As for any other request: without one valid `traceparent` a trace begins here.
  private func joinTrace(_ head: HeaderBlock) {
    if head.single(.traceparent).flatMap(TraceParent.read) != nil { return }
    for index in head.entries.indices {
      switch head.entries[index].kind {
      case .traceparent, .tracestate: head.drop(index)
      default: break
      }
    }
    let scratch = loop.scratch
    scratch.clear()
    _ = TraceParent.start(&loop.identifiers, into: scratch)
    head.add("traceparent", scratch.readable)
  }

  override func received(_ bytes: UnsafeRawBufferPointer) {
    guard !hasOutputEnded, !hasAgentEnded else { return consume(bytes.count) }
    times.request.pass(bytes)
    // What was written would be moved away. That may empty the buffer and give it back.
    if unconfirmed > 0, let buffer = toAgent, buffer.room < bytes.count { confirm() }
    let buffer = toAgent ?? loop.buffers.take()
    toAgent = buffer
    buffer.append(bytes)
    wakeAgent()
  }

  override func inputEnded(_ trailers: HeaderBlock?) {
    times.inputEnded = loop.now
    wakeAgent()
  }

  private func wakeAgent() {
    guard let agent, agentID != 0 else { return }
    if isAgentDeferred {
      isAgentDeferred = false
      nghttp2_session_resume_data(agent.session, agentID)
    }
    agent.wantsFlush()
  }

  /// What the next DATA frame to the agent holds, as nghttp2's read callback says it.
  func nextForAgent(_ most: Int, _ flags: inout UInt32) -> Int {
    let waiting = toAgent?.count ?? 0
    let count = min(most, waiting)
    if count == waiting, hasInputEnded {
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
    } else if count == 0 {
      isAgentDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    return count
  }

  /// Moves `count` bytes of the request to what is written.
  func takeForAgent(_ count: Int, into output: ByteBuffer) {
    guard let buffer = toAgent else { return }
    output.append(UnsafeRawBufferPointer(rebasing: buffer.readable[..<count]))
    if !isSent {
      buffer.advance(count)
      unconfirmed += count
    } else {
      buffer.consume(count)
      dropIfEmpty(buffer)
      consume(count)
    }
  }

  private func dropIfEmpty(_ buffer: ByteBuffer) {
    guard buffer.isEmpty else { return }
    toAgent = nil
    loop.buffers.give(buffer)
  }

  /// The agent may have begun with the call: it is not given to another connection any more.
  func confirm() {
    guard !isSent else { return }
    isSent = true
    times.sent = loop.now
    let count = unconfirmed
    unconfirmed = 0
    guard count > 0 else { return }
    if let buffer = toAgent { dropIfEmpty(buffer) }
    consume(count)
  }

  /// Nobody waits for it any more.
  var isOver: Bool { isClosed || hasAgentEnded || hasOutputEnded }

  /// Back to the start, for another connection.
  func rewind() {
    if unconfirmed > 0 { toAgent?.rewind() }
    unconfirmed = 0
    isAgentDeferred = false
    headStart = nil
    agentID = 0
  }

  // MARK: The response

  override func drained(_ count: Int) {
    guard let agent, agentID != 0, !hasAgentEnded else { return }
    nghttp2_session_consume_stream(agent.session, agentID, count)
    agent.wantsFlushIfNeeded()
  }

  // MARK: Ends

  /// Ends it with a status of ours.
  func finish(_ status: GRPCStatus, _ text: String) {
    if !isClosed, !hasOutputEnded {
      self.status = status
      if !hasHead { httpStatus = 200 }
    }
    end(status, text)
  }

  override func expired() {
    guard loop.now >= timesOut else { return setDeadline(timesOut) }
    leaveAgent(HTTP2Code.cancel)
    hasAgentEnded = true
    if hasOutputEnded { return }
    // The time counts for what was not delivered, too.
    finish(.deadlineExceeded, "The deadline of the call passed")
  }

  /// Tells the agent that nobody waits for it.
  func leaveAgent(_ code: UInt32) {
    guard let agent, agentID != 0 else { return }
    agent.cancel(self, code)
  }

  override func closed(_ code: UInt32) {
    leaveAgent(HTTP2Code.cancel)
    if let buffer = toAgent {
      toAgent = nil
      unconfirmed = 0
      buffer.clear()
      loop.buffers.give(buffer)
    }
    settle(delivered: code == HTTP2Code.noError && hasOutputEnded)
    dropHead()
  }

  /// Not while the agent's session may still read it.
  func dropHead() {
    guard isClosed, agentID == 0, let block = head else { return }
    head = nil
    giveBack(block)
  }

  private func settle(delivered: Bool) {
    guard isCounted else { return }
    isCounted = false
    let shared = loop.shared
    tellEnd()
    backend.counters?.inFlight.bump(-1)
    if delivered {
      if !isAborted { shared.completed.add(1, ordering: .relaxed) }
      connection.leaving += 1
    } else {
      if !isAborted, !wasResetByAgent { loop.counters.clientsGone.bump(1) }
      shared.leave()
    }
  }

  private func uncount() {
    isCounted = false
    backend.counters?.inFlight.bump(-1)
    loop.shared.leave()
  }

  func markAborted() {
    guard !isAborted else { return }
    isAborted = true
    loop.shared.aborted.add(1, ordering: .relaxed)
  }

  /// Whether it is more than one answer that is being waited for.
  private var isStream: Bool { !hasInputEnded || hasHead && !hasOutputEnded }

  override func cut(_ reason: CutReason) -> (started: Int64, request: AbortedRequest)? {
    guard isCounted, reason.concerns(agent?.worker.worker) else { return nil }
    switch reason {
    case .upstreamLost: return nil
    case .streams: guard isStream, !hasOutputEnded else { return nil }
    case .all: break
    }
    let wasAborted = isAborted
    let request = abortedRequest()
    markAborted()
    leaveAgent(HTTP2Code.cancel)
    hasAgentEnded = true
    if hasOutputEnded {
      // The client has not taken it all: what is missing must not look like the end.
      reset(HTTP2Code.cancel)
    } else {
      finish(.unavailable, "The agent is stopping and the call was cut off")
    }
    // Whether the client takes that is not waited for.
    tellEnd()
    uncount()
    return wasAborted ? nil : (started, request)
  }
}
