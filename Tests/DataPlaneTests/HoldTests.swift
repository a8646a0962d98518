import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

@Suite("Requests that wait for the agent")
struct HoldTests {
  /// An event loop alone, so that the order is one order.
  private func server(
    _ gate: Gate = .restarting,
    _ change: (inout DataPlaneOptions, inout Snapshot) -> Void = { _, _ in }
  ) throws -> TestServer {
    try TestServer(gate: gate) { options, snapshot, _ in
      options.loopCount = 1
      change(&options, &snapshot)
    }
  }

  /// A client whose request waits.
  private func held(
    _ server: TestServer, _ request: String = "GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n"
  ) -> TestClient {
    let before = server.held
    let client = server.client()
    client.send(request)
    #expect(eventually { server.held == before + 1 })
    return client
  }

  @Test("They are proxied when the agent is there, and count as in flight meanwhile")
  func ready() throws {
    let server = try server()
    defer { server.stop() }
    let client = held(server)
    #expect(server.plane.inFlight == 1)
    #expect(server.metric("par_requests_held") == 1)
    server.agent(always: ok)
    server.publish(gate: .ready)
    #expect(client.response()?.text == "ok")
    #expect(server.held == 0)
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(eventually { server.plane.completed == 1 && server.plane.abortedCount == 0 })
    #expect(server.metric("par_requests_held") == 0)
    #expect(server.metric("par_requests_holds_total") == 1)
    #expect(client.get("/agents/x/a")?.text == "ok")
  }

