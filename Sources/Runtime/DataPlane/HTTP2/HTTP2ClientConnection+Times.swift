import CNghttp2
import Lifecycle

/// What a connection waits for at most so long.
extension HTTP2ClientConnection {
  func armTimes() {
    guard phase == .open else { return }
    var next = Int64.max
    if !isEstablished { next = accepted + limits.prefaceTime.nanoseconds }
    if headersStarted != 0 { next = min(next, headersStarted + limits.headersTime.nanoseconds) }
    if farewell == .announced {
      next = min(next, farewellAt + limits.goawayPatience.nanoseconds)
    }
    if streamCount == 0 {
      if isEstablished { next = min(next, idleSince + limits.idleTime.nanoseconds) }
    } else {
      if pingSent == 0 { next = min(next, lastHeard + limits.silence.nanoseconds) }
      next = min(next, lastLook + lookInterval)
    }
    if pingSent != 0 { next = min(next, lastAlive + limits.pingPatience.nanoseconds) }
    if backlog != nil { next = min(next, blockedSince + writePatience) }
    setDeadline(next)
  }

  /// Between two looks for streams that stand still.
  private var lookInterval: Int64 { writePatience / 2 }

  /// While a PING is out: our PING stands behind all that the client has yet to read, so that
  /// anything it says or takes meanwhile counts as well.
  private var lastAlive: Int64 { max(pingSent, lastHeard, blockedSince) }

  /// For one who takes nothing of what waits for it, a stream's reader or the client.
  private var writePatience: Int64 { loop.shared.options.bodyIdleTimeout.nanoseconds }

  func timePassed() {
    guard phase == .open else {
      if phase != .closed { shut() }
      return
    }
    let now = loop.now
    if !isEstablished, now - accepted >= limits.prefaceTime.nanoseconds {
      return refuse(.preface)
    }
    if headersStarted != 0, now - headersStarted >= limits.headersTime.nanoseconds {
      return refuse(.headerTime)
    }
    if pingSent != 0, now - lastAlive >= limits.pingPatience.nanoseconds { return refuse(.silent) }
    // A stream cannot be reset when nothing can be written.
    if backlog != nil, now - blockedSince >= writePatience { return unread() }
    if farewell == .announced, now - farewellAt >= limits.goawayPatience.nanoseconds {
      sayGoodbye()
    }
    if streamCount == 0 {
      if isEstablished, now - idleSince >= limits.idleTime.nanoseconds, farewell == .none {
        loop.counters.http2Ended(.idle)
        announce()
      }
      // Announced, and nobody comes: not to be looked at again and again.
      if farewell != .none { idleSince = now }
    } else {
      if pingSent == 0, now - lastHeard >= limits.silence.nanoseconds {
        ask()
        wantsFlush()
      }
      if now - lastLook >= lookInterval { lookForStalled() }
    }
    guard phase == .open else { return }
    armTimes()
  }

  /// A reader that takes nothing of what waits for it is given up.
  private func lookForStalled() {
    lastLook = loop.now
    let limit = writePatience
    forEachStream { stream in
      if stream.hasOutgoing, loop.now - stream.lastMoved >= limit { stream.giveUp() }
    }
  }
}
