import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

/// The response that opens a tunnel.
let switching =
  """
  HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\
  Sec-WebSocket-Accept: b\r\n\r\n
  """

/// The request for one.
let handshake =
  """
  GET /agents/x/ws?a=b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n\
  Upgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\n
  """

/// A close frame without a status, of a server; and of a client, masked with zeros.
private let serverClose: [UInt8] = [0x88, 0]
private let clientClose: [UInt8] = [0x88, 0x80, 0, 0, 0, 0]

/// A frame of text, of a server.
private func frame(_ text: String) -> [UInt8] { [0x81, UInt8(text.utf8.count)] + Array(text.utf8) }

/// Sends all of it over a blocking socket.
private func sends(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  var sent = 0
  while sent < bytes.count {
    let count = bytes[sent...].withUnsafeBytes {
      send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    guard count > 0 else { return false }
    sent += count
  }
  return true
}

@Suite("Tunnels")
struct TunnelTests {
  /// A server whose agent opens a tunnel and then does as the script says.
  private func server(
    uiListener: Bool = false, gate: Gate = .ready,
    _ change: (inout DataPlaneOptions) -> Void = { _ in },
    script: @escaping @Sendable (TestAgent.Connection) -> Void
  ) throws -> TestServer {
    let server = try TestServer(gate: gate, uiListener: uiListener) { options, _, _ in
      options.loopCount = 1
      options.accessLog = 1
      change(&options)
    }
    server.agent { connection in
      guard connection.head() != nil else { return }
      connection.write(switching)
      script(connection)
    }
    return server
  }

  private func open(_ server: TestServer, _ early: String = "") -> TestClient {
    let client = server.client()
    client.send(handshake + early)
    #expect(client.head()?.status == 101)
    return client
  }

  @Test("Bytes pass both ways, those too that came with the heads", arguments: [false, true])
  func passes(bytewise: Bool) throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.accessLog = 1
    }
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      guard let head = connection.head() else { return }
      received.add(head)
      let answer = Array(switching.utf8) + frame("early")
      for piece in bytewise ? answer.map({ [$0] }) : [answer] { connection.write(piece) }
      received.add([String(decoding: connection.take(9) ?? [], as: UTF8.self)])
      while let asked = connection.take(4) {
        if asked == Array("last".utf8) { break }
        connection.write(frame(String(decoding: asked, as: UTF8.self) + "!"))
      }
      connection.write(serverClose)
      received.add([String(decoding: connection.take(3) ?? [], as: UTF8.self)])
    }
    let client = server.client()
    let request = Array((handshake + "with head").utf8)
    for piece in bytewise ? request.map({ [$0] }) : [request] { client.send(piece) }
    let response = try #require(client.head())
    #expect(response.status == 101)
    #expect(response.all("Upgrade") == ["websocket"] && response.all("Connection") == ["Upgrade"])
    #expect(response["Sec-WebSocket-Accept"] == "b" && response["Transfer-Encoding"] == nil)
    #expect(client.take(7) == frame("early"))
    #expect(server.plane.inFlight == 1 && server.metric("par_tunnels") == 1)
    #expect(server.recorder.records.allSatisfy { $0.surface == "par" })
    for word in ["ping", "pong", "GET "] {
      client.send(word)
      #expect(client.take(7) == frame(word + "!"))
    }
    client.send("last")
    #expect(client.take(2) == serverClose)
    client.send("bye")
    #expect(client.isClosed())
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(received.all.dropFirst() == [["with head"], ["bye"]])
    let head = try #require(received.all.first)
    #expect(head.first == "GET /ws?a=b HTTP/1.1")
    for line in ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: a"] {
      #expect(head.filter { $0 == line }.count == 1, "\(line)")
    }
    #expect(server.metric("par_tunnels") == 0 && server.metric("par_tunnels_total") == 1)
    #expect(server.metric("par_requests_total{surface=\"rest\",status=\"1xx\"}") == 1)
    #expect(server.plane.completed == 1 && server.plane.abortedCount == 0)
    let record = try #require(server.recorder.records.first { $0.surface == "rest" })
    #expect(record.status == 101 && record.method == "GET" && record.path == "/agents/x/ws")
    // The head, `early`, three answers and the close frame.
    #expect(record.bytesSent > 7 + 21 + 2 && record.durationNanoseconds > 0)
  }

  struct Wish: Sendable, CustomTestStringConvertible {
    let name: String
    var line = "GET /agents/x/a HTTP/1.1"
    var fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    var isForwarded = false
    var status = 200
    var testDescription: String { name }
  }

  @Test(
    "Only a GET of HTTP/1.1 asks for a WebSocket, and for nothing else",
    arguments: [
      Wish(name: "a WebSocket", isForwarded: true),
      Wish(
        name: "one of several protocols",
        fields: "Connection: close, UPGRADE\r\nUpgrade: h2c, WebSocket, a/1\r\n", isForwarded: true),
      Wish(
        name: "several lines",
        fields: "Upgrade: h2c\r\nConnection: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
        isForwarded: true),
      Wish(
        name: "an empty body",
        fields: "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
        isForwarded: true),
      Wish(name: "without Connection", fields: "Upgrade: websocket\r\n"),
      Wish(
        name: "Connection names another", fields: "Connection: upgrade2\r\nUpgrade: websocket\r\n"),
      Wish(name: "without Upgrade", fields: "Connection: Upgrade\r\n"),
      Wish(
        name: "h2c",
        fields: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n"),
      Wish(
        name: "TLS", fields: "Connection: Upgrade\r\nUpgrade: TLS/1.3, websocket2, web socket\r\n"),
      Wish(name: "a version of it", fields: "Connection: Upgrade\r\nUpgrade: websocket/13\r\n"),
      Wish(name: "HTTP/1.0", line: "GET /agents/x/a HTTP/1.0"),
      Wish(name: "HEAD", line: "HEAD /agents/x/a HTTP/1.1"),
      Wish(name: "OPTIONS", line: "OPTIONS /agents/x/a HTTP/1.1"),
      Wish(
        name: "POST", line: "POST /agents/x/a HTTP/1.1",
        fields: "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n"),
      Wish(name: "the program's own route", line: "GET /livez HTTP/1.1"),
      Wish(
        name: "a body",
        fields: "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n",
        status: 400),
      Wish(
        name: "chunks",
        fields: "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n",
        status: 400),
    ])
  func wishes(_ wish: Wish) throws {
    let server = try TestServer()
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      }
    }
    let client = server.client()
    client.send("\(wish.line)\r\nHost: a\r\n\(wish.fields)\r\n")
    #expect(client.response(toHEAD: true)?.status == wish.status)
    #expect(received.values("Upgrade") == (wish.isForwarded ? ["websocket"] : []))
    #expect(received.values("Connection") == (wish.isForwarded ? ["Upgrade"] : []))
    #expect(received.values("HTTP2-Settings") == [])
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test(
    "Anything but 101 is an ordinary response, and what follows an ordinary request",
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nno",
      "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nSec-WebSocket-Version: 13\r\n\r\nno",
      "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
      "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nUpgrade: websocket\r\n\r\nno",
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno",
    ])
  func refused(text: String) throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let received = Received()
    let agent = server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write(received.all.count == 1 ? text : ok)
      }
    }
    let client = server.client()
    // The classic: a tunnel would carry the second request past every check.
    client.send(handshake + "GET /agents/x/../y/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n")
    let first = try #require(client.response())
    #expect(first.status != 101 && first.text == "no" && first["Upgrade"] == nil)
    #expect(client.response()?.text == "ok")
    #expect(received.all.last?.first == "GET /agents/b HTTP/1.1")
    #expect(received.values("Upgrade") == [])
    // The agent's connection is as good as before.
    #expect(agent.accepted.value == 1 && server.metric("par_tunnels_total") == 0)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("426 says what may be asked for")
  func upgradeRequired() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent(
      always:
        "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: h2c, websocket\r\nContent-Length: 0\r\n\r\n"
    )
    let response = server.client().get("/agents/x/ws")
    #expect(response?["Upgrade"] == "websocket" && response?["Connection"] == "Upgrade")
  }

  @Test(
    "101 that was not asked for, or is to something else, is 502",
    arguments: [
      ("", switching),
      ("Upgrade: websocket\r\n", switching),
      ("Connection: upgrade\r\nUpgrade: h2c\r\n", switching),
      (
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"
      ),
      (
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
      ),
      (
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n"
      ),
      (
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
      ),
    ])
  func unasked(fields: String, answer: String) throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      guard connection.head() != nil else { return }
      connection.write(answer)
      _ = connection.isClosed()
    }
    let client = server.client()
    #expect(client.get("/agents/x/ws", fields)?.status == 502)
    // What the client sends next is read as requests by the program alone.
    #expect(client.get("/livez")?.status == 200)
    #expect(server.metric("par_tunnels_total") == 0)
  }

  @Test("The end of one side is passed on, and the other may go on")
  func halfClose() throws {
    let server = try server { connection in
      if connection.number == 0 {
        // The client ends first.
        var all = 0
        while connection.take(1) != nil { all += 1 }
        connection.write(frame("after \(all)"))
        connection.write(serverClose)
      } else {
        connection.write(serverClose)
        shutdown(connection.descriptor, Int32(SHUT_WR))
        #expect(connection.take(7) == Array("goes on".utf8))
        #expect(connection.isClosed())
      }
    }
    defer { server.stop() }
    let first = open(server)
    first.send([UInt8](repeating: 1, count: 100_000))
    first.finishSending()
    #expect(first.take(14) == frame("after 100000"))
    #expect(first.take(2) == serverClose && first.isClosed())
    let second = open(server)
    #expect(second.take(2) == serverClose && second.isClosed())
    #expect(server.plane.inFlight == 1)
    second.send("goes on")
    second.finishSending()
    #expect(eventually { server.plane.completed == 2 })
    #expect(server.plane.inFlight == 0 && server.metric("par_tunnels") == 0)
  }

  @Test("A side that does not read holds the other back", arguments: [false, true])
  func backPressure(up: Bool) throws {
    let total = 64 << 20
    let go = Counter()
    let moved = Locked(0)
    let piece = [UInt8](repeating: 5, count: 1 << 20)
    let server = try server { connection in
      if up {
        _ = go.waits(for: 1)
        var left = total
        while left > 0, let some = connection.take(1 << 20) { left -= some.count }
        connection.write([0x88, UInt8(left == 0 ? 0 : 1)])
      } else {
        for _ in 0..<(total >> 20) where connection.write(piece) { moved.withLock { $0 += 1 } }
        _ = connection.isClosed()
      }
    }
    defer { server.stop() }
    let client = open(server)
    let descriptor = client.descriptor
    let sender =
      up
      ? TestThread {
        for _ in 0..<(total >> 20) where sends(piece, to: descriptor) {
          moved.withLock { $0 += 1 }
        }
      } : nil
    // It stops when the kernel's buffers are full: long before the end, and for good.
    var (last, still) = (-1, 0)
    while still < 50 {
      usleep(2000)
      let now = moved.withLock { $0 }
      still = now == last ? still + 1 : 0
      last = now
    }
    #expect(last < 32)
    // Others are served meanwhile.
    #expect(server.client().get("/livez")?.status == 200)
    if up {
      go.increment()
      #expect(client.take(2) == serverClose)
    } else {
      var left = total - client.bufferedBytes
      while left > 0 {
        let count = client.readSome(min(left, 1 << 20))
        guard count > 0 else { break }
        left -= count
      }
      #expect(left == 0)
    }
    sender?.join()
  }

  @Test("Silence lasts as long as it likes")
  func silence() throws {
    let go = Counter()
    let server = try server {
      $0.bodyIdleTimeout = .milliseconds(20)
      $0.limits.keepAliveIdle = .milliseconds(20)
      $0.limits.halfClosedPatience = .milliseconds(20)
      $0.limits.vanishedTime = .seconds(60)
    } script: { connection in
      _ = go.waits(for: 1)
      connection.write("late")
      _ = connection.isClosed()
    }
    defer { server.stop() }
    let client = open(server)
    usleep(150_000)
    go.increment()
    #expect(client.take(4) == Array("late".utf8))
  }

  @Test("A client that takes nothing of what waits for it is given up", arguments: [false, true])
  func stalled(talks: Bool) throws {
    let ended = Counter()
    let server = try server {
      $0.bodyIdleTimeout = .milliseconds(100)
    } script: { connection in
      while connection.write([UInt8](repeating: 0, count: 65536)) {}
      ended.increment()
    }
    defer { server.stop() }
    let client = open(server)
    // What it says does not help it.
    let descriptor = client.descriptor
    let talker =
      talks ? TestThread { while sends([1], to: descriptor) { usleep(10_000) } } : nil
    #expect(ended.waits(for: 1))
    talker?.join()
    #expect(eventually { server.plane.inFlight == 0 && server.metric("par_tunnels") == 0 })
    #expect(server.plane.completed == 0)
    #expect(server.metric("par_http1_ended_total{reason=\"slow_reader\"}") == 1)
  }

  @Test("A tunnel of which one side has ended and the other does nothing is given up")
  func halfOpen() throws {
    let done = Counter()
    let server = try server {
      $0.bodyIdleTimeout = .milliseconds(50)
    } script: { connection in
      if connection.number == 1 { shutdown(connection.descriptor, Int32(SHUT_WR)) }
      // One reads the end and does not end its own side, the other has ended its own.
      if connection.number == 0 { _ = connection.isClosed() }
      _ = done.waits(for: 1)
    }
    defer { server.stop() }
    let first = open(server)
    first.finishSending()
    #expect(first.isClosed())
    let second = open(server)
    #expect(second.isClosed())
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0)
    done.increment()
  }

  @Test("An agent that ends without a word breaks its tunnel: counted, and named")
  func broken() throws {
    let server = try server { connection in connection.write([0x81, 5, 1, 2]) }
    defer { server.stop() }
    let client = open(server)
    #expect(client.take(4) == [0x81, 5, 1, 2] && client.isClosed())
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0 && server.plane.abortedCount == 1)
    #expect(server.plane.upstreamLost().map(\.route) == ["/agents/x/ws"])
  }

  @Test("The lost agent's tunnels end, after what it had written", arguments: [false, true])
  func lost(isWhole: Bool) throws {
    let go = Counter()
    let server = try server { connection in
      connection.write([0x82, 2, 1, 2])
      if isWhole { connection.write(serverClose) }
      go.increment()
      _ = connection.isClosed()
    }
    defer { server.stop() }
    let client = open(server)
    #expect(go.waits(for: 1))
    let lost = server.plane.upstreamLost()
    #expect(lost.map(\.surface) == ["rest"])
    #expect(client.take(4) == [0x82, 2, 1, 2])
    #expect(client.isClosed())
    #expect(server.plane.inFlight == 0 && server.plane.abortedCount == 1)
    #expect(server.metric("par_tunnels") == 0)
  }

  @Test("A client that goes away takes its tunnel with it", arguments: [false, true])
  func clientGone(resets: Bool) throws {
    let gone = Counter()
    let server = try server { connection in
      _ = connection.isClosed()
      gone.increment()
    }
    defer { server.stop() }
    do {
      let client = open(server)
      if resets {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
          client.descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
      }
    }
    #expect(gone.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0 && server.plane.abortedCount == 0)
    #expect(server.metric("par_requests_client_gone_total") == 1)
  }

  @Test("In a drain a tunnel is a stream: it goes on until streams are cut")
  func drain() throws {
    let server = try server { connection in
      while let word = connection.take(4) { connection.write(word) }
    }
    defer { server.stop() }
    let client = open(server)
    server.publish(gate: .lameDuck)
    client.send("ping")
    #expect(client.take(4) == Array("ping".utf8))
    // Agent requests are served for a while yet.
    let late = open(server)
    server.publish(gate: .closing)
    let refused = server.client()
    refused.send(handshake)
    #expect(refused.response()?.status == 503)
    late.send("pong")
    #expect(late.take(4) == Array("pong".utf8))
    #expect(server.plane.inFlight == 2 && server.recorder.idle.value == 0)
    let cut = server.plane.cutStreams()
    #expect(cut.map(\.route) == ["/agents/x/ws", "/agents/x/ws"])
    #expect(client.isClosed() && late.isClosed())
    #expect(server.recorder.idle.waits(for: 1))
    #expect(server.plane.inFlight == 0 && server.plane.abortedCount == 2)
    #expect(server.recorder.records.map(\.status).sorted() == [101, 101, 503])
  }

  @Test("One that the agent ends in time is not cut", arguments: [false, true])
  func endsInTime(all: Bool) throws {
    let go = Counter()
    let server = try server { connection in
      _ = go.waits(for: 1)
      connection.write(serverClose)
    }
    defer { server.stop() }
    let client = open(server)
    server.publish(gate: .closing)
    go.increment()
    #expect(client.take(2) == serverClose)
    client.send(clientClose)
    #expect(client.isClosed() && server.recorder.idle.waits(for: 1))
    #expect((all ? server.plane.cutAll() : server.plane.cutStreams()).isEmpty)
    #expect(server.plane.completed == 1 && server.plane.abortedCount == 0)
  }

  @Test("The deadline and the end of the program end it", arguments: [false, true])
  func end(stops: Bool) throws {
    let server = try server { connection in _ = connection.isClosed() }
    defer { server.stop() }
    let client = open(server)
    if stops { server.stop() } else { #expect(server.plane.cutAll().count == 1) }
    #expect(client.isClosed())
    #expect(server.plane.inFlight == 0)
  }

  @Test("A request for one waits for the agent like others, with what was sent behind it")
  func held() throws {
    let server = try server(gate: .restarting) { connection in
      #expect(connection.take(5) == Array("early".utf8))
      connection.write(serverClose)
    }
    defer { server.stop() }
    let client = server.client()
    client.send(handshake + "early")
    #expect(eventually { server.held == 1 })
    server.publish(gate: .ready)
    #expect(client.head()?.status == 101)
    #expect(client.take(2) == serverClose)
  }

  @Test("One that no agent has begun is the next one's")
  func takenBack() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks)
    defer { server.stop() }
    server.agent { connection in
      guard let head = connection.head(), connection.number > 0 else { return }
      marks.begin(head)
      connection.write(switching)
      connection.write(serverClose)
      _ = connection.isClosed()
    }
    let client = open(server)
    #expect(client.take(2) == serverClose)
    #expect(server.metric("par_requests_taken_back_total") == 1)
  }

  @Test("A handshake that is refused before the agent's code says nothing about its marks")
  func refusedUnmarked() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks)
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        if head[0].contains("/ws") {
          connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        } else if connection.number == 0 {
          // Read, and not begun.
          return
        } else {
          marks.begin(head)
          connection.write(ok)
        }
      }
    }
    let client = server.client()
    client.send(handshake)
    #expect(client.response()?.status == 400)
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    #expect(client.response()?.text == "ok")
    #expect(server.metric("par_requests_taken_back_total") == 1)
  }

  @Test("The UI port has them under its API")
  func uiPort() throws {
    let server = try server(uiListener: true) { connection in
      connection.write(serverClose)
      _ = connection.isClosed()
    }
    defer { server.stop() }
    let client = server.uiClient()
    client.send(
      "GET /agents/x/api/ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    #expect(client.head()?.status == 101)
    #expect(client.take(2) == serverClose)
  }

  @Test("An agent's connection that was a tunnel's is nobody's afterwards")
  func notPooled() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let agent = server.agent { connection in
      while let head = connection.head() {
        if head[0].contains("/ws") {
          connection.write(switching)
          connection.write(serverClose)
          _ = connection.isClosed()
        } else {
          connection.write(ok)
        }
      }
    }
    let plain = server.client()
    #expect(plain.get("/agents/x/a")?.text == "ok")
    // On the kept connection.
    let client = open(server)
    #expect(agent.accepted.value == 1)
    #expect(client.take(2) == serverClose)
    client.finishSending()
    #expect(client.isClosed() && eventually { server.plane.inFlight == 0 })
    #expect(plain.get("/agents/x/a")?.text == "ok")
    #expect(agent.accepted.value == 2)
  }

  @Test("HTTP/2 has no upgrade, and its CONNECT opens none")
  func http2() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent(always: ok)
    let client = PriorKnowledgeClient(server.port)
    defer { client.close() }
    for (method, fields) in [
      ("GET", [("upgrade", "websocket")]), ("GET", [("connection", "upgrade")]),
      ("CONNECT", [(":protocol", "websocket")]),
    ] {
      let stream = client.request("/agents/x/ws", method: method, fields)
      #expect(client.answer(stream).reset == HTTP2Code.protocolError)
    }
  }
}

