import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Synchronization

/// One thread's connections: an epoll instance, deadlines, and what requests need so often that
/// it is kept ready. Sleeps until something happens; there is no tick.
///
/// Unchecked, because the compiler cannot see that everything but `mailbox`, `wake`,
/// `heartbeat` and `shared` belongs to the loop's own thread once it runs.
final class EventLoop: @unchecked Sendable {
  static let eventsPerWait = 128
  /// How often a turn goes through those that have more to do: what a stream of HTTP/2 says in the
  /// first round, its connection writes in the second.
  static let roundsPerTurn = 2
  /// Rounds of the last pass, so that a client which never stops sending cannot hold the end.
  static let lastRounds = 16
  private static let mailboxToken = UInt64.max

  let shared: SharedState
  let counters: LoopCounters
  let limits: HTTPLimits
  let index: Int
  private let epoll: Int32
  private let wake: Int32
  private let mailbox = Locked<[Command]>([])
  /// The last asking for a sign of life that this loop came round for.
  let heartbeat = Atomic<UInt64>(0)

  private var watched: [Pollable?] = []
  private var generations: [UInt32] = []
  private var freeSlots: [Int] = []
  private var queue: [Pollable] = []
  /// Those of the queue whose turn it is.
  private var resuming: [Pollable] = []
  private let ports: [PortListener]
  private var listeners: [ListenerSocket] = []
  private var isStopping = false

  /// Monotonic nanoseconds when the loop last woke.
  private(set) var now: Int64 = 0
  var deadlines = TimerWheel()
  let buffers: BufferPool
  let requestHead: RequestHead
  let responseHead: ResponseHead
  let trailerLines: FieldLines
  /// In the pools of all backends.
  var idleUpstreams = 0
  var files = UIFolder()
  let http2: HTTP2Resources
  /// The program itself: what it says of its state. In `run` it is the agent as well.
  let front: LoopBackend
  var directory = LoopDirectory()
  private var refusals = 0
  private var lastRefusal = Int64.min / 2
  var dates = DateField()
  var identifiers = Identifiers()
  var reports: RequestReports
  let scratch = ByteBuffer(capacity: 4096)

  /// - Throws: `SystemError` when the epoll instance or eventfd cannot be made.
  init(shared: SharedState, index: Int, listeners: [PortListener]) throws {
    self.shared = shared
    self.index = index
    ports = listeners
    counters = shared.counters[index]
    limits = shared.options.limits
    buffers = BufferPool(limits)
    requestHead = RequestHead(limits: limits)
    responseHead = ResponseHead(limits: limits)
    trailerLines = FieldLines(limits: limits)
    reports = RequestReports(shared.options, now: par_monotonic_ns())
    front = LoopBackend(shared.front, shared, loop: index)
    http2 = HTTP2Resources(limits: shared.options.http2)
    epoll = par_epoll_create()
    guard epoll >= 0 else { throw SystemError("epoll_create1") }
    wake = par_eventfd()
    guard wake >= 0 else {
      let error = SystemError("eventfd")
      close(epoll)
      throw error
    }
    par_epoll_add(epoll, wake, PAR_EPOLLIN, Self.mailboxToken)
    front.join(self)
  }

  deinit {
    close(epoll)
    close(wake)
  }

  // MARK: Buffers

  /// The buffer that a connection reads into next: its own, with room made, or one from the pool.
  /// - Parameter much: more is known to come than a buffer of the usual size takes.
  func inputBuffer(_ input: inout ByteBuffer?, much: Bool = false) -> ByteBuffer {
    if let buffer = input {
      if buffer.room < 1024 { buffer.reserve(max(1024, limits.bufferBytes - buffer.count)) }
      return buffer
    }
    let buffer = much ? buffers.takeLarge() : buffers.take()
    input = buffer
    return buffer
  }

  /// When something is handed on, for what is told of one request: exact where the client is told.
  @inline(__always)
  var moment: Int64 { shared.options.timingHeader ? par_monotonic_ns() : now }

  // MARK: The snapshot

  /// The program's state.
  @inline(__always)
  func state() -> Published { front.state() }

  /// Calls `body` with the program's own backend and each agent's.
  func forEachBackend(_ body: (LoopBackend) -> Void) {
    body(front)
    for backend in directory.all { body(backend) }
  }

  // MARK: Any thread

  func send(_ command: Command) {
    mailbox.withLock { $0.append(command) }
    wakeUp()
  }

  /// Makes the loop come round, which it also does without a command.
  func wakeUp() {
    var one: UInt64 = 1
    write(wake, &one, 8)
  }

  // MARK: The loop's thread

