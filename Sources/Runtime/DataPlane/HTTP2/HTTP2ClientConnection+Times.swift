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
    if pingSent != 0 { next = min(next, pingSent + limits.pingPatience.nanoseconds) }
    setDeadline(next)
  }

  /// Between two looks for streams that stand still.
  private var lookInterval: Int64 {
    loop.shared.options.bodyIdleTimeout.nanoseconds / 2
  }

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
    if pingSent != 0, now - pingSent >= limits.pingPatience.nanoseconds { return refuse(.silent) }
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
    let limit = loop.shared.options.bodyIdleTimeout.nanoseconds
    // Nothing is read at all: resets of streams would wait behind the rest.
    if backlog != nil, loop.now - lastSent >= limit { return unread() }
    forEachStream { stream in
      guard stream.hasOutgoing, loop.now - stream.lastMoved >= limit else { return }
      loop.counters.http2Ended(.stalled)
      stream.reset(HTTP2Code.cancel)
    }
  }
}
