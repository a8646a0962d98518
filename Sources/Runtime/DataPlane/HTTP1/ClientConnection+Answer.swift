import CPlatform
import Glibc
import Lifecycle
import Synchronization
import LinuxSystem

/// Responses that the program writes itself.
extension ClientConnection {
  /// Seconds after which a client that got 503 may ask again.
  static let retryAfter: StaticString = "1"

  /// - Returns: false when the client has to take more first, or the connection is done with.
  func advanceAnswer() -> Bool {
    switch flush() {
    case .empty:
      responseFinished()
      return phase == .head
    case .waiting:
      setDeadline(lastMoved + loop.shared.options.bodyIdleTimeout.nanoseconds)
      return false
    case .failed:
      gone()
      return false
    }
  }

  /// Status line, the fields every response of ours has, and the empty line.
  func writeHead(
    _ status: Int, contentType: StaticString, length: Int64, extra: (StaticString, [UInt8])? = nil
  ) {
    exchange.status = status
    exchange.hasResponse = true
    let out = outputBuffer()
    writeStatusLine(status)
    out.append("\r\nDate: ")
    out.append(loop.dates.now())
    if status != 304, status != 204 {
      out.append("\r\nContent-Type: ")
      out.append(contentType)
      out.append("\r\nContent-Length: ")
      out.append(decimal: length)
    }
    if let (name, value) = extra {
      out.append("\r\n")
      out.append(name)
      out.append(": ")
      out.append(value)
    }
    if status == 503 {
      out.append("\r\nRetry-After: ")
      out.append(Self.retryAfter)
    }
    writeConnection()
  }

  func writeStatusLine(_ status: Int) {
    let out = outputBuffer()
    out.append("HTTP/1.1 ")
    out.append(decimal: Int64(status))
    out.append(" ")
    out.append(StatusLine.reason(status))
  }

  /// The `Connection` field where one is needed.
  func writeConnection() {
    let out = outputBuffer()
    if exchange.closesAfter {
      out.append("\r\nConnection: close")
    } else if !exchange.isHTTP11 {
      out.append("\r\nConnection: keep-alive")
    }
  }

  func answer(
    _ status: Int, extra: (StaticString, [UInt8])? = nil,
    contentType: StaticString = "application/json", body content: [UInt8]
  ) {
    content.withUnsafeBytes {
      answer(status, extra: extra, contentType: contentType, bytes: $0)
    }
  }

  private func answer(
    _ status: Int, extra: (StaticString, [UInt8])?, contentType: StaticString,
    bytes: UnsafeRawBufferPointer
  ) {
    // A client that waits for 100 (Continue), or has more to send, is not waited for.
    if !bodyHasArrived { exchange.closesAfter = true }
    writeHead(status, contentType: contentType, length: Int64(bytes.count), extra: extra)
    let out = outputBuffer()
    out.append("\r\n\r\n")
    if exchange.method != .head { out.append(bytes) }
    phase = .answering
  }

  func answerError(_ status: Int, _ text: String, extra: (StaticString, [UInt8])? = nil) {
    let body = ErrorAnswer.body(
      text, state: backend.state().snapshot.state, requestID: knownRequestID())
    answer(status, extra: extra, body: body)
  }

  func answerNotReady(_ published: Published) {
    answerError(503, "The agent is not ready: \(published.snapshot.state)")
  }

  // MARK: Built-in routes

  func answerBuiltIn(_ route: Route, _ published: Published) {
    switch route {
    case .server:
      // RFC 9110 section 9.3.7: what the server as a whole can be asked.
      exchange.closesAfter = !loop.requestHead.keepAlive || published.gate.isDraining
      answer(204, extra: ("Allow", Self.methods), body: [])
    case .otherAgent:
      answerError(404, "Another agent than this one is asked for")
    case .notFound:
      answerError(404, "Nothing is served at this path")
    case .livez:
      guard isRead() else { return }
      answer(200, body: Array("{\"ok\":true}".utf8))
    case .metrics:
      guard isRead() else { return }
      answer(
        200, contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: MetricsBody.write(loop.shared, published.snapshot))
    case .meta:
      guard isRead() else { return }
      guard published.gate != .booting, let meta = published.snapshot.meta else {
        return answerNotReady(published)
      }
      answer(200, body: meta)
    case .health:
      guard isRead() else { return }
      answerHealth(published, ok: published.gate == .ready)
    case .surfaceHealth(let surface):
      guard isRead() else { return }
      answerSurfaceHealth(surface == .a2a ? "a2a" : "ui", published)
    case .uiFile, .uiRedirect, .uiConfig, .agent, .agents, .control:
      break
    }
  }

  private func answerHealth(_ published: Published, ok: Bool) {
    let body = loop.scratch
    body.clear()
    body.append(ok ? "{\"ok\":true," : "{\"ok\":false,")
    body.append(published.healthMembers)
    body.append(",\"timestamp\":")
    body.append(decimal: Clock.wallNanoseconds() / 1_000_000)
    if !ok { body.append(published.reasonMember) }
    if !ok, !loop.shared.hasAgents {
      let snapshot = published.snapshot
      body.append(",\"boot_ms\":")
      body.append(
        decimal: snapshot.bootMilliseconds ?? (Clock.now() - .start).milliseconds)
      body.append(",\"budget_ms\":")
      body.append(decimal: snapshot.budgetMilliseconds)
    }
    body.append("}")
    answer(
      ok ? 200 : 503, extra: ("Cache-Control", Self.noStore), contentType: "application/json",
      bytes: body.readable)
  }

  private static let methods = Array("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".utf8)
  private static let noStore = Array("no-store".utf8)

  private func answerSurfaceHealth(_ name: String, _ published: Published) {
    let snapshot = published.snapshot
    let surface = snapshot.surfaces.first { $0.name == name }
    if surface == nil, snapshot.gate != .booting {
      return answerError(404, "The package has no \(name) surface")
    }
    answerHealth(published, ok: snapshot.gate == .ready && surface?.ready == true)
  }
}
