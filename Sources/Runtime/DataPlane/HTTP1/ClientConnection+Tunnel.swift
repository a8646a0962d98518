import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// A connection after 101 (Switching Protocols): bytes pass both ways as they are (RFC 9110 section
/// 7.8), and the end of either side is passed on.
///
/// Each direction has one buffer, `input` and `upstream.input`, which is read into only when it is
/// empty and is given back when it is: a side that does not take holds the other back, and silence
/// costs neither memory nor time.
extension ClientConnection {
  /// The agent's head of status 101 was read; what stands behind it is the tunnel's already, and so
  /// is what the client sent behind its own head.
  func switchesProtocol(
    _ head: UnsafeRawBufferPointer, _ upstream: UpstreamConnection
  ) throws(HTTPProblem) {
    guard exchange.asksForWebSocket else { throw .bad("101 without an upgrade") }
    guard loop.responseHead.namesWebSocket else { throw .bad("101 to another protocol") }
    guard toUpstream?.isEmpty ?? true else { throw .bad("101 before the request was read") }
    dropToUpstream()
    exchange.status = 101
    exchange.hasResponse = true
    upstream.hasHead = true
    writeResponseHead(loop.responseHead, head)
    let out = outputBuffer()
    out.append(ForwardedHead.webSocket)
    if loop.shared.options.timingHeader { writeTiming(out) }
    out.append("\r\n")
    phase = .tunnel
    let tunnel = Tunnel(taken: loop.now)
    self.tunnel = tunnel
    if let early = upstream.input { tunnel.agentFrames.walk(early.readable) }
    upstream.dropInputIfEmpty()
    loop.counters.tunnelsOpen.bump(1)
    loop.counters.tunnelsTotal.bump(1)
  }

  /// - Returns: whether to go on: bytes were moved, or the tunnel is over.
  func advanceTunnel() -> Bool {
    guard let upstream, let tunnel else {
      gone()
      return false
    }
    var moved = passUp(upstream, tunnel)
    moved = passDown(upstream, tunnel) || moved
    guard phase == .tunnel else { return false }
    if tunnel.agentEndPassed, tunnel.clientEndPassed || tunnel.isAgentDeaf || upstream.isDead {
      tunnelEnds(tunnel)
      return false
    }
    if !moved { waitInTunnel(tunnel) }
    return moved
  }

  // MARK: Moving bytes

  /// From the client to the agent.
  private func passUp(_ upstream: UpstreamConnection, _ tunnel: Tunnel) -> Bool {
    guard !tunnel.clientEndPassed else { return false }
    var moved = false
    if input?.isEmpty ?? true, !tunnel.clientEnded {
      switch readInput() {
      case .moved: moved = true
      case .wouldBlock: return false
      case .ended: tunnel.clientEnded = true
      }
    }
    if let buffer = input, !buffer.isEmpty {
      if tunnel.isAgentDeaf {
        buffer.clear()
      } else if upstream.canWrite {
        switch upstream.transmit(buffer.readable) {
        case .moved(let count):
          if count < buffer.count { upstream.writeBlocked() } else { upstream.writeUnblocked() }
          buffer.consume(count)
          lastMoved = loop.now
          moved = true
        case .wouldBlock, .ended: upstream.writeBlocked()
        case .failed:
          // What it said before it closed is still read.
          tunnel.isAgentDeaf = true
          upstream.canRead = true
          moved = true
        }
      }
      dropInputIfEmpty()
    }
    if tunnel.clientEnded, input == nil {
      tunnel.clientEndPassed = true
      shutdown(upstream.descriptor, Int32(SHUT_WR))
      lastMoved = loop.now
      moved = true
    }
    return moved
  }

  /// From the agent to the client.
  private func passDown(_ upstream: UpstreamConnection, _ tunnel: Tunnel) -> Bool {
    guard !tunnel.agentEndPassed else { return false }
    var moved = false
    // The head of the response.
    if output != nil {
      switch flush() {
      case .empty: moved = true
      case .waiting: return false
      case .failed:
        gone()
        return true
      }
    }
    if upstream.input?.isEmpty ?? true, !tunnel.agentEnded {
      switch upstream.read() {
      case .moved:
        moved = true
        tunnel.taken = loop.now
        if let came = upstream.input { tunnel.agentFrames.walk(came.readable) }
      case .wouldBlock: return moved
      case .ended, .failed:
        tunnel.agentEnded = true
        tunnel.isBroken = !tunnel.agentFrames.hasClosed && !tunnel.clientEnded
      }
    }
    if let buffer = upstream.input, !buffer.isEmpty, canWrite {
      switch write(buffer.readable) {
      case .moved(let count):
        buffer.consume(count)
        wrote(count)
        tunnel.taken = loop.now
        moved = true
      case .wouldBlock, .ended: break
      case .failed:
        gone()
        return true
      }
      upstream.dropInputIfEmpty()
    }
    if tunnel.agentEnded, upstream.input == nil {
      tunnel.agentEndPassed = true
      shutdown(descriptor, Int32(SHUT_WR))
      lastMoved = loop.now
      moved = true
    }
    return moved
  }

  // MARK: Time

  private var clientHoldsBack: Bool { output != nil || upstream?.input != nil }

  /// Silence may last. A client that does not take what waits for it, and a tunnel of which one side
  /// has ended and the other moves nothing, have as long as any body.
  private func waitInTunnel(_ tunnel: Tunnel) {
    let idle = loop.shared.options.bodyIdleTimeout.nanoseconds
    if clientHoldsBack {
      setDeadline(tunnel.taken + idle)
    } else if tunnel.isHalfClosed {
      setDeadline(lastMoved + idle)
    } else {
      setDeadline(Pollable.never)
    }
  }

  func expiredTunnel() {
    guard let tunnel else { return }
    let since = clientHoldsBack ? tunnel.taken : lastMoved
    if clientHoldsBack || tunnel.isHalfClosed,
      loop.now - since >= loop.shared.options.bodyIdleTimeout.nanoseconds
    {
      ended(clientHoldsBack ? .slowReader : .halfClosed)
      return tunnelEnds(tunnel)
    }
    advance()
  }

  // MARK: Ends

  /// Both sides have ended, or one has and the other does not.
  private func tunnelEnds(_ tunnel: Tunnel) {
    if tunnel.isBroken {
      loop.shared.losses.add(aborted(), started: exchange.started, at: loop.now)
      markAborted()
    } else if !tunnel.agentFrames.hasClosed, exchange.isCounted {
      loop.counters.clientsGone.bump(1)
    }
    closeTunnel(completed: tunnel.agentFrames.hasClosed && !tunnel.isBroken)
  }

  /// Ends both sides; the client's such that it reads what it was sent.
  private func closeTunnel(completed: Bool) {
    let clientEnded = tunnel?.clientEnded ?? true
    settle(completed: completed)
    dropUpstream()
    dropOutput()
    guard !clientEnded else { return shut() }
    shutdown(descriptor, Int32(SHUT_WR))
    phase = .lingering
    setDeadline(loop.now + loop.limits.lingerTime.nanoseconds)
    linger()
  }

  /// Ends the tunnel for the main thread, after what the agent has written is passed on.
  /// - Returns: nil when it had ended by itself.
  func cutTunnel() -> (started: Int64, request: AbortedRequest)? {
    upstream?.canRead = true
    advance()
    guard phase == .tunnel else { return nil }
    let started = exchange.started
    let wasAborted = exchange.isAborted
    let request = aborted()
    markAborted()
    closeTunnel(completed: false)
    return wasAborted ? nil : (started, request)
  }
}
