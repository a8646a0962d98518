import CPlatform

/// Where the time of a request went.
extension ClientConnection {
  /// Nanoseconds from the request handed to the agent to the head of its response, or until `time`
  /// when that did not come; 0 when the agent was not asked.
  func agentTime(until time: Int64) -> Int64 {
    guard exchange.sentAt != 0 else { return 0 }
    return max(0, (exchange.heardAt == 0 ? time : exchange.heardAt) - exchange.sentAt)
  }

  /// The field `Server-Timing` (W3C Server Timing), beside those that the agent sent: what this
  /// program needed, how long the request was held, and what the agent needed until its head.
  func writeTiming(_ out: ByteBuffer) {
    let now = par_monotonic_ns()
    let agent = agentTime(until: now)
    out.append("Server-Timing: par;dur=")
    Self.write(milliseconds: now - exchange.started - agent - exchange.heldFor, out)
    if exchange.heldFor > 0 {
      out.append(", hold;dur=")
      Self.write(milliseconds: exchange.heldFor, out)
    }
    out.append(", agent;dur=")
    Self.write(milliseconds: agent, out)
    out.append("\r\n")
  }

  /// Nanoseconds as milliseconds with three digits.
  private static func write(milliseconds nanoseconds: Int64, _ out: ByteBuffer) {
    let microseconds = max(0, nanoseconds) / 1000
    out.append(decimal: microseconds / 1000)
    out.append(".")
    let fraction = microseconds % 1000
    out.append(Byte.zero &+ UInt8(truncatingIfNeeded: fraction / 100))
    out.append(Byte.zero &+ UInt8(truncatingIfNeeded: fraction / 10 % 10))
    out.append(Byte.zero &+ UInt8(truncatingIfNeeded: fraction % 10))
  }

  // MARK: At the end

  /// For the log; nil where there is one agent, or none was asked for.
  var agentName: String? { agent?.backend.id }

  /// Counts a request that has ended, and tells of it where that is wanted.
  func tellEnd() {
    let ended = par_monotonic_ns()
    let duration = ended - exchange.started
    if exchange.status != 0 {
      loop.counters.request(exchange.surface, status: exchange.status)
      loop.counters.latencies.observe(
        exchange.surface, status: exchange.status, nanoseconds: duration)
      if hasAgent { tellAgent(duration) }
    }
    if exchange.heardAt != 0, exchange.sentAt != 0 {
      loop.counters.agentHead(exchange.surface, nanoseconds: exchange.heardAt - exchange.sentAt)
    }
    guard loop.reports.isOn else { return }
    // What lasts as long as it is wanted is as slow as its beginning.
    let isStream = exchange.isEventStream || exchange.status == 101
    loop.report(
      counted: isStream ? exchange.heardAt - exchange.started : duration,
      isFailure: exchange.status >= 500, isAnswered: exchange.status != 0, ended: ended
    ) { accessRecord(at: ended) }
  }

  @inline(never)
  private func tellAgent(_ nanoseconds: Int64) {
    guard let counters = agent?.counters else { return }
    counters.request(status: exchange.status)
    counters.latencies.observe(
      exchange.surface, status: exchange.status, nanoseconds: nanoseconds)
  }

  private func accessRecord(at time: Int64) -> AccessRecord {
    AccessRecord(
      agent: agentName, method: methodText, path: String(decoding: path, as: UTF8.self),
      status: exchange.status,
      durationNanoseconds: time - exchange.started, agentNanoseconds: agentTime(until: time),
      heldNanoseconds: exchange.heldFor,
      requestID: String(decoding: knownRequestID(), as: UTF8.self), traceID: exchange.trace.text,
      surface: exchange.surface.name.description, bytesSent: exchange.bytesSent,
      peer: String(decoding: knownPeer().text, as: UTF8.self))
  }
}
