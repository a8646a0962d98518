import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// One loop's connections to the agent that are kept open between requests. The agent never closes
/// an idle one first, so they stay until it goes or another worker takes its place.
struct UpstreamPool {
  private var idle: [UpstreamConnection] = []
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  var count: Int { idle.count }

  enum Lease {
    case connected(UpstreamConnection)
    /// The agent's accept queue is full: try again shortly.
    case busy
    /// errno(3): nobody listens, or the program is out of something.
    case failed(Int32)
  }

  /// Of errno(3): the program or the system is out of something, whatever the agent does.
  static func isShortage(_ number: Int32) -> Bool {
    switch number {
    case EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC: true
    default: false
    }
  }

  /// The connection that was used last, so that those not needed stay untouched.
  mutating func takeIdle() -> UpstreamConnection? {
    while let connection = idle.popLast() {
      if !connection.isBodiless || connection.isQuiet { return connection }
      connection.shut()
    }
    return nil
  }

  func connect(_ loop: EventLoop) -> Lease {
    guard let worker = loop.workers.current, let path = worker.worker.restSocket else {
      return .failed(ENOENT)
    }
    let descriptor = par_connect_unix(path)
    guard descriptor >= 0 else { return errno == EAGAIN ? .busy : .failed(errno) }
    let connection = UpstreamConnection(descriptor: descriptor, loop: loop, worker: worker)
    guard loop.watch(connection, events: UpstreamConnection.usualEvents) else {
      let number = errno
      connection.abandon()
      return .failed(number)
    }
    worker.connected()
    loop.counters.upstreamConnects.bump(1)
    loop.counters.upstreamOpen.bump(1)
    return .connected(connection)
  }

  mutating func give(_ connection: UpstreamConnection) {
    connection.reset()
    guard idle.count < limit, !connection.hungUp,
      connection.worker === connection.loop.workers.current
    else {
      return connection.shut()
    }
    connection.wasUsed = true
    idle.append(connection)
  }

  mutating func remove(_ connection: UpstreamConnection) { idle.removeAll { $0 === connection } }

  /// - Parameter worker: only those to this one; nil: all.
  mutating func closeAll(of worker: Worker? = nil) {
    idle.removeAll { connection in
      guard worker == nil || connection.worker.worker === worker else { return false }
      connection.shut()
      return true
    }
  }
}
