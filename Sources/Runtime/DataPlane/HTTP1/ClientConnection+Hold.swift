import Glibc
import Lifecycle
import Synchronization

/// A request that waits for an agent. Its head is written already, its body is left to the client, and
/// so is what follows on the connection: what it costs is at most a buffer of `bufferBytes` for what
/// came with the head, and the head written anew, of `HTTPLimits.headBytes` and some fields; and
/// `HTTPLimits.keptBodyBytes` where a worker before had it and did not begin.
extension ClientConnection {
  /// Lets the request wait, or answers 503 when too many do. Only for one that no agent has begun.
  func hold() {
    guard loop.shared.enterHold(backend.backend) else {
      loop.counters.holdsRefused.bump(1)
      return refuseHeld("The agent is not ready, and no more requests are held for it")
    }
    phase = .held
    exchange.heldSince = loop.now
    loop.counters.holds.bump(1)
    backend.held.insert(self)
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
    backend.held.remove(self)
    loop.shared.leaveHold(backend.backend)
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

  // MARK: What the agent did not begin

  /// Whether it is certain that the agent, which ended this connection, has not begun the request,
  /// and all that there was of it can be sent again.
  func isUnbegun(_ connection: UpstreamConnection) -> Bool {
    guard exchange.keepsRequest, !exchange.heardUpstream else { return false }
    return !exchange.isHandedOver || !connection.hasBegun
  }

  /// Takes the request back from an agent that has not begun it, for the next one.
  func takeBack(_ connection: UpstreamConnection) {
    guard exchange.takenBack < loop.limits.takeBacks else {
      return upstreamGone("The agent ends its connections without beginning requests")
    }
    exchange.takenBack += 1
    loop.counters.takenBack.bump(1)
    if exchange.supervisorSlot >= 0 { loop.shared.marks?.unmark(exchange.supervisorSlot) }
    // It waited for an agent, with one that did nothing for it.
    if exchange.sentAt != 0 { exchange.heldFor += max(0, loop.now - exchange.sentAt) }
    exchange.sentAt = 0
    startOver(connection)
  }

  /// Sends the request from its start, on another connection than this one.
  func startOver(_ connection: UpstreamConnection) {
    upstream = nil
    connection.shut()
    toUpstream?.rewind()
    exchange.isHandedOver = false
    exchange.upstreamDeaf = false
    exchange.isRepeatable = false
    exchange.connectDeadline =
      loop.now + loop.shared.options.upstreamConnectTimeout.nanoseconds
    connect()
  }

  /// The agent has begun: what was sent is forgotten.
  func forgetRequest() {
    exchange.keepsRequest = false
    toUpstream?.compact()
  }
}
