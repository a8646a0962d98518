import Glibc

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
      connection.endsIdling()
      if !connection.isBodiless || connection.isQuiet { return connection }
      connection.shut()
    }
    return nil
  }

  mutating func give(_ connection: UpstreamConnection) {
    connection.reset()
    let loop = connection.loop
    guard idle.count < limit, !connection.hungUp,
      loop.idleUpstreams < loop.shared.options.agents.idleUpstreams,
      connection.worker === connection.backend.workers.current
    else {
      return connection.shut()
    }
    connection.wasUsed = true
    connection.idles()
    idle.append(connection)
  }

  mutating func remove(_ connection: UpstreamConnection) {
    guard let index = idle.firstIndex(where: { $0 === connection }) else { return }
    idle.remove(at: index)
    connection.endsIdling()
  }

  /// - Parameter worker: only those to this one; nil: all.
  mutating func closeAll(of worker: Worker? = nil) {
    idle.removeAll { connection in
      guard worker == nil || connection.worker.worker === worker else { return false }
      connection.endsIdling()
      connection.shut()
      return true
    }
  }
}
