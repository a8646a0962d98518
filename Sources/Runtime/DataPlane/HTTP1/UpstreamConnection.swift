import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// A connection to the agent: in an exchange with one client, or idle in the pool.
final class UpstreamConnection: Pollable {
  /// Who it serves; nil in the pool. The client closes it before it goes.
  unowned(unsafe) var client: ClientConnection?
  var canRead = false
  var canWrite = true
  /// The agent has closed its sending side; what it sent before may be unread.
  var hungUp = false
  /// It has closed it altogether, or both sides have ended theirs: nobody reads what is written.
  var isDead = false
  /// It served an exchange before the present one.
  var wasUsed = false
  var input: ByteBuffer?
  var scanner = HeadScanner()
  var body = BodyDecoder(.none)
  /// The final response's head has been parsed.
  var hasHead = false
  /// The agent keeps the connection open after this response.
  var keepAlive = true
  /// Its last response has no body, as far as its status or the request's method says.
  var isBodiless = false

  /// Whose pool it belongs to.
  let backend: LoopBackend
  /// Who is at the other end.
  let worker: LoopWorker
  /// The kernel has not said yet whether somebody is there.
  private(set) var isConnecting: Bool
  /// Where the worker marks that it has begun what is sent here; nil: nowhere.
  private let mark: Int?
  /// What ends each head that is sent here: the number of the mark's slot, and the empty line.
  let endOfHead: [UInt8]
  private var watchesWriting: Bool

  /// A Unix socket without EPOLLOUT, which it reports each time the peer has read something, full
  /// before or not: that would be a wake-up for nothing with each request. One of TCP reports it only
  /// after it was full.
  let usualEvents: UInt32

  init(descriptor: Int32, backend: LoopBackend, worker: LoopWorker, isConnecting: Bool) {
    self.backend = backend
    self.worker = worker
    self.isConnecting = isConnecting
    let isUnix = if case .unix = worker.worker.rest { true } else { false }
    usualEvents = PAR_EPOLLIN | PAR_EPOLLRDHUP | PAR_EPOLLET | (isUnix ? 0 : PAR_EPOLLOUT)
    watchesWriting = !isUnix
    canWrite = !isConnecting
    mark = worker.takeSlot()
    endOfHead = Self.endOfHead(mark, worker.worker)
    super.init(descriptor: descriptor, loop: backend.loop)
  }

  private static func endOfHead(_ mark: Int?, _ worker: Worker) -> [UInt8] {
    guard let mark else { return Array("\r\n".utf8) }
    var line = Array("X-PAR-Slot: \(mark)".utf8)
    if worker.isRun, let token = worker.memory?.token { line += [Byte.space] + token }
    return line + Array("\r\n\r\n".utf8)
  }

  /// The socket is full: an event says when it is not.
  func writeBlocked() {
    canWrite = false
    guard !watchesWriting else { return }
    watchesWriting = true
    loop.rewatch(self, events: usualEvents | PAR_EPOLLOUT)
  }

  /// All was written: the events of `writeBlocked` are not wanted any more.
  func writeUnblocked() {
    guard watchesWriting, canWrite, usualEvents & PAR_EPOLLOUT == 0 else { return }
    watchesWriting = false
    loop.rewatch(self, events: usualEvents)
  }

  override func ready(_ events: UInt32) {
    if isConnecting { return isDecided(events) }
    if events & PAR_EPOLLIN != 0 { canRead = true }
    if events & PAR_EPOLLOUT != 0 { canWrite = true }
    if events & (PAR_EPOLLRDHUP | PAR_EPOLLHUP | PAR_EPOLLERR) != 0 {
      canRead = true
      canWrite = true
      hungUp = true
      if events & (PAR_EPOLLHUP | PAR_EPOLLERR) != 0 { isDead = true }
    }
    if let client {
      client.advance()
    } else if canRead {
      // Idle, and the agent ended it or sent what nobody asked for.
      backend.upstreams.remove(self)
      shut()
    }
  }

  /// Whether somebody is there is known, or it is not yet.
  private func isDecided(_ events: UInt32) {
    guard events & (PAR_EPOLLOUT | PAR_EPOLLERR | PAR_EPOLLHUP) != 0 else { return }
    isConnecting = false
    let number = par_socket_error(descriptor)
    guard number == 0 else {
      // Nobody but its client waits for it.
      client?.refused(self, number)
      return
    }
    canWrite = true
    client?.isConnected()
    ready(events)
  }

  // MARK: In the pool

  /// The pool has it from here on.
  func idles() {
    loop.idleUpstreams += 1
    if worker.worker.isRun {
      setDeadline(loop.now + loop.shared.options.agents.idleUpstreamTime.nanoseconds)
    }
  }

  /// … and no longer.
  func endsIdling() {
    loop.idleUpstreams -= 1
    setDeadline(Pollable.never)
  }

  override func expired() {
    guard client == nil, descriptor >= 0 else { return }
    backend.upstreams.remove(self)
    shut()
  }

  /// Back to the state in which a request can be sent.
  func reset() {
    scanner = HeadScanner()
    body = BodyDecoder(.none)
    hasHead = false
    keepAlive = true
    client = nil
    if watchesWriting, usualEvents & PAR_EPOLLOUT == 0 {
      watchesWriting = false
      loop.rewatch(self, events: usualEvents)
    }
    dropInput()
  }

  /// Whether nothing has come that nobody asked for. Asked only after a response without a body,
  /// where careless agents send one: it must not be taken for the next response, and the event that
  /// tells of it may come after the next request.
  var isQuiet: Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == EAGAIN
  }

  /// A request is handed over next.
  func begins(_ client: ClientConnection) {
    self.client = client
    if let mark { worker.clear(mark) }
  }

  /// The agent may have begun the present request.
  var hasBegun: Bool { mark.map { worker.hasBegun($0) } ?? true }

  /// Whether the agent tells what it has begun.
  var isMarked: Bool { mark != nil && worker.isMarking }

  /// The first byte of a response came.
  func answers() { if let mark { worker.answered(mark) } }

  func dropInput() {
    guard let buffer = input else { return }
    input = nil
    loop.buffers.give(buffer)
  }

  func dropInputIfEmpty() { if input?.isEmpty ?? false { dropInput() } }

  func read() -> Transfer {
    guard canRead else { return .wouldBlock }
    let buffer = loop.inputBuffer(&input, much: body.isLong(loop.limits))
    let space = buffer.writable
    let result = receive(space)
    switch result {
    case .moved(let count):
      buffer.commit(count)
      if count < space.count, !hungUp { canRead = false }
    case .wouldBlock, .ended, .failed:
      if result == .wouldBlock { canRead = false }
      dropInputIfEmpty()
    }
    return result
  }

  /// It could not be watched: gives back what it has, and was never connected.
  func abandon() {
    close(descriptor)
    descriptor = -1
    if let mark { worker.giveSlot(mark) }
  }

  func shut() {
    guard descriptor >= 0 else { return }
    dropInput()
    client = nil
    closeDescriptor()
    loop.counters.upstreamOpen.bump(-1)
    if let mark { worker.giveSlot(mark) }
    worker.disconnected()
  }
}
