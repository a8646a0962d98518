import CNghttp2
import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// A connection to the agent's gRPC server, which carries the calls of one loop.
final class AgentHTTP2Connection: HTTP2Connection {
  /// Without EPOLLOUT, which a Unix socket reports each time the peer has read something.
  static let usualEvents = PAR_EPOLLIN | PAR_EPOLLRDHUP | PAR_EPOLLET

  let backend: LoopBackend
  /// Who is at the other end.
  let worker: LoopWorker
  private(set) var callCount = 0
  unowned(unsafe) private var firstCall: GRPCCall?
  /// Calls whose head has not been written.
  private(set) var waiting = 0
  /// Calls whose head was written and may not be the kernel's yet.
  private var unconfirmed: [GRPCCall] = []
  /// No more calls: the agent said GOAWAY, or its address is another one by now.
  private(set) var isRetired = false
  private var lastStream = Int32.max
  private var hasSettings = false
  private var isConnecting: Bool
  private var watchesWriting: Bool

  init(
    descriptor: Int32, backend: LoopBackend, session: OpaquePointer, worker: LoopWorker,
    isConnecting: Bool
  ) {
    self.backend = backend
    self.worker = worker
    self.isConnecting = isConnecting
    watchesWriting = isConnecting
    super.init(descriptor: descriptor, loop: backend.loop, session: session)
    canWrite = !isConnecting
  }

  func opened() {
    loop.counters.agentConnectionsOpen.bump(1)
    submitSettings(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)
    if isConnecting {
      setDeadline(loop.now + loop.shared.options.upstreamConnectTimeout.nanoseconds)
    }
    wantsFlush()
  }

  // MARK: Calls

  /// Whether the agent begins one more call now.
  var hasPlace: Bool {
    // An agent that does not read gets no more than may wait, cancelled calls among them.
    guard !isRetired, phase == .open, waiting < limits.waitingCalls else { return false }
    // Before its SETTINGS nobody knows; that is not for long.
    guard hasSettings else { return true }
    let most = nghttp2_session_get_remote_settings(
      session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    return callCount < Int(most)
  }

  /// - Returns: false when the session takes no more.
  func submit(_ call: GRPCCall) -> Bool {
    guard let head = call.head else { return false }
    // Balanced in `remove`.
    let pointer = Unmanaged.passRetained(call).toOpaque()
    var provider = nghttp2_data_provider()
    provider.source.ptr = pointer
    provider.read_callback = { _, _, _, most, flags, source, _ in
      guard let flags, let pointer = source?.pointee.ptr else { return 0 }
      return Unmanaged<GRPCCall>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
        $0.nextForAgent(most, &flags.pointee)
      }
    }
    let id = head.withFields(keeps: true) { fields, count in
      nghttp2_submit_request(session, nil, fields, count, &provider, pointer)
    }
    guard id > 0 else {
      Unmanaged<GRPCCall>.fromOpaque(pointer).release()
      // Stream identifiers are used up, or memory is.
      isRetired = true
      return false
    }
    call.agent = self
    call.agentID = id
    call.agentAfter = firstCall
    firstCall?.agentBefore = call
    firstCall = call
    callCount += 1
    waiting += 1
    wantsFlush()
    return true
  }

  func cancel(_ call: GRPCCall, _ code: UInt32) {
    nghttp2_submit_rst_stream(session, 0, call.agentID, code)
    wantsFlush()
  }

  /// Takes a call off; its reference is the caller's.
  private func remove(_ pointer: UnsafeMutableRawPointer) -> GRPCCall {
    let call = Unmanaged<GRPCCall>.fromOpaque(pointer).takeRetainedValue()
    if let before = call.agentBefore {
      before.agentAfter = call.agentAfter
    } else {
      firstCall = call.agentAfter
    }
    if let after = call.agentAfter { after.agentBefore = call.agentBefore }
    call.agentBefore = nil
    call.agentAfter = nil
    call.agent = nil
    callCount -= 1
    if call.headStart == nil { waiting -= 1 }
    if callCount == 0, isRetired { wantsFlush() }
    return call
  }

  @inline(__always)
  private func withCall(_ source: UnsafeMutableRawPointer?, _ body: (GRPCCall) -> Void) {
    guard let source else { return }
    body(Unmanaged<GRPCCall>.fromOpaque(source).takeUnretainedValue())
  }

  private func withCall(_ id: Int32, _ body: (GRPCCall) -> Void) {
    withCall(nghttp2_session_get_stream_user_data(session, id), body)
  }

  // MARK: What the agent says

  override func headersReceived(_ frame: nghttp2_headers, _ block: HeaderBlock) {
    let ends = frame.hd.flags & HTTP2Frame.endStream != 0
    withCall(frame.hd.stream_id) { $0.agentHead(block, ends: ends) }
  }

