import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// One agent as one loop knows it: its snapshot, the connections to its workers, and the requests
/// that wait for it. Confined to the loop's thread.
///
/// Whatever has to do with an agent's worker belongs to one of these, and keeps it: a connection of
/// one agent cannot be found by a request for another, also when an agent is removed and another one
/// of the same id comes.
final class LoopBackend {
  let backend: Backend
  /// The loop closes it before it ends.
  unowned(unsafe) private var owner: EventLoop?
  private(set) var workers: LoopWorkers
  var upstreams: UpstreamPool
  /// nil in `run`, where the loop's counters say it all.
  let counters: BackendCounters?
  /// The directory has it no more: what comes back unbegun is answered 404.
  private(set) var isRemoved = false
  private var heldRequests: HeldRequests?
  private var agentConnections: AgentConnections?
  private var cachedWord: UInt64 = 0
  private var cached: Published

  /// - Parameter index: of the loop; `join` follows.
  init(_ backend: Backend, _ shared: SharedState, loop index: Int) {
    self.backend = backend
    counters = backend === shared.front ? nil : backend.counters(ofLoop: index)
    workers = LoopWorkers(loop: index, of: shared.counters.count)
    upstreams = UpstreamPool(limit: shared.options.limits.idleUpstreams)
    cached = backend.current()
  }

  func join(_ loop: EventLoop) { owner = loop }

  var loop: EventLoop {
    guard let owner else { preconditionFailure("whoever makes a backend joins it to its loop") }
    return owner
  }

  // MARK: The snapshot

  /// The state that a request beginning now is answered with.
  @inline(__always)
  func state() -> Published {
    let word = backend.gateWord.load(ordering: .sequentiallyConsistent)
    if word != cachedWord { refresh(word) }
    return cached
  }

  private func refresh(_ word: UInt64) {
    cachedWord = word
    cached = backend.current()
    guard workers.use(isRemoved ? nil : cached.snapshot.worker) else { return }
    upstreams.closeAll()
    agentConnections?.retireAll()
  }

  // MARK: Made when first needed

  var held: HeldRequests {
    if let heldRequests { return heldRequests }
    let made = HeldRequests(backend: self)
    heldRequests = made
    return made
  }

  /// Whether no request waits for an agent.
  @inline(__always) var holdsNone: Bool { heldRequests?.isEmpty ?? true }

  var agents: AgentConnections {
    if let agentConnections { return agentConnections }
    let made = AgentConnections(backend: self)
    agentConnections = made
    return made
  }

  // MARK: Its workers

  func connect() -> UpstreamPool.Lease {
    _ = state()
    guard let worker = workers.current, let address = worker.worker.rest else {
      return .failed(ENOENT)
    }
    let descriptor: Int32
    var isConnecting = false
    switch address {
    case .unix(let path): descriptor = par_connect_unix(path)
    case .loopback(let port): descriptor = par_connect_loopback(port, &isConnecting)
    }
    guard descriptor >= 0 else { return errno == EAGAIN ? .busy : .failed(errno) }
    guard isCurrent(worker) else {
      Glibc.close(descriptor)
      return connect()
    }
    let connection = UpstreamConnection(
      descriptor: descriptor, backend: self, worker: worker, isConnecting: isConnecting)
    guard loop.watch(connection, events: connection.usualEvents) else {
      let number = errno
      connection.abandon()
      return .failed(number)
    }
    worker.connected()
    loop.counters.upstreamConnects.bump(1)
    loop.counters.upstreamOpen.bump(1)
    return .connected(connection)
  }

  /// Whether the address that was connected to just now is still this worker's. Who comes after it may
  /// listen there, and does so only after the snapshot without it was published.
  func isCurrent(_ worker: LoopWorker) -> Bool {
    _ = state()
    return workers.current === worker
  }

  /// The worker has ended.
  /// - Parameter worker: nil: any.
  func lost(_ worker: Worker?) {
    upstreams.closeAll(of: worker)
    agentConnections?.lost(worker)
  }

  /// Whether a connection to one of its workers is open.
  var isConnected: Bool { workers.isConnected }

  // MARK: Its end

  /// The directory has it no more. What goes on with its workers goes on.
  func remove() {
    isRemoved = true
    cachedWord = 0
    _ = state()
    lookAtHeld()
  }

  /// Somebody listens where the worker should.
  func isReached() {
    guard let heldRequests, !heldRequests.isEmpty else { return }
    heldRequests.isReachable = true
    heldRequests.look()
  }

  /// The gate is another one.
  func lookAtHeld() {
    heldRequests?.look()
    agentConnections?.look()
  }

  /// The loop begins its last pass.
  func refuseHeld() { heldRequests?.end() }

  /// The loop ends.
  func close() {
    upstreams.closeAll()
    agentConnections?.closeAll()
    // Each of these keeps the loop.
    heldRequests = nil
    agentConnections = nil
  }
}
