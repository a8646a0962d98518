import Glibc
import Lifecycle
import Synchronization

/// A request that waits for an agent. Its head is written already, its body is left to the client,
/// and so is what follows on the connection: what it costs is at most a buffer of `bufferBytes` for
/// what came with the head, and the head written anew, of `HTTPLimits.headBytes` and some fields.
extension ClientConnection {
  /// Lets the request wait, or answers 503 when too many do. Only for one that no agent has begun.
  func hold() {
    guard loop.shared.enterHold() else {
      loop.counters.holdsRefused.bump(1)
      return refuseHeld("The agent is not ready, and no more requests are held for it")
    }
    phase = .held
    exchange.heldSince = loop.now
    loop.counters.holds.bump(1)
    loop.held.insert(self)
  }

  /// - Returns: whether to go on.
  func advanceHeld() -> Bool {
    guard hungUp else { return false }
    guard bodyHasArrived else {
      gone()
      return false
    }
    // It has most likely gone; one that has only finished sending is told.
    loop.counters.clientsGone.bump(1)
    refuseHeld("The agent is not ready, and the client has closed its side of the connection")
    return true
  }

  /// Takes the request out of those that wait; what becomes of it is the caller's.
  func leaveHold() {
    guard phase == .held else { return }
    exchange.heldFor += loop.now - exchange.heldSince
    loop.held.remove(self)
    loop.shared.leaveHold()
    phase = .proxying
    setDeadline(Pollable.never)
  }

  func refuseHeld(_ text: String) {
    leaveHold()
    dropToUpstream()
    exchange.isRefused = true
    exchange.closesAfter = exchange.closesAfter || loop.state().gate.isDraining
    answerError(503, text)
  }

  // MARK: What the agent did not read

  /// The largest request that is surely read at once or not at all: the kernel keeps what one
  /// send(2) took as one piece, and the agent's host reads 64 KiB and more at a time, which is room
  /// for such a request and an unread rest of the one before.
  static let readAtOnce = 32 * 1024

  /// Whether it is certain that the agent, which ended this connection, has not begun the request.
  ///
  /// A Unix socket that is closed with unread bytes in it, or before it was accepted, resets the
  /// other end; when all was read, the other end sees an ordinary end of file (unix(7) is silent on
  /// it; Linux does so since 2.2). Without its last byte a head is no request. A body may be unread
  /// where the head was not: there it counts only when both were one piece.
  func isUnread(_ connection: UpstreamConnection) -> Bool {
    guard exchange.keepsRequest, !exchange.heardUpstream, let request = toUpstream else {
      return false
    }
    if exchange.sends == 0 { return true }
    guard connection.wasReset else { return false }
    if exchange.isBodyless { return true }
    return exchange.sends == 1 && request.end <= Self.readAtOnce && !connection.followsMuch
  }

  /// Takes the request back from an agent that has not begun it, for the next one.
  func takeBack(_ connection: UpstreamConnection) {
    upstream = nil
    connection.shut()
    guard exchange.takenBack < loop.limits.takeBacks else {
      return upstreamGone("The agent ends its connections without reading from them")
    }
    exchange.takenBack += 1
    loop.counters.takenBack.bump(1)
    toUpstream?.rewind()
    exchange.sends = 0
    exchange.upstreamDeaf = false
    exchange.isRepeatable = false
    exchange.connectDeadline =
      loop.now + loop.shared.options.upstreamConnectTimeout.nanoseconds
    connect()
  }

  /// More of the body goes on than can be taken back: what was sent is forgotten.
  func forgetRequest() {
    exchange.keepsRequest = false
    toUpstream?.compact()
  }
}