  override func dataReceived(
    _ id: Int32, _ source: UnsafeMutableRawPointer?, _ bytes: UnsafeRawBufferPointer
  ) {
    nghttp2_session_consume_connection(session, bytes.count)
    wantsFlushIfNeeded()
    withCall(source) { $0.agentData(bytes) }
  }

  override func streamEnded(_ id: Int32) { withCall(id) { $0.agentEnded() } }

  override func streamClosed(_ id: Int32, _ source: UnsafeMutableRawPointer?, _ code: UInt32) {
    guard let source else { return }
    let call = remove(source)
    if !call.isOver, call.headStart == nil, code != HTTP2Code.noError {
      // It never left: the session begins no more streams.
      isRetired = true
      backend.agents.placeAgain(call)
    } else if isRetired, id > lastStream {
      call.agentLost("The agent ends its connection and did not begin the call")
    } else {
      call.agentClosed(code)
    }
  }

  override func controlReceived(_ frame: nghttp2_frame) {
    switch frame.hd.type {
    case HTTP2Frame.settings: hasSettings = true
    case HTTP2Frame.goaway:
      isRetired = true
      lastStream = frame.goaway.last_stream_id
    default: break
    }
    wantsFlushIfNeeded()
  }

  override func dataTaken(_ source: UnsafeMutableRawPointer, _ count: Int) {
    withCall(source) { $0.takeForAgent(count, into: loop.http2.output) }
  }

  override func frameSent(_ frame: nghttp2_frame) {
    guard frame.hd.type == HTTP2Frame.headers else { return }
    withCall(frame.hd.stream_id) { call in
      guard call.headStart == nil else { return }
      waiting -= 1
      call.headStart = producedBytes + Int64(loop.http2.output.count)
      unconfirmed.append(call)
    }
  }

  override func allSent() {
    for call in unconfirmed { call.confirm() }
    unconfirmed.removeAll(keepingCapacity: true)
    if isRetired, callCount == 0 { lost("") }
  }

  // MARK: Events

  override func ready(_ events: UInt32) {
    if isConnecting {
      guard events & (PAR_EPOLLOUT | PAR_EPOLLERR | PAR_EPOLLHUP) != 0 else { return }
      var number: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
      guard number == 0 else { return lost(AgentConnections.unreachable) }
      isConnecting = false
      setDeadline(Pollable.never)
    }
    super.ready(events)
  }

  override func expired() {
    if phase == .open, isConnecting {
      lost("The agent did not accept a connection in time")
    } else {
      shut()
    }
  }

  override func writeBlocked() {
    canWrite = false
    guard !watchesWriting else { return }
    watchesWriting = true
    loop.rewatch(self, events: Self.usualEvents | PAR_EPOLLOUT)
  }

  /// Another worker gets the calls from now on, those that wait for a place here too.
  func retire() {
    isRetired = true
    if backend.workers.current?.worker.a2a != nil { giveWaitingAway() }
    wantsFlush()
  }

  private func giveWaitingAway() {
    var unbegun: [GRPCCall] = []
    var next = firstCall
    while let call = next {
      next = call.agentAfter
      if call.headStart == nil, !call.isOver { unbegun.append(call) }
    }
    // The first of the list is the last that came.
    for call in unbegun.reversed() {
      // The session takes both back for a head that it has not written: no stream is opened.
      nghttp2_submit_rst_stream(session, 0, call.agentID, HTTP2Code.cancel)
      nghttp2_session_set_stream_user_data(session, call.agentID, nil)
      backend.agents.placeAgain(remove(Unmanaged.passUnretained(call).toOpaque()))
    }
  }

  /// The agent has ended: what it wrote before is its clients'.
  func hearOut() {
    var turns = loop.limits.pumpTurns
    canRead = true
    while canRead, phase == .open, turns > 0 {
      turns -= 1
      turn()
    }
  }

  /// The agent is gone. Calls of which nothing can have arrived are given to another connection.
  override func lost(_ reason: String) {
    guard phase != .closed else { return }
    isRetired = true
    let text =
      reason.hasPrefix("The agent") ? reason : "The agent ended before the call was complete"
    var (unsent, refused): ([GRPCCall], [GRPCCall]) = ([], [])
    while let first = firstCall {
      let call = remove(Unmanaged.passUnretained(first).toOpaque())
      if !call.isSent, !isConnecting, call.headStart.map({ $0 >= sentBytes }) ?? true {
        unsent.append(call)
      } else if isConnecting, call.repeats > 0, reason == AgentConnections.unreachable {
        refused.append(call)
      } else {
        call.agentLost(text)
      }
    }
    unconfirmed.removeAll()
    shut()
    for call in unsent { backend.agents.placeAgain(call) }
    for call in refused.reversed() { backend.agents.placeLater(call) }
  }

  override func refused(_ error: Int32) { lost("The agent does not speak HTTP/2 as it should") }
  override func sessionEnded() { lost("") }

  override func closed() {
    backend.agents.remove(self)
    loop.counters.agentConnectionsOpen.bump(-1)
    worker.disconnected()
  }
}
