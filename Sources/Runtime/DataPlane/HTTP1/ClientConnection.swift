import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// One client's connection: requests are read from it one after the other, each is answered by the
/// program itself, from a file, or by the agent.
///
/// Reading and writing are driven by `advance`, whatever the event was: edge-triggered readiness is
/// remembered in `canRead` and `canWrite` and used up there.
///
/// What it reads from and writes to is a socket, or what a subclass puts in its place by overriding
/// the methods of the section "Transport".
class ClientConnection: Pollable {
  enum Phase {
    /// Between requests, or a head has begun.
    case head
    /// The whole response stands in `output`.
    case answering
    /// The response's head stands in `output`, its body is a file.
    case file
    case proxying
    /// The agent answered 101: bytes pass both ways until both sides have ended.
    case tunnel
    /// A request for the agent that waits until there is one.
    case held
    /// A control request that is collected, or answered by somebody else.
    case control
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
    var trace = TraceID()
    var bytesSent: Int64 = 0
    var isHTTP11 = true
    /// Counts as in flight.
    var isCounted = false
    var isAborted = false
    /// A final response's head stands in `output` or was sent.
    var hasResponse = false
    var closesAfter = false

    // Proxying.
    /// May be sent again although the agent may have begun it: idempotent, no body, not repeated.
    var isRepeatable = false
    /// `toUpstream` still has all that there was of the request, so that it can be sent from the start.
    var keepsRequest = false
    /// Something of it was handed to the agent's present connection.
    var isHandedOver = false
    /// Where in `toUpstream` the head's end stands, which is another one for each connection …
    var headEnd = 0
    /// … and its bytes.
    var headEndBytes = 0
    /// How often the request was taken back from an agent that had not begun it.
    var takenBack = 0
    /// When it began to wait for an agent.
    var heldSince: Int64 = 0
    /// How long it had waited for one before.
    var heldFor: Int64 = 0
    /// Under which number the supervisor sent it; less than 0: under none.
    var supervisorSlot = -1
    /// When its head was handed to the agent's present connection; 0: it was not.
    var sentAt: Int64 = 0
    /// When bytes of the response's head last came; 0: none did.
    var heardAt: Int64 = 0
    /// Held, and then answered by the program.
    var isRefused = false
    /// A byte of the response was seen.
    var heardUpstream = false
    /// The client waits for 100 (Continue) before it sends the body.
    var awaitsContinue = false
    /// The agent was asked to make the connection a WebSocket's.
    var asksForWebSocket = false
    var responseFraming = BodyFraming.none
    var isEventStream = false
    /// Interim responses of the agent so far.
    var interimResponses = 0
    var responseDone = false
    /// Asks an agent that does not serve now about itself, and its worker answers.
    var isAboutAgent = false
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
  /// What a head that is being acted on takes of `input`; 0 otherwise.
  var headBytes = 0
  /// When the head in progress began; 0: between requests.
  var headStarted: Int64 = 0
  /// When a byte last moved, either direction.
  var lastMoved: Int64 = 0
  var lingered = 0
  /// Nothing was read that is no beginning of the preface of HTTP/2.
  var mayBeHTTP2 = true

  var exchange = Exchange()
  /// The normal path. Its storage is kept for the next request.
  var path: [UInt8] = []
  /// Empty until it is needed or was sent.
  var requestID: [UInt8] = []
  var body = BodyDecoder(.none)
  var upstream: UpstreamConnection?
  /// In the phase of that name.
  var tunnel: Tunnel?
  /// The request as it goes to the agent; kept from its start while it may be sent again.
  var toUpstream: ByteBuffer?
  var fileBody: FileBody?
  /// In the phase of that name.
  var control: ControlExchange?
  /// The neighbours among those that wait; the loop closes all before it ends.
  unowned(unsafe) var heldBefore: ClientConnection?
  unowned(unsafe) var heldAfter: ClientConnection?
  var peer: Peer?

  /// The agent that the request in progress is for, of several; nil: the only one, or none. What each
  /// request of `run` asks is asked of the loop's constant then, which costs no reference count.
  private(set) final var agent: LoopBackend?
  /// The same as a bit, which is read without a reference count.
  private(set) final var hasAgent = false

  /// Who is at the other end.
  struct Peer {
    let text: [UInt8]
    let isTrusted: Bool
    /// The supervisor that this program is a worker of: it has said all there is to say.
    let isSupervisor: Bool
  }

  init(descriptor: Int32, loop: EventLoop, port: Port) {
    self.port = port
    super.init(descriptor: descriptor, loop: loop)
  }

  /// The request is for this agent.
  final func bind(_ backend: LoopBackend) {
    agent = backend
    hasAgent = true
  }

  /// Whose worker serves the request in progress.
  final var backend: LoopBackend { agent ?? loop.front }

  /// The state of whom the request in progress is for.
  @inline(__always)
  final func state() -> Published {
    if hasAgent { backend.state() } else { loop.front.state() }
  }

  /// The request has been answered.
  @inline(__always)
  final func unbind() {
    guard hasAgent else { return }
    agent = nil
    hasAgent = false
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
    // A tunnel of which we have ended our side hangs up when the client ends its own.
    if events & PAR_EPOLLERR != 0 || events & PAR_EPOLLHUP != 0 && phase != .tunnel {
      if events & PAR_EPOLLERR != 0, par_socket_error(descriptor) == ETIMEDOUT {
        ended(.vanished)
      }
      return gone()
    }
    advance()
  }

