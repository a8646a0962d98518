import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Synchronization

/// The program's HTTP server, reverse proxy and file server: event loops on threads of their own
/// that read one snapshot of the program's state.
///
/// All methods are for the main thread, unless noted.
public final class DataPlane: Sendable {
  private let shared: SharedState
  private let loops: [EventLoop]
  private let listeners: [PortListener]
  private let threads = Locked<[pthread_t]>([])
  private let isStopped = Locked(false)

  /// Takes ownership of the listening sockets: `stop()` closes them.
  /// - Throws: `SystemError` when an epoll instance or an eventfd cannot be made.
  public init(
    options: DataPlaneOptions, listeners: [PortListener], initial: Snapshot,
    observer: any DataPlaneObserver
  ) throws {
    for listener in listeners {
      // Accepted sockets inherit it. A Unix socket's peer cannot vanish, and knows none of this.
      let time = max(options.limits.vanishedTime, options.bodyIdleTimeout).nanoseconds
      par_set_vanishing(
        listener.descriptor, options.limits.vanishedTime.nanoseconds / 1_000_000,
        time / 1_000_000)
    }
    let shared = SharedState(options: options, initial: initial, observer: observer)
    self.shared = shared
    self.listeners = listeners
    loops = try shared.counters.indices.map {
      try EventLoop(shared: shared, index: $0, listeners: listeners)
    }
  }

  /// Starts the threads; requests are answered from here on.
  /// - Throws: `SystemError` when a thread cannot be made.
  public func start() throws {
    // Signals are the main thread's business; SIGPIPE of sendfile(2) is nobody's.
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    for loop in loops {
      var thread = pthread_t()
      let box = Unmanaged.passRetained(loop)
      let result = pthread_create(
        &thread, nil,
        { argument in
          // The one reference that `start` passed on.
          if let argument { Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, box.toOpaque())
      guard result == 0 else {
        box.release()
        throw SystemError("pthread_create", number: result)
      }
      threads.withLock { $0.append(thread) }
    }
  }

  /// What requests see from now on; with `Routing.agents`, of the supervisor itself.
  public func publish(_ snapshot: Snapshot) { publish(snapshot, for: shared.front) }

  /// What requests for this agent see from now on. It need not be in the directory (yet).
  public func publish(_ snapshot: Snapshot, for backend: Backend) {
    backend.publish(snapshot, holds: shared.options.holds)
    guard
      shared.held.load(ordering: .sequentiallyConsistent) > 0
        || shared.http2Connections.load(ordering: .sequentiallyConsistent) > 0
    else { return }
    for loop in loops { loop.send(.gateChanged) }
  }

  /// The agents that requests are routed to from now on, with `Routing.agents`. Requests for one that
  /// is left out get 404, also those that wait for it; what goes on with its worker goes on. An id
  /// that is there twice is not found.
  public func publish(directory entries: [BackendEntry]) {
    shared.publish(entries)
    for loop in loops { loop.send(.directoryChanged) }
  }

  /// Requests for this agent that count. From any thread.
  public func inFlight(of backend: Backend) -> Int { reading(of: backend).inFlight }

  /// What the requests for this agent came to so far. From any thread.
  public func reading(of backend: Backend) -> BackendReading { BackendReading(backend) }

  /// Requests that count, of the whole program: agent requests and UI files, from the complete
  /// head to the last byte handed to the kernel. From any thread.
  public var inFlight: Int { shared.inFlight.load(ordering: .sequentiallyConsistent) }

  /// Counted requests whose response was handed to the kernel, since start. From any thread.
  public var completed: Int { shared.completed.load(ordering: .relaxed) }

  /// Counted requests that were answered 502 because the agent went away, or cut. From any thread.
  public var abortedCount: Int { shared.aborted.load(ordering: .relaxed) }

  /// The worker is gone: each exchange that it had begun is answered 502, or cut when its response
  /// began, and counted aborted. What it had answered is delivered, and what it had not begun goes to
  /// the next worker; exchanges with others go on, and those that wait for a connection. Waits for the
  /// loops, at most 100 ms.
  /// - Parameter worker: its process has ended; nil: that of any worker.
  /// - Returns: what was aborted, oldest first, at most 20, including exchanges that noticed the
  ///   end of the worker by themselves within the last second.
  public func upstreamLost(_ worker: Worker? = nil) -> [AbortedRequest] {
    cut(.upstreamLost(worker))
  }

  /// The worker gets no more requests: the snapshot that was published last has another one, or
  /// none. Connections to it that are idle are closed, exchanges with it go on; the observer's
  /// `workerIsIdle` is called when there are none (left). Does not wait.
  public func retire(_ worker: Worker) {
    let retirement = Retirement(worker, loops: loops.count, observer: shared.observer)
    for loop in loops { loop.send(.retire(retirement)) }
  }

  /// Cuts event streams, tunnels and gRPC streams, which do not end by themselves. A download
  /// without a declared length does: it goes on until the deadline. Waits like `upstreamLost`.
  /// - Parameter worker: whose; nil: all.
  public func cutStreams(of worker: Worker? = nil) -> [AbortedRequest] {
    cut(.streams(of: worker))
  }

  /// Cuts everything in flight; what has no response yet is answered 503. Waits like
  /// `upstreamLost`.
  public func cutAll() -> [AbortedRequest] { cut(.all) }

  /// Accepts no more connections from the sockets that were passed to the program: they wait there
  /// for the next one that it is passed to. Others go on.
  public func leaveBacklog() {
    guard listeners.contains(where: \.wasPassed) else { return }
    for loop in loops { loop.send(.leaveBacklog) }
  }

  /// Asks every loop for a sign of life: each wakes, comes round once and counts. Does not wait.
  public func askHeartbeat() {
    shared.heartbeatsAsked.add(1, ordering: .relaxed)
    for loop in loops { loop.wakeUp() }
  }

  /// Whether every loop came round since it was last asked: one that hangs in a call, or does not
  /// run at all, has not.
  public var heartbeatIsWhole: Bool {
    let asked = shared.heartbeatsAsked.load(ordering: .relaxed)
    return loops.allSatisfy { $0.heartbeat.load(ordering: .relaxed) == asked }
  }

  private func cut(_ reason: CutReason) -> [AbortedRequest] {
    guard !isStopped.withLock({ $0 }) else { return [] }
    let collector = Collector(loops: loops.count)
    for loop in loops { loop.send(.cut(reason, collector)) }
    collector.wait(shared.options.limits.cutPatience)
    var aborted = collector.aborted
    if case .upstreamLost = reason { aborted += shared.losses.take(at: par_monotonic_ns()) }
    return aborted.sorted { $0.started < $1.started }.prefix(Collector.capacity).map(\.request)
  }

  /// A last pass over ready events (what waits in the accept queue is answered 503 and closed),
  /// then closes everything and joins the threads. Further calls do nothing.
  public func stop() {
    let first = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard first else { return }
    for loop in loops { loop.send(.stop) }
    for thread in threads.withLock({ $0 }) { pthread_join(thread, nil) }
    for listener in listeners { close(listener.descriptor) }
  }
}
