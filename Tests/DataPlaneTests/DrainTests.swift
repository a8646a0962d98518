import Glibc
import Lifecycle
import Testing

@testable import DataPlane

@Suite("Drain and loss of the agent")
struct DrainTests {
  /// An agent that reads a head and answers when it is told to.
  private func waiting(_ server: TestServer, _ go: Counter) {
    server.agent { connection in
      while connection.head() != nil {
        _ = go.waits(for: 1)
        connection.write(ok)
      }
    }
  }

  @Test("The observer hears when nothing is in flight, in a drain only")
  func nothingInFlight() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    waiting(server, go)
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(eventually { server.plane.inFlight == 1 })
    server.publish(gate: .lameDuck)
    #expect(server.plane.inFlight == 1)
    #expect(server.recorder.idle.value == 0)
    go.increment()
    let response = try #require(client.response())
    #expect(response.status == 200)
    // The drain began after the request and before its response.
    #expect(response["Connection"] == "close")
    #expect(client.isClosed())
    #expect(server.recorder.idle.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(eventually { server.plane.completed == 1 })
  }

  @Test("Outside a drain nobody is told")
  func silent() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent(always: ok)
    let client = server.client()
    #expect(client.get("/agents/x/a")?.status == 200)
    #expect(eventually { server.plane.completed == 1 })
    #expect(server.recorder.idle.value == 0)
  }

  @Test("A closed gate answers an idle connection's next request and then closes it")
  func closing() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent(always: ok)
    let client = server.client()
    #expect(client.get("/agents/x/a")?.status == 200)
    server.publish(gate: .closing)
    let response = try #require(client.get("/agents/x/a"))
    #expect(response.status == 503)
    #expect(response["Connection"] == "close" && response["Retry-After"] != nil)
    #expect(response.text.contains("\"state\":\"draining\""))
    #expect(client.isClosed())
  }

  @Test("The lost agent's requests are answered 502 and named, oldest first")
  func upstreamLost() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    waiting(server, go)
    defer { go.increment() }
    let clients = (0..<3).map { _ in server.client() }
    for (number, client) in clients.enumerated() {
      client.send(
        "POST /agents/x/r\(number)?q HTTP/1.1\r\nHost: a\r\nX-Request-ID: id\(number)\r\n\r\n")
      #expect(eventually { server.plane.inFlight == number + 1 })
    }
    let aborted = server.plane.upstreamLost()
    #expect(aborted.map(\.route) == ["/agents/x/r0", "/agents/x/r1", "/agents/x/r2"])
    #expect(aborted.map(\.requestID) == ["id0", "id1", "id2"])
    #expect(
      aborted.allSatisfy { $0.method == "POST" && $0.surface == "rest" && $0.ageMilliseconds >= 0 })
    for client in clients {
      #expect(client.response()?.status == 502)
      #expect(client.get("/livez")?.status == 200)
    }
    #expect(server.plane.abortedCount == 3)
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0)
    #expect(server.plane.upstreamLost() == [])
  }

  @Test("Of many lost requests the twenty oldest are named")
  func manyLost() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    waiting(server, go)
    defer { go.increment() }
    let clients = (0..<25).map { _ in server.client() }
    for (number, client) in clients.enumerated() {
      client.send("GET /agents/x/\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(eventually { server.plane.inFlight == number + 1 })
    }
    #expect(server.plane.upstreamLost().map(\.route) == (0..<20).map { "/agents/x/\($0)" })
    #expect(server.plane.abortedCount == 25)
    for client in clients { #expect(client.response()?.status == 502) }
  }

  @Test("Requests that noticed the loss first are named with the others")
  func noticed() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in _ = connection.head() }
    let client = server.client()
    #expect(client.get("/agents/x/early")?.status == 502)
    #expect(server.plane.upstreamLost().map(\.route) == ["/agents/x/early"])
    #expect(server.plane.abortedCount == 1)
  }

  @Test("A response that has begun is cut when the agent is lost")
  func lostInResponse() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
      _ = connection.isClosed()
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.head()?.status == 200)
    #expect(server.plane.upstreamLost().count == 1)
    #expect(client.isClosed())
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("A new agent on another socket is used from the next request on")
  func newSocket() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    server.agent(always: ok)
    let client = server.client()
    #expect(client.get("/agents/x/a")?.text == "ok")
    let second = TestAgent(
      server.folder + "/second.sock", always: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
    defer { second.stop() }
    server.publish { $0.upstreamSocket = second.path }
    #expect(client.get("/agents/x/a")?.text == "second")
  }

  @Test("A connection to the agent's old socket is not kept")
  func oldSocket() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let go = Counter()
    waiting(server, go)
    let second = TestAgent(
      server.folder + "/second.sock", always: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
    defer { second.stop() }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(eventually { server.plane.inFlight == 1 })
    server.publish { $0.upstreamSocket = second.path }
    #expect(server.client().get("/agents/x/a")?.text == "second")
    go.increment()
    #expect(client.response()?.text == "ok")
    for _ in 0..<3 { #expect(client.get("/agents/x/a")?.text == "second") }
  }

  @Test("Requests that are refused do not count")
  func refusedNotCounted() throws {
    let server = try TestServer(gate: .closing)
    defer { server.stop() }
    for _ in 0..<3 { #expect(server.client().get("/agents/x/a")?.status == 503) }
    server.publish {
      $0.gate = .ready
      $0.upstreamSocket = nil
    }
    #expect(server.client().get("/agents/x/a")?.status == 404)
    #expect(eventually { server.plane.completed == 0 && server.plane.inFlight == 0 })
    #expect(server.recorder.idle.value == 0)
  }

  @Test("A download that streams without a length goes on when event streams are cut")
  func downloadGoesOn() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n")
      _ = go.waits(for: 1)
      connection.write("2\r\n,2\r\n1\r\n]\r\n0\r\n\r\n")
    }
    let client = server.client()
    client.send("GET /agents/x/rows HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(eventually { server.plane.inFlight == 1 })
    server.publish(gate: .closing)
    #expect(server.plane.cutStreams() == [])
    go.increment()
    let response = try #require(client.response())
    #expect(response.text == "[1,2]" && response.isComplete)
    #expect(server.plane.abortedCount == 0)
  }

  @Test("Streams are cut, ordinary requests are not")
  func cutStreams() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    server.agent { connection in
      while let head = connection.head() {
        if head[0].hasPrefix("GET /events") {
          connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; x\r\n\r\ndata: 1\n\n")
          _ = connection.isClosed()
          return
        }
        if head[0].hasPrefix("GET /long") {
          connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
          _ = go.waits(for: 1)
          connection.write("k")
          continue
        }
        _ = go.waits(for: 1)
        connection.write(ok)
      }
    }
    let (stream, long, late) = (server.client(), server.client(), server.client())
    stream.send("GET /agents/x/events HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(stream.head()?.status == 200)
    long.send("GET /agents/x/long HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(long.head()?.status == 200)
    late.send("GET /agents/x/late HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(eventually { server.plane.inFlight == 3 })
    server.publish(gate: .closing)
    #expect(server.plane.cutStreams().map(\.route) == ["/agents/x/events"])
    #expect(stream.isClosed())
    #expect(server.plane.inFlight == 2)
    go.increment()
    #expect(late.response()?.text == "ok")
    #expect(server.recorder.idle.waits(for: 1))
    #expect(eventually { server.plane.completed == 2 })
    #expect(server.plane.abortedCount == 1)
  }

  @Test("At the deadline everything is cut: 503 where there is no response yet")
  func cutAll() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    waiting(server, go)
    defer { go.increment() }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(eventually { server.plane.inFlight == 1 })
    server.publish(gate: .closing)
    #expect(server.plane.cutAll().map(\.route) == ["/agents/x/a"])
    let response = try #require(client.response())
    #expect(response.status == 503 && response["Connection"] == "close")
    #expect(client.isClosed())
    #expect(server.recorder.idle.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("Stopping answers what has arrived and leaves no thread")
  func stops() throws {
    let server = try TestServer(gate: .closing)
    let clients = (0..<8).map { _ in server.client() }
    for client in clients { client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n") }
    server.plane.stop()
    for client in clients { #expect(client.response()?.status == 503) }
    #expect(clients.allSatisfy { $0.isClosed() })
    #expect(server.plane.upstreamLost() == [])
    server.stop()
  }

  @Test("Entering and closing the gate cannot miss each other")
  func gateRace() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent(always: ok)
    for _ in 0..<50 {
      server.publish(gate: .ready)
      let client = server.client()
      client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
      let before = server.recorder.idle.value
      server.publish(gate: .closing)
      // Either nothing is in flight and nothing will be answered 200 from here on, or the end of
      // what is will be told.
      let wasIdle = server.plane.inFlight == 0
      let completed = server.plane.completed
      let status = client.response()?.status
      if !wasIdle { #expect(server.recorder.idle.waits(for: before + 1)) }
      if wasIdle, status == 200 { #expect(completed >= 1) }
      #expect(status == 200 || status == 503)
      #expect(eventually { server.plane.inFlight == 0 })
    }
  }
}
