import CNghttp2
import CPlatform
import Lifecycle
import Synchronization

/// The response on its way from the agent to the client, and its ends.
extension GRPCCall {
  /// - Parameter ends: the agent's only head: trailers-only.
  func agentHead(_ block: HeaderBlock, ends: Bool) {
    guard !isClosed, !hasOutputEnded else { return }
    if block.isTooLarge { return agentFailed("The agent's metadata is too large") }
    if !hasHead {
      if let status = block.first(.status), status.count == 3, status[0] == UInt8(ascii: "1") {
        // No window holds these up when the client does not read.
        interimHeads += 1
        guard interimHeads <= loop.limits.interimResponses else {
          return agentFailed("The agent sent too many interim responses")
        }
        return sendInterim(block)
      }
      if ends { note(block) }
      times.head = loop.now
      httpStatus = block.first(.status)?.reduce(0) { $0 * 10 + Int($1 &- 0x30) } ?? 200
      loop.counters.request(.a2a, status: httpStatus)
      hasAgentEnded = ends
      sendHead(block, ends: ends)
    } else {
      note(block)
      hasAgentEnded = true
      guard let agent else { return }
      agent.block = nil
      endOutput(block)
    }
  }

  private func note(_ trailers: HeaderBlock) {
    let found = trailers.first(.grpcStatus).map { GRPCStatus($0) } ?? .unknown
    status = found
    loop.counters.call(found)
  }

  func agentData(_ bytes: UnsafeRawBufferPointer) {
    guard !isClosed, !hasOutputEnded, hasHead else {
      if let agent { nghttp2_session_consume_stream(agent.session, agentID, bytes.count) }
      return
    }
    times.response.pass(bytes)
    send(bytes)
  }

  /// The agent's side is complete.
  func agentEnded() {
    if !hasAgentEnded, !hasOutputEnded {
      // Without trailers: the client makes of it what it makes of it.
      hasAgentEnded = true
      status = .unknown
      loop.counters.call(.unknown)
      endOutput()
    }
    if !hasInputEnded { leaveAgent(HTTP2Code.noError) }
  }

  /// The agent's stream is closed.
  func agentClosed(_ code: UInt32) {
    agentID = 0
    dropHead()
    guard !isOver else { return }
    hasAgentEnded = true
    wasResetByAgent = true
    let found = GRPCStatus(http2: code)
    status = found
    loop.counters.call(found)
    reset(code)
  }

  private func agentFailed(_ text: String) {
    finish(.internalError, text)
    leaveAgent(HTTP2Code.cancel)
  }

  /// The connection to the agent is gone, or never came.
  func agentLost(_ text: String) {
    agentID = 0
    dropHead()
    guard isCounted, !isOver else { return }
    if !isAborted {
      loop.shared.losses.add(abortedRequest(), started: started, at: loop.now)
      markAborted()
    }
    hasAgentEnded = true
    finish(.unavailable, text)
  }

  /// Refused for want of room; nothing was lost with the agent.
  func notPlaced(_ text: String) {
    hasAgentEnded = true
    finish(.unavailable, text)
  }
}