  override func resume() { advance() }

  /// Does everything that can be done without waiting.
  final func advance() {
    var turns = loop.limits.pumpTurns
    while turns > 0 {
      turns -= 1
      switch phase {
      case .head: if !advanceHead() { return }
      case .answering: if !advanceAnswer() { return }
      case .file: if !advanceFile() { return }
      case .proxying: if !advanceProxy() { return }
      case .tunnel: if !advanceTunnel() { return }
      case .held: if !advanceHeld() { return }
      case .control: if !advanceControl() { return }
      case .lingering: return linger()
      case .closed: return
      }
    }
    loop.again(self)
  }

  override func expired() {
    // It has more to do and its turn comes: whatever it waited for from the client or the agent is
    // over. Those that wait for anything else are not asked again.
    if isQueued, phase != .held, phase != .lingering, !waitsForConnection { return }
    switch phase {
    case .closed: return
    case .lingering:
      ended(.unwanted)
      shut()
    case .head:
      // A head that has begun is answered; an idle connection just ends.
      guard headStarted != 0 else {
        ended(.idle)
        return shut()
      }
      refuse(HTTPProblem(status: 408, text: "The request's head took too long"))
      advance()
    case .answering, .file:
      ended(.slowReader)
      gone()
    case .proxying:
      expiredProxy()
      advance()
    case .tunnel: expiredTunnel()
    case .control:
      expiredControl()
      advance()
    case .held:
      backend.held.expired(self)
      advance()
    }
  }

  // MARK: Transport

  /// Reads what has come, as much as there is room for; `canRead` becomes false when that was all.
  func read(into space: UnsafeMutableRawBufferPointer) -> Transfer {
    let result = receive(space)
    switch result {
    case .moved(let count):
      loop.counters.bytesReceived.bump(count)
      // A short read emptied the socket (epoll(7)); but not when the end is still to be read.
      if count < space.count, !hungUp { canRead = false }
    case .wouldBlock, .ended, .failed: canRead = false
    }
    return result
  }

  /// Writes what is taken now; `canWrite` becomes false when it was not all.
  /// - Parameter bytes: from the front of `output`, or from its middle when the front was taken.
  func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    let result = transmit(bytes)
    switch result {
    case .moved(let count):
      loop.counters.bytesSent.bump(count)
      if count < bytes.count { canWrite = false }
    case .wouldBlock, .ended: canWrite = false
    case .failed: break
    }
    return result
  }

  /// All that was written is on its way, and nothing can hold it up but the kernel.
  var isDelivered: Bool { true }

  /// Sends a piece of a file, of at most `most` bytes, while `output` is empty.
  /// - Returns: bytes that are on their way, 0 at the end of the file, less than 0 for errno(3).
  func send(_ part: inout FileBody, most: Int) -> Int {
    let sent = par_sendfile(descriptor, part.descriptor, &part.offset, most)
    if sent > 0 {
      loop.counters.bytesSent.bump(sent)
      wrote(sent)
    }
    return sent
  }

  /// The last response was sent. Closes so that the client can still read it.
  func closeGracefully() {
    if body.isDone, !canRead, input?.isEmpty ?? true { return shut() }
    shutdown(descriptor, Int32(SHUT_WR))
    phase = .lingering
    setDeadline(loop.now + loop.limits.lingerTime.nanoseconds)
    linger()
  }

  /// Takes the exchange out of those in flight: its last byte was handed to the kernel.
  func leave() { loop.shared.leave() }

  /// Ends the transport at once.
  func closeTransport() {
    closeDescriptor()
    loop.shared.connections.subtract(1, ordering: .relaxed)
    loop.counters.connectionsOpen.bump(-1)
  }

  /// Counts why the connection is ended; a stream of HTTP/2 is counted by its own connection.
  final func ended(_ end: HTTP1End) {
    if descriptor >= 0 { loop.counters.http1Ended(end) }
  }

  // MARK: Who

  final func knownPeer() -> Peer {
    if let peer { return peer }
    let found = Peer(descriptor, loop.shared.options)
    peer = found
    return found
  }

  final func knownRequestID() -> [UInt8] {
    if requestID.isEmpty { loop.identifiers.append(to: &requestID) }
    return requestID
  }
}

extension ClientConnection.Peer {
  /// Who is at the other end of a socket.
  init(_ descriptor: Int32, _ options: DataPlaneOptions) {
    var address = [CChar](repeating: 0, count: 64)
    var number: UInt16 = 0
    let result = par_peer_address(descriptor, &address, address.count, &number)
    text = address.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let parsed = IPAddress(String(decoding: text, as: UTF8.self))
    // A Unix socket's peer is on this machine; one that is already gone is nobody.
    isSupervisor =
      options.supervisor != nil
      && (parsed.map { AddressRange.loopback.contains($0) } ?? (result == 0))
    isTrusted =
      isSupervisor
      || (parsed.map { address in options.trustedProxies.contains { $0.contains(address) } }
        ?? (result == 0))
  }
}
