import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

/// What an agent received, for the test to look at.
final class Received: Sendable {
  private let heads = Locked<[[String]]>([])
  var all: [[String]] { heads.withLock { $0 } }
  func add(_ head: [String]) { heads.withLock { $0.append(head) } }

  /// The values of a field of the last head.
  func values(_ name: String) -> [String] {
    (all.last ?? []).dropFirst().filter { $0.lowercased().hasPrefix(name.lowercased() + ":") }
      .map { String($0.dropFirst(name.count + 2)) }
  }
}

let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

@Suite("Proxying")
struct ProxyTests {
  @Test("The head is written anew, without the fields of the hop")
  func head() throws {
    let server = try TestServer()
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write(
          """
          HTTP/1.1 200 Fine\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
          content-length: 2\r\nX-Kept: a\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nok
          """)
      }
    }
    let client = server.client()
    let response = try #require(
      client.get(
        "/agents/x/a%2fb/../c%20d?q=%2F..%2F&x",
        """
        Connection: x-private, keep-alive, upgrade, host\r\nX-Private: 1\r\nUpgrade: h2c\r\n\
        TE: trailers\r\nKeep-Alive: 3\r\nProxy-Authorization: x\r\nCookie: c=d\r\n\
        X-Request-ID: abc-1\r\n\
        traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\n
        """))
    #expect(response.status == 200)
    #expect(response.text == "ok")
    #expect(response["X-Kept"] == "a")
    #expect(response.all("Set-Cookie") == ["a", "b"])
    for name in ["X-Hop", "Keep-Alive", "Connection"] { #expect(response[name] == nil) }
    #expect(response["Date"] != nil)
    let head = try #require(received.all.last)
    #expect(head.first == "GET /c%20d?q=%2F..%2F&x HTTP/1.1")
    #expect(received.values("Host") == ["example.org"])
    #expect(received.values("Cookie") == ["c=d"])
    #expect(received.values("X-Request-ID") == ["abc-1"])
    #expect(
      received.values("traceparent")
        == ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"])
    #expect(received.values("tracestate") == ["a=b"])
    #expect(received.values("X-Forwarded-For") == ["127.0.0.1"])
    #expect(received.values("X-Forwarded-Proto") == ["http"])
    #expect(received.values("X-Forwarded-Host") == ["example.org"])
    #expect(received.values("X-Forwarded-Prefix") == ["/agents/x"])
    for name in ["Connection", "X-Private", "Upgrade", "TE", "Keep-Alive", "Proxy-Authorization"] {
      #expect(received.values(name) == [], "\(name)")
    }
  }

  struct Forwarding: Sendable, CustomTestStringConvertible {
    let name: String
    let trusted: [AddressRange]
    let expectedFor: String
    let expectedProto: String
    let expectedHost: String
    let expectedPrefix: String
    let others: Int
    var testDescription: String { name }
  }

  @Test(
    "Forwarded fields are kept of those who are trusted",
    arguments: [
      Forwarding(
        name: "trusted", trusted: AddressRange.privateRanges,
        expectedFor: "1.2.3.4, 5.6.7.8, 127.0.0.1", expectedProto: "https", expectedHost: "pub",
        expectedPrefix: "/outer", others: 1),
      Forwarding(
        name: "a stranger", trusted: [], expectedFor: "127.0.0.1", expectedProto: "http",
        expectedHost: "example.org", expectedPrefix: "/agents/x", others: 0),
    ])
  func forwarding(row: Forwarding) throws {
    let server = try TestServer { options, _, _ in options.trustedProxies = row.trusted }
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write(ok)
      }
    }
    let client = server.client()
    let response = client.get(
      "/agents/x/a",
      """
      X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Proto: https\r\n\
      X-Forwarded-Host: pub\r\nX-Forwarded-Prefix: /outer\r\nX-Forwarded-Port: 443\r\n\
      X_Forwarded_Proto: https\r\nX_Request-ID: b\r\nContent_Length: 5\r\nTransfer-Encoding_: a\r\n\
      Forwarded: for=1.2.3.4\r\nX-Request-ID: a b\r\n\
      traceparent: nonsense\r\ntracestate: a=b\r\n
      """)
    #expect(response?.status == 200)
    #expect(received.values("X-Forwarded-For") == [row.expectedFor])
    #expect(received.values("X-Forwarded-Proto") == [row.expectedProto])
    #expect(received.values("X-Forwarded-Host") == [row.expectedHost])
    #expect(received.values("X-Forwarded-Prefix") == [row.expectedPrefix])
    #expect(received.values("X-Forwarded-Port").count == row.others)
    #expect(received.values("Forwarded").count == row.others)
    #expect(received.values("X_Forwarded_Proto") == [])
    #expect(received.values("X_Request-ID") == [] && received.values("Content_Length") == [])
    #expect(received.values("Transfer-Encoding_") == ["a"])
    #expect(received.values("X-Request-ID").first?.count == 32)
    #expect(received.values("tracestate") == [])
    let trace = try #require(received.values("traceparent").first)
    #expect(trace.count == 55 && trace.hasPrefix("00-") && trace.hasSuffix("-03"))
  }

  @Test("Bodies stream up: by length, and in chunks without their trailers")
  func uploads() throws {
    let server = try TestServer()
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        if head.contains("Content-Length: 100000") {
          let body = connection.take(100_000) ?? []
          received.add(head + ["sum: \(body.reduce(0) { $0 + Int($1) })"])
        } else {
          received.add(head + ["body: \(connection.chunkedBody() ?? "")"])
        }
        connection.write(ok)
      }
    }
    let client = server.client()
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
    client.send([UInt8](repeating: 7, count: 100_000))
    #expect(client.response()?.text == "ok")
    #expect(received.values("sum") == ["700000"])
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(
      """
      5;ext=1\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\nHost: b\r\nauthorization: c\r\n\
      X_Forwarded_For: d\r\n\r\n
      """)
    #expect(client.response()?.text == "ok")
    #expect(received.values("body") == ["5\r\nhello\r\n0\r\n\r\n"])
    #expect(received.values("Transfer-Encoding") == ["chunked"])
    #expect(received.values("Content-Length") == [])
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    _ = client
  }

  struct Shape: Sendable, CustomTestStringConvertible {
    let name: String
    let response: String
    var closes = false
    var request = "GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n"
    var body = "hello world"
    var chunked = false
    var length: String?
    var trailers: [String] = []
    var connection: String?
    var testDescription: String { name }
  }

  static let shapes = [
    Shape(
      name: "a length", response: "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
      length: "11"),
    Shape(
      name: "chunks and trailers",
      response:
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nT: u\r\nSet-Cookie: a\r\nContent-Length: 3\r\n\r\n",
      chunked: true, trailers: ["T: u"]),
    Shape(
      name: "until close", response: "HTTP/1.1 200 OK\r\n\r\nhello world", closes: true,
      chunked: true),
    Shape(
      name: "chunks to HTTP/1.0",
      response:
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
      request: "GET /agents/x/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", connection: "close"),
    Shape(
      name: "a length to HTTP/1.0",
      response: "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
      request: "GET /agents/x/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", length: "11",
      connection: "keep-alive"),
    Shape(
      name: "HEAD", response: "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
      request: "HEAD /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n", body: "", length: "11"),
    Shape(name: "204", response: "HTTP/1.1 204 No Content\r\n\r\n", body: ""),
    Shape(
      name: "304 with a length",
      response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 11\r\n\r\n", body: "", length: "11"),
    Shape(
      name: "an empty body", response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", body: "",
      length: "0"),
    Shape(
      name: "interim responses",
      response:
        "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
      length: "11"),
    Shape(
      name: "an HTTP/1.0 agent",
      response: "HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\nhello world", closes: true,
      length: "11"),
  ]

  @Test(
    "Responses stream down in every framing, whole or byte by byte", arguments: shapes,
    [false, true])
  func framings(shape: Shape, bytewise: Bool) throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      while connection.head() != nil {
        if bytewise {
          for byte in Array(shape.response.utf8) { connection.write([byte]) }
        } else {
          connection.write(shape.response)
        }
        if shape.closes { return }
      }
    }
    let client = server.client()
    // Twice, so that what is left over of the first would show.
    for round in 0..<(shape.connection == "close" ? 1 : 2) {
      client.send(shape.request)
      let response = try #require(
        client.response(toHEAD: shape.request.hasPrefix("HEAD")), "round \(round)")
      #expect(response.text == shape.body)
      #expect(response.isComplete)
      #expect((response["Transfer-Encoding"] == "chunked") == shape.chunked)
      #expect(response["Content-Length"] == shape.length)
      #expect(response.trailers == shape.trailers)
      #expect(response["Connection"] == shape.connection)
    }
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.abortedCount == 0)
  }

  @Test(
    "A response without a body leaves the agent's connection and the buffers as they were",
    arguments: [
      ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
      ("GET", "HTTP/1.1 204 No Content\r\n\r\n"), ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
      ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
    ])
  func bodiless(method: String, text: String) throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let agent = server.agent(always: text)
    let client = server.client()
    for _ in 0..<5 {
      client.send("\(method) /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(client.response(toHEAD: true)?.status == Int(text.dropFirst(9).prefix(3)))
      // With whatever buffers are next.
      for _ in 0..<3 { #expect(client.get("/livez")?.text == "{\"ok\":true}") }
    }
    #expect(agent.accepted.value == 1)
  }

  @Test(
    "A response that is no HTTP is answered 502",
    arguments: [
      "nonsense\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "HTTP/2 200\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: " + String(repeating: "b", count: 65536) + "\r\n\r\n",
      "HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 101) + "\r\n", "",
      "HTTP/1.1 200 OK\r\nContent-Le",
    ])
  func badResponses(text: String) throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      _ = connection.head()
      connection.write(text)
    }
    let client = server.client()
    let response = try #require(client.get("/agents/x/a"))
    #expect(response.status == 502)
    #expect(response.text.hasPrefix("{\"error\":\"The agent"))
    #expect(response.text.contains("\"state\":\"ready\",\"request_id\":\""))
    // The client's connection is as good as before.
    #expect(client.get("/livez")?.status == 200)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test(
    "A response that ends too early is cut off, not completed",
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    ])
  func cut(text: String) throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      _ = connection.head()
      connection.write(text)
    }
    let client = server.client()
    let response = try #require(client.get("/agents/x/a"))
    #expect(response.status == 200)
    #expect(response.text == "hello")
    #expect(!response.isComplete)
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0)
  }

  @Test("A connection that ended idle is replaced without the client noticing")
  func repeats() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let agent = server.agent { connection in
      // One response each; the first connection ends upon the second request.
      guard connection.head() != nil else { return }
      connection.write(ok)
      if connection.number == 0 { _ = connection.head() } else { _ = connection.isClosed() }
    }
    let client = server.client()
    #expect(client.get("/agents/x/a")?.status == 200)
    #expect(client.get("/agents/x/b")?.status == 200)
    #expect(agent.accepted.value == 2)
    #expect(client.get("/metrics")?.text.contains("par_requests_repeated_total 1\n") == true)
    #expect(server.plane.abortedCount == 0)
  }

  @Test(
    "What may have been done already is not repeated",
    arguments: [
      "POST /agents/x/b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
      "PUT /agents/x/b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
      "PATCH /agents/x/b HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
  func repeatsNot(request: String) throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let agent = server.agent { connection in
      guard connection.head() != nil else { return }
      connection.write(ok)
      _ = connection.head()
    }
    let client = server.client()
    #expect(client.get("/agents/x/a")?.status == 200)
    client.send(request)
    #expect(client.response()?.status == 502)
    #expect(agent.accepted.value == 1)
    #expect(server.plane.abortedCount == 1)
    #expect(server.plane.upstreamLost().map(\.route) == ["/agents/x/b"])
  }

  @Test("A request is repeated once, and not after a byte of the response")
  func repeatsOnce() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let agent = server.agent { connection in
      guard connection.head() != nil else { return }
      guard connection.number == 0 || connection.number == 2 else { return }
      connection.write(ok)
      guard connection.head() != nil else { return }
      if connection.number == 2 { connection.write("H") }
    }
    let client = server.client()
    #expect(client.get("/agents/x/a")?.status == 200)
    #expect(client.get("/agents/x/a")?.status == 502)
    #expect(agent.accepted.value == 2)
    #expect(client.get("/agents/x/a")?.status == 200)
    #expect(client.get("/agents/x/a")?.status == 502)
    #expect(agent.accepted.value == 3)
  }

  @Test("100 (Continue) comes from the agent, and only then the body")
  func expectContinue() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        guard head.contains("Expect: 100-continue") else { return }
        connection.write("HTTP/1.1 100 Continue\r\n\r\n")
        let body = connection.take(5) ?? []
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        connection.write(body)
      }
    }
    let client = server.client()
    client.send(
      "PUT /agents/x/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    #expect(client.head()?.status == 100)
    client.send("hello")
    #expect(client.response()?.text == "hello")
  }

  @Test("An answer while the body is still being sent is passed on at once")
  func earlyResponse() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
      _ = connection.isClosed()
    }
    let client = server.client()
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello")
    let response = try #require(client.response())
    #expect(response.status == 413)
    #expect(response.text == "big")
    #expect(client.isClosed())
  }

  @Test("A slow reader holds the agent back; memory stays bounded")
  func backPressure() throws {
    let server = try TestServer()
    defer { server.stop() }
    let written = Locked(0)
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
      let piece = [UInt8](repeating: 1, count: 1 << 20)
      for _ in 0..<64 {
        guard connection.write(piece) else { return }
        written.withLock { $0 += 1 }
      }
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.head()?.status == 200)
    // It stops when the kernel's buffers are full: long before the end, and for good.
    var (last, still) = (-1, 0)
    while still < 50 {
      usleep(2000)
      let now = written.withLock { $0 }
      still = now == last ? still + 1 : 0
      last = now
    }
    #expect(last < 32)
    var total = client.bufferedBytes
    while total < 67_108_864 {
      let count = client.readSome(1 << 20)
      guard count > 0 else { break }
      total += count
    }
    #expect(total == 67_108_864)
    #expect(eventually { server.plane.completed == 1 })
  }

  @Test("Events reach the client one by one")
  func serverSentEvents() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
      for number in 0..<5 {
        connection.write("data: \(number)\n\n")
        _ = go.waits(for: number + 1)
      }
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.head()?["Content-Type"] == "text/event-stream")
    for number in 0..<5 {
      #expect(client.chunk() == Array("data: \(number)\n\n".utf8))
      go.increment()
    }
    #expect(client.chunk() == [])
  }

  @Test("A client that goes away takes its request to the agent with it")
  func clientGone() throws {
    let server = try TestServer()
    defer { server.stop() }
    let gone = Counter()
    let began = Counter()
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
      began.increment()
      _ = connection.isClosed()
      gone.increment()
    }
    do {
      let client = server.client()
      client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(client.head()?.status == 200)
      #expect(began.waits(for: 1))
    }
    #expect(gone.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0)
    #expect(server.plane.abortedCount == 0)
  }

  @Test("A client that has only finished sending gets its answer")
  func halfClosed() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    server.agent { connection in
      _ = connection.head()
      _ = go.waits(for: 1)
      connection.write(ok)
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    client.finishSending()
    #expect(eventually { server.plane.inFlight == 1 })
    usleep(20_000)
    go.increment()
    #expect(client.response()?.text == "ok")
    #expect(client.isClosed())
  }

  @Test("Pipelined requests are answered in order")
  func pipelining() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        let path = head[0].split(separator: " ")[1]
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(path.count)\r\n\r\n\(path)")
      }
    }
    let client = server.client()
    var text = ""
    for number in 0..<200 {
      text +=
        "GET /agents/x/\(number) HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    }
    client.send(text)
    for number in 0..<200 {
      #expect(client.response()?.text == "/\(number)")
      #expect(client.response()?.text == "{\"ok\":true}")
    }
  }

  @Test("No agent at its socket is 502, a full queue for too long 504")
  func unreachable() throws {
    let server = try TestServer { options, _, _ in
      options.upstreamConnectTimeout = .milliseconds(50)
    }
    defer { server.stop() }
    let client = server.client()
    let absent = try #require(client.get("/agents/x/a"))
    #expect(absent.status == 502)
    let busy = par_listen_unix(server.socket, 0)
    defer { close(busy) }
    let filler = par_connect_unix(server.socket)
    defer { close(filler) }
    let full = try #require(client.get("/agents/x/a"))
    #expect(full.status == 504, "\(full)")
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("The access log has each request")
  func accessLog() throws {
    let server = try TestServer { options, _, _ in options.accessLog = 1 }
    defer { server.stop() }
    server.agent(always: ok)
    let client = server.client()
    _ = client.get("/agents/x/a/%2e/b?secret=1", "X-Request-ID: r1\r\n")
    _ = client.get("/livez")
    #expect(eventually { server.recorder.records.count == 2 })
    let record = try #require(server.recorder.records.first)
    #expect(record.method == "GET" && record.path == "/agents/x/a/b" && record.status == 200)
    #expect(record.requestID == "r1" && record.surface == "rest" && record.peer == "127.0.0.1")
    #expect(record.bytesSent > 2 && record.durationNanoseconds > 0)
    #expect(server.recorder.records.last?.surface == "par")
  }
}
