import CPlatform
import Glibc
import Lifecycle

/// One loop's connections to the agent's gRPC server, made when a call needs one. Usually one: a
/// further one is opened when the agent takes no more calls on those there are.
///
/// The descriptor is none: only the deadline is used, which is when to try again.
final class AgentConnections: Pollable {
  static let unreachable = "The agent cannot be reached: nothing listens for gRPC"

  private var connections: [AgentHTTP2Connection] = []
  /// Calls that wait for a connection.
  private var waiting: [GRPCCall] = []
  /// When connecting is given up; 0: it is not tried.
  private var connectUntil: Int64 = 0
  private var isEnding = false

  /// Owns it, and every call here keeps it: it is there whenever a call or connection is.
  private unowned(unsafe) let backend: LoopBackend

  init(backend: LoopBackend) {
    self.backend = backend
    super.init(descriptor: -1, loop: backend.loop)
  }

  /// Another worker gets calls from now on. Those that one before has go on there.
  func retireAll() { for connection in connections { connection.retire() } }

  /// Gives a call to a connection.
  func place(_ call: GRPCCall) {
    guard waiting.isEmpty else { return call.heldUntil != 0 ? hold(call) : wait(call) }
    if let connection = connections.last(where: \.hasPlace), connection.submit(call) { return }
    let usable = connections.filter { !$0.isRetired }
    guard usable.isEmpty || usable.count < limits.agentConnections else {
      // The session keeps it until a place is free.
      guard let least = usable.min(by: { $0.waiting < $1.waiting }),
        least.waiting < limits.waitingCalls, least.submit(call)
      else { return call.notPlaced("Too many calls wait for the agent") }
      return
    }
    switch connect() {
    case .connected(let connection):
      if !connection.submit(call) { call.agentLost(Self.unreachable) }
    case .busy: wait(call)
    case .failed(let number) where UpstreamPool.isShortage(number):
      call.notPlaced(
        "No connection to the agent can be opened: \(String(cString: strerror(number)))")
    case .failed: call.repeats > 0 ? hold(call) : call.agentLost(Self.unreachable)
    }
  }

  /// A call that came back unsent.
  func placeAgain(_ call: GRPCCall) {
    call.rewind()
    guard !call.isOver else { return }
    call.repeats += 1
    guard call.repeats <= limits.callRepeats, prospect(of: call) != .nobody else {
      return call.agentLost(Self.unsent)
    }
    loop.counters.callsRepeated.bump(1)
    // Not within the session's callback.
    waiting.append(call)
    loop.again(self)
  }

  /// A call that was placed again, where nobody listened.
  func placeLater(_ call: GRPCCall) {
    call.rewind()
    if !call.isOver { hold(call) }
  }

  // MARK: Between two workers

  static let unsent = "The agent ended before the call was sent"

  /// What a call that no worker has begun may wait for.
  private enum Prospect {
    /// A worker is there, though its end may not be known yet.
    case worker
    /// One is being started.
    case restart
    case nobody
  }

  private func prospect(of call: GRPCCall) -> Prospect {
    let published = backend.state()
    guard !isEnding, !backend.isRemoved else { return .nobody }
    let isServed = published.snapshot.worker?.a2a != nil
    guard published.gate == .restarting, !(call.isAboutAgent && isServed) else {
      return isServed ? .worker : .nobody
    }
    return loop.shared.options.holds ? .restart : .nobody
  }

  /// Lets a call wait for the next worker, for no longer than requests are held for one.
  private func hold(_ call: GRPCCall) {
    if call.heldUntil == 0 {
      call.heldUntil = loop.now + loop.shared.options.holdTime.nanoseconds
    }
    let prospect = prospect(of: call)
    guard prospect != .nobody, loop.now < call.heldUntil else { return call.agentLost(Self.unsent) }
    guard waiting.count < limits.waitingCalls else {
      return call.notPlaced("Too many calls wait for the agent")
    }
    waiting.append(call)
    // What is being started is told of when it is there.
    let next = prospect == .restart ? .max : loop.now + loop.limits.connectRetry.nanoseconds
    setDeadline(min(deadline, next, call.heldUntil))
  }

  /// The gate is another one.
  func look() { if !waiting.isEmpty { placeWaiting() } }

  private var limits: HTTP2Limits { loop.shared.options.http2 }

  private func wait(_ call: GRPCCall) {
    guard waiting.count < limits.waitingCalls else {
      return call.notPlaced("Too many calls wait for the agent")
    }
    if connectUntil == 0 {
      connectUntil = loop.now + loop.shared.options.upstreamConnectTimeout.nanoseconds
    }
    waiting.append(call)
    if deadline == Pollable.never {
      setDeadline(loop.now + loop.limits.connectRetry.nanoseconds)
    }
  }

  override func resume() { placeWaiting() }
  override func expired() { placeWaiting() }

  private func placeWaiting() {
    let calls = waiting
    waiting = []
    let isOver = connectUntil != 0 && loop.now >= connectUntil
    if isOver { connectUntil = 0 }
    for call in calls where !call.isOver {
      if call.repeats > 0, prospect(of: call) != .worker {
        hold(call)
      } else if isOver, call.heldUntil == 0 {
        call.agentLost("The agent did not accept a connection in time")
      } else {
        place(call)
      }
    }
    if !waiting.contains(where: { $0.heldUntil == 0 }) { connectUntil = 0 }
  }

  private enum Lease {
    case connected(AgentHTTP2Connection)
    /// The agent's accept queue is full: try again shortly.
    case busy
    /// errno(3).
    case failed(Int32)
  }

  private func connect() -> Lease {
    let descriptor: Int32
    var isConnecting = false
    _ = backend.state()
    guard let worker = backend.workers.current else { return .failed(ENOENT) }
    switch worker.worker.a2a {
    case .unix(let path): descriptor = par_connect_unix(path)
    case .loopback(let port): descriptor = par_connect_loopback(port, &isConnecting)
    case nil: return .failed(ENOENT)
    }
    guard descriptor >= 0 else { return errno == EAGAIN ? .busy : .failed(errno) }
    guard backend.isCurrent(worker) else {
      close(descriptor)
      return connect()
    }
    guard let session = HTTP2Library.shared.session(client: true, limits: limits) else {
      close(descriptor)
      return .failed(ENOMEM)
    }
    let connection = AgentHTTP2Connection(
      descriptor: descriptor, backend: backend, session: session, worker: worker,
      isConnecting: isConnecting)
    let events =
      isConnecting
      ? AgentHTTP2Connection.usualEvents | PAR_EPOLLOUT : AgentHTTP2Connection.usualEvents
    guard loop.watch(connection, events: events) else {
      let number = errno
      close(descriptor)
      return .failed(number)
    }
    connections.append(connection)
    worker.connected()
    connection.opened()
    return .connected(connection)
  }

  func remove(_ connection: AgentHTTP2Connection) {
    connections.removeAll { $0 === connection }
  }

  /// The agent is gone.
  /// - Parameter worker: only this one; nil: whoever was connected to.
  func lost(_ worker: Worker?) {
    for connection in connections where worker == nil || connection.worker.worker === worker {
      connection.hearOut()
      connection.lost("")
    }
    placeWaiting()
  }

  /// The loop ends, or nobody comes after the agent.
  func closeAll() {
    isEnding = true
    for connection in connections { connection.lost("") }
    placeWaiting()
  }
}
