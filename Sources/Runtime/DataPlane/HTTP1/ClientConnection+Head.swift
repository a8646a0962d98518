import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// From bytes to a routed request.
extension ClientConnection {
  /// - Returns: false when nothing more can be done now.
  func advanceHead() -> Bool {
    if let buffer = input, !buffer.isEmpty {
      if headStarted == 0 { headStarted = loop.now }
      if mayBeHTTP2 {
        switch HTTP2Preface.compare(buffer.readable) {
        case .whole: return handOver(buffer)
        case .beginning: return waitForHead()
        case .other: mayBeHTTP2 = false
        }
      }
      do {
        if case .complete(let length) = try scanner.scan(buffer.readable, limits: loop.limits) {
          try begin(length)
          return true
        }
      } catch {
        refuse(error)
        return true
      }
    }
    return waitForHead()
  }

  /// - Returns: whether something came.
  private func waitForHead() -> Bool {
    switch readInput() {
    case .moved: return true
    case .ended:
      shut()
      return false
    case .wouldBlock:
      let since = headStarted == 0 ? lastMoved : headStarted
      let limit = headStarted == 0 ? loop.limits.keepAliveIdle : loop.limits.headTime
      setDeadline(since + limit.nanoseconds)
      return false
    }
  }

  /// The client speaks HTTP/2: another object takes the connection over, with what was read.
  /// - Returns: false, as there is nothing more to do here.
  private func handOver(_ buffer: ByteBuffer) -> Bool {
    guard
      let session = HTTP2Library.shared.session(
        client: false, limits: loop.shared.options.http2)
    else {
      shut()
      return false
    }
    let connection = HTTP2ClientConnection(
      descriptor: descriptor, loop: loop, port: port, session: session)
    connection.canRead = canRead
    connection.canWrite = canWrite
    connection.hungUp = hungUp
    input = nil
    phase = .closed
    loop.exchange(self, for: connection)
    connection.opened(buffer.readable)
    loop.buffers.give(buffer)
    return false
  }

  /// Answers a request that cannot be understood, and ends the connection.
  func refuse(_ problem: HTTPProblem) {
    ended(HTTP1End(problem))
    if exchange.started == 0 { exchange.started = loop.now }
    // The rest of the input belongs to nothing.
    body = BodyDecoder(.untilClose)
    exchange.closesAfter = true
    answerError(problem.status, problem.text)
  }

  private func begin(_ length: Int) throws(HTTPProblem) {
    guard let buffer = input else { return }
    let head = UnsafeRawBufferPointer(rebasing: buffer.readable[..<length])
    path.removeAll(keepingCapacity: true)
    exchange.started = loop.now
    try loop.requestHead.parse(head)
    exchange.method = loop.requestHead.method
    exchange.isHTTP11 = loop.requestHead.isHTTP11
    if exchange.method == .other {
      exchange.otherMethod = String(decoding: head[loop.requestHead.methodRange], as: UTF8.self)
    }
    if let sent = loop.requestHead.lines.single(.requestID, head),
      (1...128).contains(sent.count), sent.allSatisfy({ ByteSet.requestID.contains($0) })
    {
      requestID.append(contentsOf: sent)
    }
    // Where it goes to the agent, its head says which.
    if loop.reports.isOn, let parent = loop.requestHead.lines.single(.traceparent, head) {
      exchange.trace = TraceParent.read(parent) ?? TraceID()
    }
    body = BodyDecoder(loop.requestHead.framing)
    guard exchange.method != .connect, exchange.method != .trace else {
      throw HTTPProblem(status: 501, text: "\(exchange.method.name) is not done here")
    }
    let target = try RequestTarget(loop.requestHead, head)
    headBytes = length
    if target.isServer {
      path.append(Byte.asterisk)
      answerBuiltIn(.server, loop.state())
    } else {
      try NormalPath.write(target.path, into: &path)
      if exchange.method == .options, MaxForwards.isSpent(loop.requestHead.lines, head) {
        answerBuiltIn(.server, loop.state())
      } else {
        dispatch(head, query: target.query)
      }
    }
    headBytes = 0
    guard phase != .closed else { return }
    buffer.consume(length)
    dropInputIfEmpty()
  }

  /// - Parameter query: with its question mark, or empty.
  private func dispatch(_ head: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer) {
    let published = loop.state()
    // Before the manifest is known, the UI port is taken to be there for something; and where agent
    // requests are held, what would be the UI's is not one of them.
    let isBooting = published.gate == .booting
    let hasUI = published.hasUI || isBooting && (port == .ui || published.admission == .held)
    let route =
      loop.shared.hasAgents
      ? Router.supervisorRoute(path, port: port)
      : loop.shared.router.route(path, port: port, hasUI: hasUI)
    exchange.closesAfter = !loop.requestHead.keepAlive || published.gate.isDraining
    switch route {
    case .agents(let end):
      exchange.surface = .rest
      serveAgent(head, idEnd: end, query: query)
    case .control:
      collect(head, query: query)
    case .agent(let offset, let underBase):
      exchange.surface = .rest
      proxy(head, from: offset, query: query, underBase: underBase)
    case .uiFile where isBooting, .uiRedirect where isBooting, .uiConfig where isBooting:
      exchange.surface = .ui
      answerNotReady(published)
    case .uiFile(let offset):
      exchange.surface = .ui
      guard isRead() else { return }
      guard let folder = published.snapshot.uiFolder else { return answerNotReady(published) }
      count()
      serveFile(head, folder: folder, from: offset)
    case .uiRedirect:
      exchange.surface = .ui
      guard isRead() else { return }
      let location = loop.shared.options.basePath + "/ui/"
      let whole = Array(location.utf8) + Array(query)
      answer(308, extra: ("Location", whole), contentType: "text/plain", body: [])
    case .uiConfig:
      exchange.surface = .ui
      guard isRead() else { return }
      let config = JSONWriter.encode(
        .members(["apiBase": .string(loop.shared.options.basePath + "/api")]))
      answer(200, extra: ("Cache-Control", Array("no-cache".utf8)), body: config)
    case .health, .livez, .metrics, .meta, .surfaceHealth, .otherAgent, .notFound, .server:
      answerBuiltIn(route, published)
    }
  }

  func count() {
    exchange.isCounted = true
    if hasAgent { countAgent(1) }
    loop.shared.enter()
  }

  /// Of its agent, where there are several.
  @inline(never)
  func countAgent(_ number: Int) { agent?.counters?.inFlight.bump(number) }

  func uncount() {
    guard exchange.isCounted else { return }
    exchange.isCounted = false
    if hasAgent { countAgent(-1) }
    loop.shared.leave()
  }

  /// GET or HEAD; anything else is answered 405.
  func isRead() -> Bool {
    if exchange.method == .get || exchange.method == .head { return true }
    answerError(
      405, "This path can be read only, with GET or HEAD",
      extra: ("Allow", Array("GET, HEAD".utf8)))
    return false
  }

  /// The rest of the request's body stands in `input`, so that the connection can be kept.
  var bodyHasArrived: Bool {
    if body.isDone { return true }
    guard let left = body.remaining else { return false }
    return Int64((input?.count ?? 0) - headBytes) >= left
  }

  /// Throws away what has arrived of a body that nobody reads.
  func skipBody() {
    guard let buffer = input else { return }
    while !body.isDone, !buffer.isEmpty {
      guard
        let step = try? body.decode(buffer.readable, most: .max, limits: loop.limits),
        step.consumed > 0
      else { return }
      buffer.consume(step.consumed)
    }
  }
}
