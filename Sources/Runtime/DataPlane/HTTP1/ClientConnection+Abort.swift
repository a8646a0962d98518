import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// The ends of an exchange that are not good.
extension ClientConnection {
  func upstreamEnded(_ upstream: UpstreamConnection) {
    if upstream.hasHead, upstream.body.endsWithInput {
      if exchange.responseFraming == .chunked { outputBuffer().append("0\r\n\r\n") }
      return responseEnds(upstream)
    }
    if isUnbegun(upstream) { return takeBack(upstream) }
    // Nobody tells whether the agent has begun; most likely it closed a connection that was idle.
    if exchange.isRepeatable, !exchange.heardUpstream, upstream.wasUsed, !upstream.isMarked {
      // It may have begun: no third time.
      exchange.keepsRequest = false
      loop.counters.repeats.bump(1)
      return startOver(upstream)
    }
    upstreamGone("The agent ended the connection before its response was complete")
  }

  /// The agent is gone, found out by this exchange alone.
  func upstreamGone(_ text: String) {
    let started = exchange.started
    let request = aborted()
    loop.shared.losses.add(request, started: started, at: loop.now)
    markAborted()
    fail(502, text)
  }

  /// Answers with an error; a response that has begun is cut instead.
  func fail(_ status: Int, _ text: String) {
    dropUpstream()
    if exchange.hasResponse { return cutResponse() }
    // Interim responses may wait there, whole.
    answerError(status, text)
  }

  /// Ends the connection in a way that the client can tell from a complete response.
  func cutResponse() {
    if exchange.responseFraming == .untilClose {
      // Only a reset says that something is missing.
      var option = linger_option(l_onoff: 1, l_linger: 0)
      setsockopt(
        descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger_option>.size))
    } else {
      // What came so far is the client's.
      _ = flush()
    }
    shut()
  }

  func dropUpstream() {
    dropToUpstream()
    guard let connection = upstream else { return }
    upstream = nil
    connection.shut()
  }

  func aborted() -> AbortedRequest {
    AbortedRequest(
      agent: agentName, method: methodText, route: String(decoding: path, as: UTF8.self),
      ageMilliseconds: max(0, par_monotonic_ns() - exchange.started) / 1_000_000,
      requestID: String(decoding: knownRequestID(), as: UTF8.self), traceID: exchange.trace.text,
      surface: exchange.surface.name.description)
  }

  func markAborted() {
    guard !exchange.isAborted else { return }
    exchange.isAborted = true
    loop.shared.aborted.add(1, ordering: .relaxed)
  }

  /// Ends what the main thread wants ended.
  /// - Returns: nil when that does not concern this connection.
  func cut(_ reason: CutReason) -> (started: Int64, request: AbortedRequest)? {
    guard exchange.isCounted, phase != .closed, phase != .lingering,
      reason.concerns(upstream?.worker.worker)
    else { return nil }
    if phase == .tunnel { return cutTunnel() }
    switch reason {
    case .upstreamLost:
      // A response that was read whole is delivered.
      guard phase == .proxying, !exchange.responseDone, !findsEnd() else { return nil }
    case .streams:
      guard phase == .proxying, exchange.isEventStream, !exchange.responseDone else { return nil }
    case .all:
      if phase == .held {
        // Nobody has begun it.
        refuseHeld("The agent is stopping and takes no new requests")
        advance()
        return nil
      }
    }
    let isAll = if case .all = reason { true } else { false }
    let started = exchange.started
    let wasAborted = exchange.isAborted
    let request = aborted()
    markAborted()
    if phase == .proxying, !exchange.hasResponse {
      exchange.closesAfter = exchange.closesAfter || isAll
      if case .upstreamLost = reason {
        fail(502, "The agent ended before it answered")
      } else {
        fail(503, "The agent is stopping and the request was cut off")
      }
      advance()
    } else {
      dropUpstream()
      cutResponse()
    }
    return wasAborted ? nil : (started, request)
  }

  /// The agent has ended, and it is known by now what became of the request: a response that was
  /// written before goes on, what was not begun is taken back.
  /// - Returns: false when the exchange has to be ended.
  private func findsEnd() -> Bool {
    guard let connection = upstream else { return true }
    connection.canRead = true
    for _ in 0..<loop.limits.pumpTurns
    where phase == .proxying && !exchange.responseDone && upstream === connection {
      if !advanceProxy() { break }
    }
    if phase == .proxying, !exchange.responseDone, upstream === connection {
      // Somebody else may hold its end of the connection open.
      guard isUnbegun(connection) else { return false }
      takeBack(connection)
    }
    advance()
    return true
  }
}

private typealias linger_option = linger