  /// Runs until `Command.stop`.
  func run() {
    par_thread_name("par-loop-\(index)")
    listeners = ports.map {
      ListenerSocket(
        descriptor: $0.descriptor, loop: self, port: $0.port, isPassed: $0.wasPassed)
    }
    for listener in listeners { watch(listener, events: PAR_EPOLLIN | PAR_EPOLLEXCLUSIVE) }
    var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerWait)
    now = par_monotonic_ns()
    // The wheel begins here.
    _ = deadlines.takeExpired(at: now)
    while !isStopping {
      let timeout: Int64 =
        if !queue.isEmpty {
          0
        } else if let next = deadlines.next(after: now) {
          max(0, next - now)
        } else {
          -1
        }
      turn(&events, timeout)
    }
    finish(&events)
  }

  /// - Returns: whether anything was there to do.
  @discardableResult
  private func turn(_ events: inout [epoll_event], _ timeout: Int64) -> Bool {
    let count = par_epoll_wait(epoll, &events, Int32(Self.eventsPerWait), timeout)
    now = par_monotonic_ns()
    var position = 0
    while position < count {
      let token = events[position].data.u64
      if token == Self.mailboxToken {
        readMailbox()
      } else if let pollable = find(token) {
        pollable.ready(events[position].events)
      }
      position += 1
    }
    while let pollable = deadlines.takeExpired(at: now) { pollable.expired() }
    for _ in 0..<Self.roundsPerTurn where !queue.isEmpty {
      swap(&queue, &resuming)
      for pollable in resuming {
        pollable.isQueued = false
        pollable.resume()
      }
      resuming.removeAll(keepingCapacity: true)
    }
    return count > 0 || !queue.isEmpty
  }

  private func readMailbox() {
    var count: UInt64 = 0
    read(wake, &count, 8)
    heartbeat.store(shared.heartbeatsAsked.load(ordering: .relaxed), ordering: .relaxed)
    let commands = mailbox.withLock { commands in
      let taken = commands
      commands.removeAll()
      return taken
    }
    for command in commands {
      switch command {
      case .stop: isStopping = true
      case .gateChanged:
        forEachBackend { $0.lookAtHeld() }
        tellGate()
      case .directoryChanged: refreshDirectory()
      case .reply(let reply): reply.told()
      case .leaveBacklog: leaveBacklog()
      case .retire(let retirement): retire(retirement)
      case .cut(let reason, let collector): collector.answer(cut(reason))
      }
    }
  }

  private func retire(_ retirement: Retirement) {
    var found: LoopWorker?
    forEachBackend { backend in
      // The snapshot without it is in use from here on.
      _ = backend.state()
      found = found ?? backend.workers.find(retirement.worker)
    }
    guard let found else { return retirement.loopIsIdle() }
    found.retire(retirement)
  }

  private func leaveBacklog() {
    for listener in listeners where listener.isPassed { listener.detach() }
    listeners.removeAll { $0.isPassed }
  }

  /// Connections that live longer than a request hear of a new gate by themselves.
  private func tellGate() {
    let published = state()
    for case let client as HTTP2ClientConnection in watched { client.gateChanged(published) }
  }

  private func cut(_ reason: CutReason) -> [(started: Int64, request: AbortedRequest)] {
    var aborted: [(started: Int64, request: AbortedRequest)] = []
    for pollable in watched {
      if let client = pollable as? ClientConnection {
        if let one = client.cut(reason) { aborted.append(one) }
      } else if let client = pollable as? HTTP2ClientConnection {
        aborted += client.cut(reason)
      }
    }
    if case .upstreamLost(let worker) = reason {
      forEachBackend { $0.lost(worker) }
    }
    aborted.sort { $0.started < $1.started }
    return Array(aborted.prefix(Collector.capacity))
  }

  /// The last pass: what has arrived is answered, what waits to be accepted too, then all closes.
  private func finish(_ events: inout [epoll_event]) {
    forEachBackend { $0.refuseHeld() }
    for _ in 0..<Self.lastRounds where !turn(&events, 0) { break }
    for listener in listeners {
      while true {
        let client = par_accept(listener.descriptor)
        guard client >= 0 else { break }
        refuse(client, port: listener.port)
      }
      listener.detach()
    }
    for case let client as ClientConnection in watched { client.shut() }
    for case let client as HTTP2ClientConnection in watched { client.finish() }
    forEachBackend { $0.close() }
    files.closeFolder()
    // Each of these keeps the loop.
    watched.removeAll()
    queue.removeAll()
    listeners.removeAll()
    directory = LoopDirectory()
  }

  // MARK: Descriptors

  /// Watches a descriptor; edge-triggered unless the events say otherwise.
  /// - Returns: false when the kernel refused (out of memory or watches).
  @discardableResult
  func watch(_ pollable: Pollable, events: UInt32) -> Bool {
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
    } else {
      slot = watched.count
      watched.append(nil)
      generations.append(0)
    }
    let token = UInt64(generations[slot]) << 32 | UInt64(slot)
    guard par_epoll_add(epoll, pollable.descriptor, events, token) == 0 else {
      freeSlots.append(slot)
      return false
    }
    watched[slot] = pollable
    pollable.slot = slot
    return true
  }

  /// Changes what is watched for. What is so already is reported again.
  func rewatch(_ pollable: Pollable, events: UInt32) {
    let slot = pollable.slot
    guard slot >= 0 else { return }
    par_epoll_modify(
      epoll, pollable.descriptor, events, UInt64(generations[slot]) << 32 | UInt64(slot))
  }

  func unwatch(_ pollable: Pollable) {
    let slot = pollable.slot
    guard slot >= 0 else { return }
    par_epoll_remove(epoll, pollable.descriptor)
    // Events of this descriptor that were already fetched carry the old generation.
    generations[slot] &+= 1
    watched[slot] = nil
    freeSlots.append(slot)
    pollable.slot = -1
  }

  @inline(__always)
  private func find(_ token: UInt64) -> Pollable? {
    let slot = Int(token & 0xFFFF_FFFF)
    guard slot < watched.count, UInt64(generations[slot]) == token >> 32 else { return nil }
    return watched[slot]
  }

  /// `pollable.resume()` is called after the other connections had their turn.
  func again(_ pollable: Pollable) {
    guard !pollable.isQueued else { return }
    pollable.isQueued = true
    queue.append(pollable)
  }

  // MARK: Connections

  func accepted(_ client: Int32, port: Port) {
    guard shared.connections.load(ordering: .relaxed) < limits.connections else {
      return refuse(client, port: port)
    }
    if port == .a2a { return acceptedHTTP2(client) }
    let connection = ClientConnection(descriptor: client, loop: self, port: port)
    guard watch(connection, events: PAR_EPOLLIN | PAR_EPOLLOUT | PAR_EPOLLRDHUP | PAR_EPOLLET)
    else { return refuse(client, port: port) }
    shared.connections.add(1, ordering: .relaxed)
    counters.connectionsAccepted.bump(1)
    counters.connectionsOpen.bump(1)
    connection.opened()
  }

  private func acceptedHTTP2(_ client: Int32) {
    guard let session = HTTP2Library.shared.session(client: false, limits: shared.options.http2)
    else { return refuse(client, port: .a2a) }
    let connection = HTTP2ClientConnection(
      descriptor: client, loop: self, port: .a2a, session: session)
    guard
      watch(connection, events: PAR_EPOLLIN | PAR_EPOLLOUT | PAR_EPOLLRDHUP | PAR_EPOLLET)
    else { return refuse(client, port: .a2a) }
    shared.connections.add(1, ordering: .relaxed)
    counters.connectionsAccepted.bump(1)
    counters.connectionsOpen.bump(1)
    connection.opened()
  }

  /// Another object takes over a connection, its place in the table included.
  func exchange(_ old: Pollable, for new: Pollable) {
    let slot = old.slot
    guard slot >= 0 else { return }
    deadlines.remove(old)
    old.slot = -1
    old.descriptor = -1
    new.slot = slot
    watched[slot] = new
  }

  /// Tells of a connection that was ended for what its client did; not of each, when there are many.
  func refused(_ reason: String, peer: String) {
    refusals += 1
    guard now - lastRefusal >= shared.options.http2.refusalInterval.nanoseconds else { return }
    lastRefusal = now
    shared.observer.connectionRefused(reason: reason, peer: peer, count: refusals)
    refusals = 0
  }

  /// Answers 503 without reading a request, as far as that goes without waiting, and closes.
  private func refuse(_ client: Int32, port: Port) {
    if port != .a2a { counters.http1Ended(.connections) }
    let published = state()
    let answer =
      port == .a2a
      ? HTTP2Preface.refusal : ErrorAnswer.refusal(state: published.snapshot.state)
    answer.withUnsafeBytes { bytes in
      _ = Glibc.send(client, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }
    shutdown(client, Int32(SHUT_WR))
    // Unread input would turn the close into a reset, and the answer might be lost with it.
    scratch.clear()
    while recv(client, scratch.base, scratch.capacity, Int32(MSG_DONTWAIT)) > 0 {}
    close(client)
  }
}
