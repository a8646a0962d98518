import CPlatform
import Glibc
import Lifecycle

/// A listening socket as one loop sees it. The socket is shared by all loops (EPOLLEXCLUSIVE: a
/// connection wakes one of them) and owned by the `DataPlane`.
final class ListenerSocket: Pollable {
  let port: Port
  /// Whoever passed the socket to the program keeps it, and what waits in it, for the next one.
  let isPassed: Bool
  private var isPaused = false

  init(descriptor: Int32, loop: EventLoop, port: Port, isPassed: Bool) {
    self.port = port
    self.isPassed = isPassed
    super.init(descriptor: descriptor, loop: loop)
  }

  override func ready(_ events: UInt32) {
    for _ in 0..<loop.limits.acceptsPerTurn {
      let client = par_accept(descriptor)
      if client < 0 {
        let number = errno
        switch number {
        case EAGAIN: return
        // The connection, not the listener, failed (accept(2), "Error handling").
        case ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
          EOPNOTSUPP, ENETUNREACH, EPERM:
          continue
        // Out of descriptors or memory, or anything unknown: level-triggered, the listener would
        // be reported again at once, so it rests.
        default:
          pause()
          return
        }
      }
      // Of our own sockets, connections inherit it.
      if isPassed { par_set_nodelay(client) }
      loop.accepted(client, port: port)
    }
  }

  private func pause() {
    guard !isPaused else { return }
    isPaused = true
    loop.counters.http1Ended(.noDescriptors)
    loop.unwatch(self)
    setDeadline(loop.now + loop.limits.acceptPause.nanoseconds)
  }

  override func expired() {
    isPaused = false
    // What it rested for may go on, and nobody else would end the rest.
    if !loop.watch(self, events: PAR_EPOLLIN | PAR_EPOLLEXCLUSIVE) { pause() }
  }

  /// The loop ends; the socket stays open for the others.
  func detach() {
    loop.deadlines.remove(self)
    loop.unwatch(self)
    descriptor = -1
  }
}
