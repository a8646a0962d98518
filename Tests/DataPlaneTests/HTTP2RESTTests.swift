import CNghttp2
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

private let internalError = NGHTTP2_INTERNAL_ERROR.rawValue
private let protocolError = NGHTTP2_PROTOCOL_ERROR.rawValue
private let noError = NGHTTP2_NO_ERROR.rawValue

@Suite("HTTP/2 on the REST port")
struct HTTP2RESTTests {
  private func client(_ server: TestServer) -> PriorKnowledgeClient {
    PriorKnowledgeClient(server.port)
  }

  @Test("A built-in route is answered on every stream of a connection")
  func builtIn() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = client(server)
    let streams = (0..<50).map { _ in client.request("/health") }
    for stream in streams {
      let answer = client.answer(stream)
      #expect(answer.status == 200)
      #expect(answer["content-type"] == "application/json")
      #expect(answer["connection"] == nil)
      #expect(answer.text.hasPrefix("{\"ok\":true"))
      #expect(answer.isComplete)
    }
    #expect(server.metric("par_connections") == 2)
  }

  @Test("The UI port speaks it too, and serves no gRPC")
  func uiPort() throws {
    let server = try TestServer(uiListener: true)
    defer { server.stop() }
    let client = PriorKnowledgeClient(server.uiPort)
    #expect(client.get("/health").status == 200)
    let call = client.request(
      "/grpc.health.v1.Health/Check", method: "POST", [("content-type", "application/grpc")],
      body: "\0\0\0\0\0")
    #expect(client.answer(call).status == 404)
  }

  @Test("The agent gets the request as from any client")
  func head() throws {
    let server = try TestServer()
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write(
          """
          HTTP/1.1 200 OK\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nX-Mixed-Case: A b\r\n\
          Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok
          """)
      }
    }
    let client = client(server)
    let answer = client.get(
      "/agents/x/a?b=c", [("cookie", "a=b"), ("cookie", "c=d"), ("x-request-id", "mine")])
    #expect(answer.status == 200)
    #expect(answer.text == "ok")
    #expect(answer["x-mixed-case"] == "A b")
    #expect(answer.fields.filter { $0.name == "set-cookie" }.map(\.value) == ["a", "b"])
    #expect(answer["x-hop"] == nil)
    #expect(answer["content-length"] == "2")
    #expect(received.all.last?.first == "GET /a?b=c HTTP/1.1")
    #expect(received.values("host") == ["example.org"])
    #expect(received.values("cookie") == ["a=b; c=d"])
    #expect(received.values("X-Request-ID") == ["mine"])
    #expect(received.values("X-Forwarded-For") == ["127.0.0.1"])
    #expect(received.values("X-Forwarded-Prefix") == ["/agents/x"])
    #expect(received.values("connection") == [])
    #expect(eventually { server.plane.completed == 1 && server.plane.inFlight == 0 })
  }

  struct Shape: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let response: String
    var method = "GET"
    var status = 200
    var body = ""
    var trailers: [String] = []
    var interim: [Int] = []
    var reset: UInt32?
    /// The agent ends its connection after this.
    var ends = false
  }

  private static let shapes = [
    Shape(testDescription: "a length", response: ok, body: "ok"),
    Shape(
      testDescription: "no body", response: "HTTP/1.1 204 No Content\r\n\r\n", status: 204),
    Shape(
      testDescription: "304", response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
      status: 304),
    Shape(
      testDescription: "HEAD", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
      method: "HEAD"),
    Shape(
      testDescription: "an empty body", response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    Shape(
      testDescription: "chunks",
      response:
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
      body: "abc"),
    Shape(
      testDescription: "no chunk but the last",
      response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Shape(
      testDescription: "trailers, without those that belong into a head",
      response: """
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\
        X-Sum: 1\r\nSet-Cookie: a\r\n\r\n
        """, body: "a", trailers: ["x-sum: 1"]),
    Shape(
      testDescription: "until the end of the connection",
      response: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it", body: "all of it",
      ends: true),
    Shape(
      testDescription: "interim heads",
      response: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok, body: "ok", interim: [103]),
    Shape(
      testDescription: "cut before its length",
      response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", body: "ab",
      reset: internalError, ends: true),
    Shape(
      testDescription: "cut in a chunk",
      response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", body: "ab",
      reset: internalError, ends: true),
    Shape(testDescription: "no HTTP", response: "SSH-2.0\r\n\r\n", status: 502, ends: true),
  ]

  @Test("Every shape of a response", arguments: shapes)
  func response(_ shape: Shape) throws {
    let server = try TestServer()
    defer { server.stop() }
    let half = shape.response.utf8.count - 1
    let delivered = Counter()
    server.agent { connection in
      while connection.head() != nil {
        // The last byte alone, so that every end is met after a pause as well.
        let bytes = Array(shape.response.utf8)
        connection.write(Array(bytes[..<half]))
        if shape.reset != nil { _ = delivered.waits(for: 1) }
        connection.write(Array(bytes[half...]))
        if shape.ends { return }
      }
    }
    let client = client(server)
    for _ in 0..<3 {
      let stream = client.request("/agents/x/a", method: shape.method)
      if shape.reset != nil {
        let answer = try #require(client.answers[stream])
        #expect(client.waits { !answer.body.isEmpty })
        delivered.increment()
      }
      let answer = client.answer(stream)
      #expect(answer.status == shape.status)
      #expect(answer.interim == shape.interim)
      #expect(answer.reset == shape.reset)
      #expect(answer.trailers.map { "\($0.name): \($0.value)" } == shape.trailers)
      if shape.reset == nil {
        #expect(answer.isComplete)
        if shape.status != 502 { #expect(answer.text == shape.body) }
      }
      if shape.reset != nil { return }
    }
  }

  @Test("A body goes up by its length or in chunks; trailers after it go no further")
  func bodies() throws {
    let server = try TestServer()
    defer { server.stop() }
    let bodies = Locked<[String]>([])
    server.agent { connection in
      while let head = connection.head() {
        if head.contains("Content-Length: 5") {
          let body = connection.take(5) ?? []
          bodies.withLock { $0.append(String(decoding: body, as: UTF8.self)) }
        } else {
          let body = connection.chunkedBody() ?? ""
          bodies.withLock { $0.append(body) }
        }
        connection.write(ok)
      }
    }
    let client = client(server)
    let known = client.request(
      "/agents/x/a", method: "POST", [("content-length", "5")], body: "hello")
    #expect(client.answer(known).status == 200)
    let unknown = client.request("/agents/x/a", method: "POST", body: "hel", ends: false)
    client.send(unknown, "lo", ends: true)
    #expect(client.answer(unknown).status == 200)
    let empty = client.request("/agents/x/a", method: "POST", body: "")
    #expect(client.answer(empty).status == 200)
    let seen = bodies.withLock { $0 }
    #expect(seen.first == "hello")
    #expect(seen.dropFirst().first?.hasSuffix("0\r\n\r\n") ?? false)
    #expect(seen.last == "0\r\n\r\n")
  }

  @Test("What is malformed resets its stream only")
  func malformed() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = client(server)
    for fields in [
      [("connection", "close")], [("transfer-encoding", "chunked")],
      [("host", "elsewhere")], [("te", "gzip")], [("content-length", "5")],
    ] {
      #expect(client.get("/livez", fields).reset == protocolError, "\(fields)")
    }
    #expect(client.get("/livez").status == 200)
  }

  @Test("What HTTP/1.1 answers 400 for is a 400 here")
  func badRequest() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = client(server)
    for path in ["/a%", "/a%00", "/a#b", "/%zz"] {
      #expect(client.get(path).status == 400, "\(path)")
    }
    let tunnel = client.request("*", method: "OPTIONS")
    #expect(client.answer(tunnel).status == 204)
    #expect(client.answer(client.request("/a", method: "TRACE")).status == 501)
    let head = client.answer(client.request("/a%", method: "HEAD"))
    #expect(head.status == 400)
    #expect(head.body.isEmpty)
  }

  @Test("Too large a head is 431: by its bytes, or by its fields")
  func largeHead() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = client(server)
    let bytes = client.get("/livez", [("x", String(repeating: "a", count: 70_000))])
    #expect(bytes.status == 431)
    let most = client.request(
      "/livez", method: "GET", (0..<100).map { ("x-\($0)", "a") }, body: "")
    #expect(client.answer(most).status == 200)
    let fields = (0..<101).map { ("x-\($0)", "a") }
    #expect(client.get("/livez", fields).status == 431)
    let head = client.answer(client.request("/livez", method: "HEAD", fields))
    #expect(head.status == 431)
    #expect(head.body.isEmpty)
    #expect(client.get("/livez").status == 200)
  }

  @Test("An answer that does not wait for the body ends the stream without an error")
  func early() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = client(server)
    let stream = client.request("/health", method: "POST", body: "a", ends: false)
    let answer = client.answer(stream)
    #expect(answer.status == 405)
    #expect(answer.isComplete)
    #expect(client.waits { answer.reset != nil })
    #expect(answer.reset == noError)
    #expect(client.get("/livez").status == 200)
  }

  // MARK: Windows

  @Test("A body that the agent does not take stops at the stream's window")
  func upload() throws {
    let server = try TestServer { options, _, _ in options.http2.streamWindow = 20_000 }
    defer { server.stop() }
    let go = Counter()
    server.agent { connection in
      _ = connection.head()
      _ = go.waits(for: 1)
      _ = connection.take(10_000_000)
      connection.write(ok)
      _ = connection.head()
    }
    let client = client(server)
    let size = 10_000_000
    let stream = client.request(
      "/agents/x/a", method: "POST", [("content-length", "\(size)")],
      body: String(repeating: "x", count: size))
    // Both kernels' buffers, ours and the window; then no more is taken, and others go on.
    var before = -1
    while client.unsent(stream) != before {
      before = client.unsent(stream)
      for _ in 0..<5 { #expect(client.get("/livez").status == 200) }
    }
    #expect(client.unsent(stream) > 5_000_000)
    go.increment()
    #expect(client.answer(stream).status == 200)
  }

  @Test("A response that the client does not take stops, and others go on")
  func download() throws {
    let server = try TestServer()
    defer { server.stop() }
    let size = 4_000_000
    server.agent { connection in
      while let head = connection.head() {
        guard head[0].hasPrefix("GET /large") else {
          connection.write(ok)
          continue
        }
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
        for _ in 0..<(size / 10_000) {
          connection.write([UInt8](repeating: 120, count: 10_000))
        }
      }
    }
    let client = PriorKnowledgeClient(server.port, window: 1000)
    let stuck = client.request("/agents/x/large")
    let answer = try #require(client.answers[stuck])
    // It is given back on every stream but this: by hand.
    #expect(client.waits { answer.body.count >= 1000 })
    for _ in 0..<20 { #expect(client.get("/agents/x/small").text == "ok") }
    #expect(client.answer(stuck).body.count == size)
    #expect(answer.isComplete)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("It is in flight until the client has taken it, and given up when it takes nothing")
  func stalled() throws {
    let server = try TestServer { options, _, _ in
      options.bodyIdleTimeout = .milliseconds(300)
    }
    defer { server.stop() }
    server.agent(
      always: "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
        + String(repeating: "x", count: 5000))
    let client = PriorKnowledgeClient(server.port, window: 1000, reads: false)
    let stream = client.request("/agents/x/a")
    let answer = try #require(client.answers[stream])
    #expect(client.waits { answer.body.count == 1000 })
    #expect(server.plane.inFlight == 1)
    #expect(server.plane.completed == 0)
    #expect(client.answer(stream).reset != nil)
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0)
    #expect(client.get("/livez").status == 200)
  }

  @Test("A body of which nothing more comes is answered 408")
  func stalledUpload() throws {
    let server = try TestServer { options, _, _ in
      options.bodyIdleTimeout = .milliseconds(200)
    }
    defer { server.stop() }
    server.agent { connection in
      _ = connection.head()
      _ = connection.isClosed()
    }
    let client = client(server)
    let stream = client.request("/agents/x/a", method: "POST", body: "a", ends: false)
    #expect(client.answer(stream).status == 408)
    #expect(client.get("/livez").status == 200)
  }

  @Test("A file goes out in pieces of the window")
  func file() throws {
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let server = try TestServer { _, snapshot, folder in
      folder.write("ui/large.bin", bytes)
      folder.write("ui/index.html", "page")
      snapshot.uiFolder = folder.path + "/ui"
    }
    defer { server.stop() }
    let client = PriorKnowledgeClient(server.port, window: 7000)
    let answer = client.get("/agents/x/ui/large.bin")
    #expect(answer.status == 200)
    #expect(answer.body == bytes)
    let part = client.get("/agents/x/ui/large.bin", [("range", "bytes=100-99999")])
    #expect(part.status == 206)
    #expect(part.body == Array(bytes[100...99_999]))
    #expect(eventually { server.plane.inFlight == 0 && server.plane.completed == 2 })
  }

  // MARK: Ends

  @Test("A client that resets a stream, or ends its connection, is gone for the agent")
  func gone() throws {
    let server = try TestServer()
    defer { server.stop() }
    let closed = Counter()
    server.agent { connection in
      _ = connection.head()
      if connection.isClosed() { closed.increment() }
    }
    let client = client(server)
    let streams = (0..<3).map { _ in client.request("/agents/x/a") }
    #expect(eventually { server.plane.inFlight == 3 })
    client.reset(streams[0])
    #expect(closed.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 2 })
    client.close()
    #expect(closed.waits(for: 3))
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0)
    #expect(server.metric("par_requests_client_gone_total") == 3)
  }

  @Test("A loss of the agent is answered 502, or resets what has begun; both are counted")
  func lost() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      guard let head = connection.head() else { return }
      if head[0].contains("begun") {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na")
      }
      _ = connection.isClosed()
    }
    let client = client(server)
    let fresh = client.request("/agents/x/fresh")
    let begun = client.request("/agents/x/begun")
    #expect(client.waits { client.answers[begun]?.body.count == 1 })
    #expect(eventually { server.plane.inFlight == 2 })
    let aborted = server.plane.upstreamLost()
    #expect(Set(aborted.map(\.route)) == ["/agents/x/fresh", "/agents/x/begun"])
    #expect(client.answer(fresh).status == 502)
    #expect(client.answer(begun).reset == internalError)
    #expect(server.plane.abortedCount == 2)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("Event streams are cut on request, everything at the end")
  func cut() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      guard let head = connection.head() else { return }
      if head[0].contains("events") {
        connection.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
      }
      _ = connection.isClosed()
    }
    let client = client(server)
    let events = client.request("/agents/x/events")
    let waiting = client.request("/agents/x/waiting")
    #expect(client.waits { client.answers[events]?.body.isEmpty == false })
    #expect(eventually { server.plane.inFlight == 2 })
    #expect(server.plane.cutStreams().map(\.route) == ["/agents/x/events"])
    #expect(client.answer(events).reset != nil)
    #expect(server.plane.cutAll().map(\.route) == ["/agents/x/waiting"])
    #expect(client.answer(waiting).status == 503)
    #expect(server.plane.abortedCount == 2)
  }

  @Test("A drain tells the connection, and ends it when its streams have ended")
  func drain() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    server.agent { connection in
      while connection.head() != nil {
        _ = go.waits(for: 1)
        connection.write(ok)
      }
    }
    let client = client(server)
    let stream = client.request("/agents/x/a")
    #expect(eventually { server.plane.inFlight == 1 })
    server.publish(gate: .lameDuck)
    #expect(client.waits { !client.goaways.isEmpty })
    #expect(server.recorder.idle.value == 0)
    go.increment()
    #expect(client.answer(stream).text == "ok")
    #expect(client.isClosed())
    #expect(client.goaways.allSatisfy { $0.code == noError })
    #expect(server.recorder.idle.waits(for: 1))
    #expect(server.plane.completed == 1)
  }

  @Test("A request waits for the agent, and a reset takes it out of those that wait")
  func held() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.publish(gate: .restarting)
    let client = client(server)
    let stays = client.request("/agents/x/a", method: "POST", body: "hello")
    let leaves = client.request("/agents/x/b")
    #expect(eventually { server.held == 2 })
    client.reset(leaves)
    #expect(eventually { server.held == 1 })
    #expect(client.get("/health").status == 503)
    server.agent { connection in
      while connection.head() != nil {
        _ = connection.chunkedBody()
        connection.write(ok)
      }
    }
    server.publish(gate: .ready)
    #expect(client.answer(stays).text == "ok")
    #expect(eventually { server.plane.inFlight == 0 && server.plane.completed == 1 })
  }

  @Test("The access log has a line for each stream")
  func accessLog() throws {
    let server = try TestServer { options, _, _ in options.accessLog = 1 }
    defer { server.stop() }
    server.agent(always: ok)
    let client = client(server)
    _ = client.get("/agents/x/a?secret", [("x-request-id", "mine")])
    _ = client.get("/livez")
    #expect(eventually { server.recorder.records.count == 2 })
    // Once, by who writes to the socket.
    #expect(try #require(server.metric("par_sent_bytes_total")) < 2000)
    let record = try #require(server.recorder.records.first { $0.surface == "rest" })
    #expect(record.path == "/agents/x/a")
    #expect(record.status == 200)
    #expect(record.requestID == "mine")
    #expect(record.peer == "127.0.0.1")
  }

  @Test("Many connections and streams, broken off at random, leave nothing behind")
  func stress() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent(
      always: "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n"
        + String(repeating: "x", count: 40_000))
    let threads = (0..<4).map { seed in
      TestThread {
        var chance = UInt64(seed) &+ 1
        func next(_ below: UInt64) -> UInt64 {
          chance = chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return (chance >> 33) % below
        }
        for _ in 0..<10 {
          let client = PriorKnowledgeClient(server.port, window: 5000)
          let streams = (0..<20).map { _ in client.request("/agents/x/a") }
          for stream in streams {
            if next(3) == 0 {
              client.reset(stream)
            } else if next(3) > 0 {
              #expect(client.answer(stream).body.count == 40_000)
            }
          }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(eventually { server.metric("par_connections") == 1 })
  }

  @Test("A body that keeps coming does not make a request forget that it waits for a connection")
  func fullQueue() throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.upstreamConnectTimeout = .milliseconds(100)
    }
    defer { server.stop() }
    let busy = par_listen_unix(server.socket, 0)
    defer { close(busy) }
    let filler = par_connect_unix(server.socket)
    defer { close(filler) }
    let client = client(server)
    let upload = client.request("/agents/x/a", method: "POST", body: "", ends: false)
    // Less than a stream's window, in as many events as the time to connect has.
    for _ in 0..<20_000 { client.send(upload, "ab") }
    #expect(client.answer(upload).status == 504)
    #expect(eventually { server.plane.inFlight == 0 })
  }
}
