import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// One client's connection: requests are read from it one after the other, each is answered by the
/// program itself, from a file, or by the agent.
///
/// Reading and writing are driven by `advance`, whatever the event was: edge-triggered readiness is
/// remembered in `canRead` and `canWrite` and used up there.
final class ClientConnection: Pollable {
  enum Phase {
    /// Between requests, or a head has begun.
    case head
    /// The whole response stands in `output`.
    case answering
    /// The response's head stands in `output`, its body is a file.
    case file
    case proxying
    /// Nothing more is sent; input is thrown away until the client has closed as well.
    case lingering
    case closed
  }

  /// What is known of the request in progress.
  struct Exchange {
    var method = Method.get
    /// Of `Method.other` alone.
    var otherMethod = ""
    var surface = Surface.par
    var status = 0
    /// When the head was complete.
    var started: Int64 = 0
    var bytesSent: Int64 = 0
    var isHTTP11 = true
    /// Counts as in flight.
    var isCounted = false
    var isAborted = false
    /// A final response's head stands in `output` or was sent.
    var hasResponse = false
    var closesAfter = false

    // Proxying.
    /// Nothing can have been done by the agent if it ends now: idempotent, no body, not repeated.
    var isRepeatable = false
    /// A byte of the response was seen.
    var heardUpstream = false
    /// The client waits for 100 (Continue) before it sends the body.
    var awaitsContinue = false
    var responseFraming = BodyFraming.none
    /// Without a declared length, or events.
    var isStream = false
    var isEventStream = false
    var responseDone = false
    /// When connecting to the agent is given up; 0 once connected.
    var connectDeadline: Int64 = 0
    /// The agent stopped taking the body; its response may still come.
    var upstreamDeaf = false
  }

  let port: Port
  var phase = Phase.head
  var canRead = false
  var canWrite = true
  /// The client has closed its sending side, seen by epoll; what it sent before may be unread.
  var hungUp = false
  /// When that was.
  var hungUpAt: Int64 = 0
  var input: ByteBuffer?
  var output: ByteBuffer?
  var scanner = HeadScanner()
  /// When the head in progress began; 0: between requests.
  var headStarted: Int64 = 0
  /// When a byte last moved, either direction.
  var lastMoved: Int64 = 0
  var lingered = 0

  var exchange = Exchange()
  /// The normal path. Its storage is kept for the next request.
  var path: [UInt8] = []
  /// Empty until it is needed or was sent.
  var requestID: [UInt8] = []
  var body = BodyDecoder(.none)
  var upstream: UpstreamConnection?
  /// The request as it goes to the agent; kept from its start while it may be repeated.
  var toUpstream: ByteBuffer?
  var fileBody: FileBody?
  private(set) var peer: Peer?

  /// Who is at the other end.
  struct Peer {
    let text: [UInt8]
    let isTrusted: Bool
  }

  init(descriptor: Int32, loop: EventLoop, port: Port) {
    self.port = port
    super.init(descriptor: descriptor, loop: loop)
  }

  /// Storage of paths and ids beyond this is not kept by an idle connection.
  static let keptBytes = 256

  func opened() {
    lastMoved = loop.now
    setDeadline(loop.now + loop.limits.keepAliveIdle.nanoseconds)
  }

  // MARK: Events

  override func ready(_ events: UInt32) {
    if events & PAR_EPOLLIN != 0 { canRead = true }
    if events & PAR_EPOLLOUT != 0 { canWrite = true }
    if events & PAR_EPOLLRDHUP != 0, !hungUp {
      canRead = true
      hungUp = true
      hungUpAt = loop.now
    }
    if events & (PAR_EPOLLERR | PAR_EPOLLHUP) != 0 { return gone() }
    advance()
  }

  override func resume() { advance() }

  /// Does everything that can be done without waiting.
  func advance() {
    var turns = loop.limits.pumpTurns
    while turns > 0 {
      turns -= 1
      switch phase {
      case .head: if !advanceHead() { return }
      case .answering: if !advanceAnswer() { return }
      case .file: if !advanceFile() { return }
      case .proxying: if !advanceProxy() { return }
      case .lingering: return linger()
      case .closed: return
      }
    }
    loop.again(self)
  }

  override func expired() {
    // It has more to do and its turn comes: whatever it waited for is over.
    if isQueued { return }
    switch phase {
    case .closed: return
    case .lingering: shut()
    case .head:
      // A head that has begun is answered; an idle connection just ends.
      guard headStarted != 0 else { return shut() }
      refuse(HTTPProblem(status: 408, text: "The request's head took too long"))
      advance()
    case .answering, .file: gone()
    case .proxying:
      expiredProxy()
      advance()
    }
  }

  // MARK: Reading

  enum Reading {
    case moved, wouldBlock, ended
  }

  /// Reads what there is room for into `input`.
  func readInput() -> Reading {
    guard canRead else { return .wouldBlock }
    let buffer: ByteBuffer
    if let input {
      buffer = input
      if buffer.room < 1024 { buffer.reserve(max(1024, loop.limits.bufferBytes - buffer.count)) }
    } else {
      buffer = loop.buffers.take()
      input = buffer
    }
    let space = buffer.writable
    switch receive(space) {
    case .moved(let count):
      buffer.commit(count)
      // A short read emptied the socket (epoll(7)); but not when the end is still to be read.
      if count < space.count, !hungUp { canRead = false }
      lastMoved = loop.now
      loop.counters.bytesReceived.bump(count)
      return .moved
    case .wouldBlock:
      canRead = false
      dropInputIfEmpty()
      return .wouldBlock
    case .ended, .failed:
      canRead = false
      dropInputIfEmpty()
      return .ended
    }
  }