@Suite("Frames of a WebSocket")
struct WebSocketFramesTests {
  /// A frame with a payload of zeros.
  private static func frame(_ opcode: UInt8, _ count: Int, masked: Bool = false) -> [UInt8] {
    let mask: UInt8 = masked ? 0x80 : 0
    let length: [UInt8] =
      switch count {
      case ..<126: [mask | UInt8(count)]
      case ..<65536: [mask | 126, UInt8(count >> 8), UInt8(count & 255)]
      default:
        [mask | 127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
      }
    // A payload full of what looks like close frames.
    return [opcode] + length + (masked ? [1, 2, 3, 4] : [])
      + [UInt8](repeating: 0x88, count: count)
  }

  static let samples: [(name: String, bytes: [UInt8])] = [
    ("nothing", []), ("text", frame(0x81, 5)), ("an empty one", frame(0x82, 0)),
    ("an empty masked one", frame(0x82, 0, masked: true)), ("125 bytes", frame(0x82, 125)),
    ("126 bytes", frame(0x82, 126)), ("70,000 bytes", frame(0x82, 70_000)),
    ("masked", frame(0x81, 300, masked: true)),
    ("several", frame(0x01, 3) + frame(0x89, 0) + frame(0x80, 200) + frame(0x8A, 4, masked: true)),
  ]

  @Test("A close frame is seen behind any others, wherever they are split", arguments: samples)
  func walks(name: String, bytes: [UInt8]) {
    for end in [Self.frame(0x88, 0), Self.frame(0x88, 2), Self.frame(0x88, 2, masked: true)] {
      for split in Set([1, 2, 3, 7, 4096, bytes.count + end.count]) {
        var frames = WebSocketFrames()
        let whole = bytes + end
        var position = 0
        while position < whole.count {
          let next = min(position + split, whole.count)
          // Up to here nothing of the close frame's second byte was seen.
          if position <= bytes.count { #expect(!frames.hasClosed) }
          whole[position..<next].withUnsafeBytes { frames.walk($0) }
          position = next
        }
        #expect(frames.hasClosed)
      }
    }
    var frames = WebSocketFrames()
    bytes.withUnsafeBytes { frames.walk($0) }
    #expect(!frames.hasClosed)
  }
}