  @Test("Those of one loop reach the agent in the order in which they came")
  func order() throws {
    let server = try server()
    defer { server.stop() }
    let clients = (0..<40).map {
      held(server, "GET /agents/x/\($0) HTTP/1.1\r\nHost: a\r\n\r\n")
    }
    let arrivals = Locked<[(connection: Int, line: String)]>([])
    server.agent { connection in
      while let head = connection.head() {
        arrivals.withLock { $0.append((connection.number, head[0])) }
        connection.write(ok)
      }
    }
    server.publish(gate: .ready)
    for client in clients { #expect(client.response()?.text == "ok") }
    // The agent's accept queue has the order; its threads run as they like.
    let lines = arrivals.withLock { $0.sorted { $0.connection < $1.connection }.map(\.line) }
    #expect(lines == (0..<40).map { "GET /\($0) HTTP/1.1" })
  }

  @Test("One more than may wait is answered 503; the place of one that left is free again")
  func tooMany() throws {
    let server = try TestServer(gate: .restarting) { options, _, _ in
      options.limits.heldRequests = 2
    }
    defer { server.stop() }
    let first = held(server)
    let second = held(server)
    let third = server.client()
    let refused = try #require(third.get("/agents/x/a"))
    #expect(refused.status == 503 && refused["Retry-After"] != nil && refused["Connection"] == nil)
    #expect(refused["Content-Type"] == "application/json")
    #expect(refused.text.contains("\"state\":\"loading\""))
    #expect(server.metric("par_requests_hold_refused_total") == 1)
    #expect(eventually { server.plane.inFlight == 2 })
    first.finishSending()
    #expect(eventually { server.held == 1 })
    third.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(eventually { server.held == 2 })
    server.agent(always: ok)
    server.publish(gate: .ready)
    for client in [second, third] { #expect(client.response()?.text == "ok") }
  }

  @Test("Longer than they may wait is 503")
  func expiry() throws {
    let server = try server { options, _ in options.holdTime = .milliseconds(50) }
    defer { server.stop() }
    let client = server.client()
    let began = Clock.now()
    let response = try #require(client.get("/agents/x/a"))
    #expect(Clock.now() - began >= .milliseconds(50))
    #expect(response.status == 503 && response["Retry-After"] != nil)
    #expect(response["Connection"] == nil && response.text.contains("held for 50 ms"))
    #expect(server.metric("par_requests_hold_expired_total") == 1)
    #expect(server.held == 0 && server.plane.completed == 0 && server.plane.abortedCount == 0)
    #expect(eventually { server.plane.inFlight == 0 })
    // The connection goes on.
    #expect(client.get("/livez")?.status == 200)
  }

  @Test("Nothing is held where a bound is 0", arguments: [(0, 10), (256, 0)])
  func off(requests: Int, seconds: Int) throws {
    let server = try server { options, _ in
      options.limits.heldRequests = requests
      options.holdTime = .seconds(Double(seconds))
    }
    defer { server.stop() }
    let client = server.client()
    #expect(client.get("/agents/x/a")?.status == 503)
    server.publish(gate: .ready)
    #expect(client.get("/agents/x/a")?.status == 502)
    #expect(server.metric("par_requests_holds_total") == 0)
  }

  @Test("A drain answers them 503 and closes, and then nothing is in flight")
  func drain() throws {
    let server = try server()
    defer { server.stop() }
    let clients = (0..<3).map { _ in held(server) }
    server.publish(gate: .closing)
    for client in clients {
      let response = try #require(client.response())
      #expect(response.status == 503 && response["Connection"] == "close")
      #expect(response["Retry-After"] != nil)
      #expect(client.isClosed())
    }
    #expect(server.recorder.idle.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 && server.held == 0 })
    #expect(server.plane.completed == 0 && server.plane.abortedCount == 0)
  }

  @Test("The deadline and the end of the program answer them too", arguments: [true, false])
  func end(cut: Bool) throws {
    let server = try server()
    defer { server.stop() }
    let client = held(server)
    if cut {
      #expect(server.plane.cutAll() == [])
    } else {
      server.plane.stop()
    }
    #expect(client.response()?.status == 503)
    #expect(eventually { server.plane.abortedCount == 0 && server.plane.inFlight == 0 })
  }

  @Test("A loss and a cut of streams leave them alone")
  func loss() throws {
    let server = try server()
    defer { server.stop() }
    let client = held(server)
    #expect(server.plane.upstreamLost() == [])
    #expect(server.plane.cutStreams() == [])
    #expect(server.held == 1)
    server.agent(always: ok)
    server.publish(gate: .ready)
    #expect(client.response()?.text == "ok")
  }

  @Test("A client that goes away leaves at once; one that only stopped sending is told")
  func gone() throws {
    let server = try server()
    defer { server.stop() }
    do { _ = held(server) }
    #expect(eventually { server.held == 0 && server.plane.inFlight == 0 })
    let half = held(server)
    half.finishSending()
    #expect(half.response()?.status == 503)
    let unfinished = held(
      server, "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello")
    unfinished.finishSending()
    #expect(unfinished.response() == nil)
    #expect(eventually { server.held == 0 && server.plane.inFlight == 0 })
    #expect(server.metric("par_requests_client_gone_total") == 3)
    let accepted = server.agent(always: ok).accepted
    server.publish(gate: .ready)
    #expect(server.client().get("/agents/x/a")?.text == "ok")
    #expect(accepted.value == 1, "nothing of those that left reaches the agent")
  }

  @Test("One that leaves from the middle leaves the order of the others")
  func middle() throws {
    let server = try server()
    defer { server.stop() }
    var clients = (0..<5).map {
      held(server, "GET /agents/x/\($0) HTTP/1.1\r\nHost: a\r\n\r\n")
    }
    for (index, left) in [(4, 4), (2, 3), (0, 2)] {
      clients.remove(at: index)
      #expect(eventually { server.held == left })
    }
    let lines = Locked<[Int: String]>([:])
    server.agent { connection in
      while let head = connection.head() {
        lines.withLock { $0[connection.number] = head[0] }
        connection.write(ok)
      }
    }
    server.publish(gate: .ready)
    for client in clients { #expect(client.response()?.text == "ok") }
    #expect(lines.withLock { $0 } == [0: "GET /1 HTTP/1.1", 1: "GET /3 HTTP/1.1"])
  }

  @Test("What follows on the connection waits its turn")
  func pipelined() throws {
    let server = try server()
    defer { server.stop() }
    let client = held(
      server,
      "GET /agents/x/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
        + "GET /agents/x/2 HTTP/1.1\r\nHost: a\r\n\r\n")
    server.agent { connection in
      while let head = connection.head() {
        let path = head[0].split(separator: " ")[1]
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(path.count)\r\n\r\n\(path)")
      }
    }
    server.publish(gate: .ready)
    for text in ["/1", "{\"ok\":true}", "/2"] { #expect(client.response()?.text == text) }
  }

  @Test("A body is not read while its request waits, and none of it is lost")
  func body() throws {
    let server = try server()
    defer { server.stop() }
    let pieces = 32
    let size = pieces << 20
    let client = held(
      server, "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
    let sent = Locked(0)
    let descriptor = client.descriptor
    let sender = TestThread {
      let piece = [UInt8](repeating: 7, count: 1 << 20)
      for _ in 0..<pieces {
        var rest = piece[...]
        while !rest.isEmpty {
          let count = rest.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
          }
          guard count > 0 else { return }
          rest = rest.dropFirst(count)
        }
        sent.withLock { $0 += 1 }
      }
    }
    defer { sender.join() }
    // It stops when the kernel's buffers are full, and for good.
    var (last, still) = (-1, 0)
    while still < 50 {
      usleep(2000)
      let now = sent.withLock { $0 }
      still = now == last ? still + 1 : 0
      last = now
    }
    #expect(last < pieces / 2)
    #expect(server.metric("par_received_bytes_total") ?? 0 < 100_000)
    server.agent { connection in
      guard connection.head() != nil else { return }
      for _ in 0..<pieces {
        guard connection.take(1 << 20) == [UInt8](repeating: 7, count: 1 << 20) else { return }
      }
      connection.write(ok)
    }
    server.publish(gate: .ready)
    #expect(client.response()?.text == "ok")
  }

  @Test("Who waits for 100 (Continue) hears it when the body is wanted")
  func expectation() throws {
    let server = try server()
    defer { server.stop() }
    let head =
      "PUT /agents/x/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    let client = held(server, head)
    var poller = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
    #expect(poll(&poller, 1, 20) == 0)
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 100 Continue\r\n\r\n")
      guard connection.take(5) != nil else { return }
      connection.write(ok)
    }
    server.publish(gate: .ready)
    #expect(client.head()?.status == 100)
    client.send("hello")
    #expect(client.response()?.text == "ok")
    server.publish(gate: .restarting)
    let refused = held(server, head)
    server.publish(gate: .closing)
    #expect(refused.response()?.status == 503 && refused.isClosed())
  }

  @Test("Before the first Ready they wait where the socket was passed, the page does not")
  func activated() throws {
    let server = try server(.booting) { _, snapshot in
      snapshot.holdsBoot = true
      snapshot.uiFolder = nil
    }
    defer { server.stop() }
    let client = held(server)
    for path in ["/agents/x/ui/", "/agents/x/meta", "/health"] {
      #expect(server.client().get(path)?.status == 503, "\(path)")
    }
    let post = server.client()
    post.send("POST /agents/x/ui/ HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(post.response()?.status == 503)
    server.agent(always: ok)
    server.publish(gate: .ready)
    #expect(client.response()?.text == "ok")
  }

  @Test("A package that turns out to serve nothing answers them 404")
  func absent() throws {
    let server = try server(.booting) { _, snapshot in snapshot.holdsBoot = true }
    defer { server.stop() }
    let client = held(server)
    server.publish {
      $0.gate = .ready
      $0.upstreamSocket = nil
    }
    #expect(client.response()?.status == 404)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  // MARK: Between the end of the agent and the word of it

  @Test(
    "A request that cannot be handed to anybody waits, whatever it is",
    arguments: ["GET", "POST"], [false, true])
  func unannounced(method: String, isTold: Bool) throws {
    let server = try server(.ready)
    defer { server.stop() }
    let client = held(
      server, "\(method) /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    if isTold { server.publish(gate: .restarting) }
    #expect(server.held == 1)
    server.agent { connection in
      guard connection.head() != nil, connection.take(2) != nil else { return }
      connection.write(ok)
    }
    if isTold { server.publish(gate: .ready) }
    #expect(client.response()?.text == "ok")
    #expect(server.plane.abortedCount == 0)
  }

  @Test("Without word of a restart they wait as long as connecting may take, with it longer")
  func bounds() throws {
    let server = try server(.ready) { options, _ in
      options.upstreamConnectTimeout = .milliseconds(60)
      options.holdTime = .milliseconds(400)
    }
    defer { server.stop() }
    var began = Clock.now()
    #expect(server.client().get("/agents/x/a")?.status == 502)
    #expect(Clock.now() - began >= .milliseconds(60))
    began = Clock.now()
    let client = held(server)
    server.publish(gate: .restarting)
    #expect(client.response()?.status == 503)
    #expect(Clock.now() - began >= .milliseconds(400))
  }

  @Test("The time to connect begins anew when the agent is said to be there")
  func timeToConnect() throws {
    let server = try server { options, _ in options.upstreamConnectTimeout = .milliseconds(80) }
    defer { server.stop() }
    let client = held(server)
    usleep(100_000)
    let began = Clock.now()
    server.publish(gate: .ready)
    #expect(client.response()?.status == 502)
    #expect(Clock.now() - began >= .milliseconds(80))
  }

  @Test(
    "A request that an agent ended without reading is the next one's",
    arguments: [
      "GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n",
      "DELETE /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
      "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\nhi",
    ], [false, true])
  func unread(request: String, isAccepted: Bool) throws {
    let server = try TestServer(WorkerMarks())
    defer { server.stop() }
    let listener = par_listen_unix(server.socket, 8)
    let client = server.client()
    client.send(request)
    #expect(eventually { server.plane.inFlight == 1 })
    var poller = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    #expect(poll(&poller, 1, 10_000) == 1)
    var accepted: Int32 = -1
    if isAccepted {
      accepted = accept(listener, nil, nil)
      poller.fd = accepted
      #expect(poll(&poller, 1, 10_000) == 1)
    }
    // As a killed process does: nothing was received.
    close(listener)
    if accepted >= 0 { close(accepted) }
    unlink(server.socket)
    #expect(eventually { server.held == 1 })
    #expect(server.plane.upstreamLost() == [])
    server.publish(gate: .restarting)
    let lines = Locked<[String]>([])
    server.agent { connection in
      while let head = connection.head() {
        lines.withLock { $0.append(head[0]) }
        if head.contains("Content-Length: 2") { _ = connection.take(2) }
        connection.write(ok)
      }
    }
    server.publish(gate: .ready)
    #expect(client.response()?.text == "ok")
    #expect(lines.withLock { $0.count } == 1)
    #expect(server.plane.abortedCount == 0)
    #expect(server.metric("par_requests_taken_back_total") ?? 0 >= 1)
  }

  @Test(
    "Of an agent that does not tell what it has begun, all that was sent counts as begun",
    arguments: [
      "GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
      "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\nhi",
    ], [0, 2000])
  func begun(request: String, reads: Int) throws {
    let server = try server(.ready)
    defer { server.stop() }
    let listener = par_listen_unix(server.socket, 8)
    let client = server.client()
    client.send(request)
    var poller = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    #expect(poll(&poller, 1, 10_000) == 1)
    let accepted = accept(listener, nil, nil)
    poller.fd = accepted
    #expect(poll(&poller, 1, 10_000) == 1)
    var space = [UInt8](repeating: 0, count: reads)
    if reads > 0 { #expect(recv(accepted, &space, reads, 0) > 0) }
    close(listener)
    close(accepted)
    #expect(client.response()?.status == 502)
    #expect(server.plane.abortedCount == 1)
    #expect(server.held == 0)
  }

  @Test("A response that was written before the agent ended is delivered")
  func lastWords() throws {
    let server = try server(.ready)
    defer { server.stop() }
    let go = Counter()
    let text = String(repeating: "x", count: 100_000)
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
      go.increment()
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(go.waits(for: 1))
    _ = server.plane.upstreamLost()
    let response = try #require(client.response())
    #expect(response.status == 200 && response.isComplete && response.text == text)
  }

  @Test("An agent that is lost again while they resume lets those wait that it did not begin")
  func secondLoss() throws {
    let server = try TestServer(WorkerMarks(), gate: .restarting)
    defer { server.stop() }
    let clients = (0..<20).map {
      held(server, "POST /agents/x/\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
    }
    // It has room for a few, accepts none and ends.
    let listener = par_listen_unix(server.socket, 4)
    server.publish(gate: .ready)
    var poller = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    #expect(poll(&poller, 1, 10_000) == 1)
    close(listener)
    unlink(server.socket)
    _ = server.plane.upstreamLost()
    server.publish(gate: .restarting)
    #expect(eventually { server.held == 20 })
    let lines = Locked<[Int: String]>([:])
    server.agent { connection in
      while let head = connection.head() {
        lines.withLock { $0[connection.number] = head[0] }
        guard connection.take(1) != nil else { return }
        connection.write(ok)
      }
    }
    server.publish(gate: .ready)
    for client in clients { #expect(client.response()?.text == "ok") }
    let order = lines.withLock { lines in lines.keys.sorted().map { lines[$0] ?? "" } }
    #expect(order == (0..<20).map { "POST /\($0) HTTP/1.1" })
    #expect(eventually { server.plane.completed == 20 })
    #expect(server.plane.abortedCount == 0)
  }

  @Test("Holding and the gate cannot miss each other")
  func gateRace() throws {
    let server = try TestServer(gate: .ready)
    defer { server.stop() }
    server.agent(always: ok)
    let clients = (0..<4).map { _ in server.client() }
    for _ in 0..<200 {
      for client in clients { client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n") }
      server.publish(gate: .restarting)
      server.publish(gate: .ready)
      for client in clients { #expect(client.response()?.text == "ok") }
    }
    #expect(server.held == 0)
    #expect(eventually { server.plane.inFlight == 0 })
  }
}