  func dropInputIfEmpty() {
    guard let buffer = input, buffer.isEmpty else { return }
    input = nil
    loop.buffers.give(buffer)
  }

  // MARK: Writing

  /// The buffer that the response is written to.
  func outputBuffer() -> ByteBuffer {
    if let output { return output }
    let buffer = loop.buffers.take()
    output = buffer
    return buffer
  }

  enum Flushing {
    /// Nothing is left.
    case empty
    case waiting
    case failed
  }

  func flush() -> Flushing {
    guard let buffer = output else { return .empty }
    while !buffer.isEmpty {
      guard canWrite else { return .waiting }
      switch transmit(buffer.readable) {
      case .moved(let count):
        if count < buffer.count { canWrite = false }
        buffer.consume(count)
        wrote(count)
      case .wouldBlock, .ended: canWrite = false
      case .failed: return .failed
      }
    }
    output = nil
    loop.buffers.give(buffer)
    return .empty
  }

  func wrote(_ count: Int) {
    lastMoved = loop.now
    exchange.bytesSent += Int64(count)
    loop.counters.bytesSent.bump(count)
  }

  // MARK: Who

  func knownPeer() -> Peer {
    if let peer { return peer }
    var text = [CChar](repeating: 0, count: 64)
    var number: UInt16 = 0
    let result = par_peer_address(descriptor, &text, text.count, &number)
    let address = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let name = String(decoding: address, as: UTF8.self)
    let isTrusted =
      if let parsed = IPAddress(name) {
        loop.shared.options.trustedProxies.contains { $0.contains(parsed) }
      } else {
        // A Unix socket's peer is on this machine; one that is already gone is nobody.
        result == 0
      }
    let found = Peer(text: address, isTrusted: isTrusted)
    peer = found
    return found
  }

  func knownRequestID() -> [UInt8] {
    if requestID.isEmpty {
      loop.identifiers.append(to: &requestID)
      loop.identifiers.append(to: &requestID)
    }
    return requestID
  }

  // MARK: The end of a response

  /// The last byte of the response was handed to the kernel.
  func responseFinished() {
    settle(completed: !exchange.isAborted)
    if exchange.closesAfter || !body.isDone {
      closeGracefully()
    } else {
      exchange = Exchange()
      if path.capacity > Self.keptBytes { path = [] }
      if requestID.capacity > Self.keptBytes { requestID = [] }
      requestID.removeAll(keepingCapacity: true)
      scanner = HeadScanner()
      headStarted = 0
      phase = .head
    }
  }

  /// Takes the exchange out of the counts; once, whatever happens later.
  func settle(completed: Bool) {
    guard exchange.started != 0 else { return }
    let shared = loop.shared
    if exchange.status != 0 { loop.counters.request(exchange.surface, status: exchange.status) }
    if shared.options.accessLog {
      shared.observer.requestFinished(accessRecord())
    }
    exchange.started = 0
    if exchange.isCounted {
      exchange.isCounted = false
      if completed { shared.completed.add(1, ordering: .relaxed) }
      shared.leave()
    }
  }

  private func accessRecord() -> AccessRecord {
    AccessRecord(
      method: methodText, path: String(decoding: path, as: UTF8.self), status: exchange.status,
      durationNanoseconds: par_monotonic_ns() - exchange.started,
      requestID: String(decoding: knownRequestID(), as: UTF8.self),
      surface: exchange.surface.name.description, bytesSent: exchange.bytesSent,
      peer: String(decoding: knownPeer().text, as: UTF8.self))
  }

  var methodText: String {
    exchange.method == .other ? exchange.otherMethod : exchange.method.name.description
  }

  /// Closes so that the client can still read what was sent.
  func closeGracefully() {
    if body.isDone, !canRead, input?.isEmpty ?? true { return shut() }
    shutdown(descriptor, Int32(SHUT_WR))
    phase = .lingering
    setDeadline(loop.now + loop.limits.lingerTime.nanoseconds)
    linger()
  }

  private func linger() {
    input?.clear()
    while true {
      switch readInput() {
      case .moved:
        lingered += input?.count ?? 0
        input?.clear()
        if lingered > loop.limits.lingerBytes { return shut() }
      case .wouldBlock: return
      case .ended: return shut()
      }
    }
  }

  /// The client is not there any more, or its response cannot be completed.
  func gone() {
    if exchange.started != 0, exchange.isCounted, !exchange.isAborted {
      loop.counters.clientsGone.bump(1)
    }
    shut()
  }

  /// Ends the connection at once, and what it had from the agent.
  func shut() {
    guard phase != .closed else { return }
    phase = .closed
    dropUpstream()
    closeFile()
    settle(completed: false)
    if let buffer = input { loop.buffers.give(buffer) }
    if let buffer = output { loop.buffers.give(buffer) }
    input = nil
    output = nil
    closeDescriptor()
    loop.shared.connections.subtract(1, ordering: .relaxed)
    loop.counters.connectionsOpen.bump(-1)
  }
}
