import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

@Suite("Control requests")
struct ControlTests {
  private func supervisor(
    _ change: (inout DataPlaneOptions, inout Snapshot) -> Void = { _, _ in },
    _ control: @escaping @Sendable (ControlRequest, any ControlReply) -> Void
  ) throws -> TestSupervisor {
    let supervisor = try TestSupervisor(change)
    supervisor.server.recorder.control.withLock { $0 = control }
    return supervisor
  }

  /// Says what it was asked.
  private static let echo: @Sendable (ControlRequest, any ControlReply) -> Void = {
    let text = "\($0.method) \($0.path)?\($0.query) \($0.body.count) \($0.peer)"
    $1.answer(
      202, fields: [("ETag", $0.ifMatch ?? "none"), ("X-Id", $0.requestID)],
      contentType: "text/plain", body: Array(text.utf8))
  }

  @Test(
    "Everything beneath /supervisor is collected and handed on, and the answer goes back",
    arguments: [
      ("GET /supervisor", "GET /supervisor? 0 127.0.0.1"),
      ("GET /supervisor/", "GET /supervisor/? 0 127.0.0.1"),
      ("DELETE /supervisor/agents/x?force=1", "DELETE /supervisor/agents/x?force=1 0 127.0.0.1"),
      ("PATCH /x/../supervisor/%61", "PATCH /supervisor/a? 0 127.0.0.1"),
    ])
  func answered(_ line: String, _ text: String) throws {
    let supervisor = try supervisor({ _, _ in }, Self.echo)
    defer { supervisor.stop() }
    let client = supervisor.client()
    for _ in 0..<2 {
      client.send("\(line) HTTP/1.1\r\nHost: a\r\nIf-Match: \"7\"\r\nX-Request-ID: r1\r\n\r\n")
      let answer = client.response()
      #expect(answer?.status == 202 && answer?.text == text)
      #expect(answer?["ETag"] == "\"7\"" && answer?["X-Id"] == "r1")
      #expect(answer?["Content-Type"] == "text/plain" && answer?["Date"] != nil)
    }
    #expect(supervisor.plane.completed == 0)
  }

  @Test("A body is collected whole, of a known length, in chunks, or after 100 (Continue)")
  func bodies() throws {
    let supervisor = try supervisor({ _, _ in }, Self.echo)
    defer { supervisor.stop() }
    let client = supervisor.client()
    let piece = String(repeating: "x", count: 70_000)
    client.send("POST /supervisor/a HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + piece)
    #expect(client.response()?.text == "POST /supervisor/a? 70000 127.0.0.1")
    client.send(
      "POST /supervisor/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "11170\r\n\(piece)\r\n3\r\nabc\r\n0\r\n\r\n")
    #expect(client.response()?.text == "POST /supervisor/a? 70003 127.0.0.1")
    client.send(
      "PUT /supervisor/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    #expect(client.head()?.status == 100)
    client.send("ok")
    #expect(client.response()?.text == "PUT /supervisor/a? 2 127.0.0.1")
  }

  @Test(
    "A body of more than its bound is 413, at the head or on the way", arguments: [true, false])
  func tooLarge(_ isDeclared: Bool) throws {
    let supervisor = try supervisor({ options, _ in options.agents.controlBody = 1000 }, Self.echo)
    defer { supervisor.stop() }
    for count in [1000, 1001] {
      let client = supervisor.client()
      let body = String(repeating: "x", count: count)
      client.send("POST /supervisor/a HTTP/1.1\r\nHost: a\r\n")
      client.send(
        isDeclared
          ? "Content-Length: \(count)\r\n\r\n\(body)"
          : "Transfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
      #expect(client.response()?.status == (count == 1000 ? 202 : 413))
    }
    #expect(AgentsLimits().controlBody == 1 << 20)
  }

  @Test("HEAD is answered without the body, and one that nobody answers is 500")
  func head() throws {
    let supervisor = try supervisor { request, reply in
      if request.method == "HEAD" { reply.answer(200, body: [1, 2, 3]) }
    }
    defer { supervisor.stop() }
    let client = supervisor.client()
    client.send("HEAD /supervisor/status HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.response(toHEAD: true)?["Content-Length"] == "3")
    #expect(client.get("/supervisor/status")?.status == 500)
  }

  @Test("Only so many are in progress at a time; the next one is 503, and there is room again")
  func bound() throws {
    let replies = Locked<[any ControlReply]>([])
    let supervisor = try supervisor({ options, _ in options.agents.controlRequests = 2 }) {
      _, reply in replies.withLock { $0.append(reply) }
    }
    defer { supervisor.stop() }
    let clients = (0..<2).map { _ in supervisor.client() }
    for client in clients { client.send("GET /supervisor/a HTTP/1.1\r\nHost: a\r\n\r\n") }
    #expect(eventually { replies.withLock { $0.count } == 2 })
    let answer = supervisor.client().get("/supervisor/a")
    #expect(answer?.status == 503 && answer?["Retry-After"] == "1")
    for reply in replies.withLock({ $0 }) {
      reply.answer(200, body: [])
      // Only the first answer counts.
      reply.answer(404, body: [])
      #expect(!reply.write([1]))
    }
    for client in clients { #expect(client.response()?.status == 200) }
  }

  @Test("A client that leaves before its request is whole leaves its place")
  func leaves() throws {
    let supervisor = try supervisor(
      { options, _ in options.agents.controlRequests = 1 }, Self.echo)
    defer { supervisor.stop() }
    do {
      let client = supervisor.client()
      client.send(
        "POST /supervisor/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
      )
      #expect(client.head()?.status == 100)
      #expect(supervisor.client().get("/supervisor/a")?.status == 503)
    }
    #expect(eventually { supervisor.client().get("/supervisor/a")?.status == 202 })
  }

  @Test("A stream is written by any thread, as it comes, over HTTP/1.1")
  func stream() throws {
    let threads = Locked<[TestThread]>([])
    let supervisor = try supervisor { _, reply in
      reply.beginStream(200, fields: [("X-A", "1")], contentType: "text/event-stream")
      let thread = TestThread {
        for number in 0..<100 where !reply.write(Array("data: \(number)\n\n".utf8)) { break }
        reply.end()
      }
      threads.withLock { $0.append(thread) }
    }
    defer {
      supervisor.stop()
      for thread in threads.withLock({ $0 }) { thread.join() }
    }
    let client = supervisor.client()
    let answer = client.get("/supervisor/events")
    #expect(answer?.status == 200 && answer?["Content-Type"] == "text/event-stream")
    #expect(answer?["X-A"] == "1" && answer?.isComplete == true)
    #expect(answer?.text == (0..<100).map { "data: \($0)\n\n" }.joined())
    // The connection is kept.
    #expect(client.get("/supervisor/events")?.isComplete == true)
    #expect(supervisor.plane.inFlight == 0)
  }

  @Test("… and over HTTP/2, an answer as well as a stream")
  func http2() throws {
    let supervisor = try supervisor { request, reply in
      guard request.path == "/supervisor/events" else { return Self.echo(request, reply) }
      reply.beginStream(200, fields: [], contentType: "text/event-stream")
      for number in 0..<10 { _ = reply.write(Array("data: \(number)\n\n".utf8)) }
      reply.end()
    }
    defer { supervisor.stop() }
    let client = PriorKnowledgeClient(supervisor.server.port)
    let stream = client.request("/supervisor/events")
    let post = client.request(
      "/supervisor/x?y", method: "POST", body: String(repeating: "x", count: 50_000))
    let streamed = client.answer(stream)
    #expect(streamed.status == 200 && streamed.isComplete)
    #expect(streamed.text == (0..<10).map { "data: \($0)\n\n" }.joined())
    #expect(client.answer(post).text == "POST /supervisor/x?y 50000 127.0.0.1")
  }

  @Test("A reader that takes too little is cut off at the bound, and the writer is told")
  func slowReader() throws {
    let writer = Locked<(any ControlReply)?>(nil)
    let supervisor = try supervisor({ options, _ in options.agents.controlStreamBacklog = 64 * 1024
    }) {
      _, reply in
      reply.beginStream(200, fields: [], contentType: "text/event-stream")
      writer.withLock { $0 = reply }
    }
    defer { supervisor.stop() }
    let client = supervisor.client()
    client.send("GET /supervisor/events HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.head()?.status == 200)
    let reply = writer.withLock { $0 }
    let piece = [UInt8](repeating: 0x61, count: 16 * 1024)
    var sent = 0
    // What the kernel's buffers take is not known; no machine's are as large as this.
    while reply?.write(piece) ?? false, sent < 1 << 30 { sent += piece.count }
    #expect(sent >= 64 * 1024 && sent < 1 << 30)
    #expect(reply?.write([]) == false)
    // At once, though the client has read nothing yet.
    #expect(
      eventually {
        supervisor.server.metric(#"par_http1_ended_total{reason="slow_reader"}"#) == 1
      })
    // The chunk that would end it never comes.
    var last: [UInt8]? = []
    repeat { last = client.chunk() } while last?.isEmpty == false
    #expect(last == nil)
  }

  @Test("A reader that has gone is known to the writer, and its stream is no longer open")
  func goneReader() throws {
    let writer = Locked<(any ControlReply)?>(nil)
    let supervisor = try supervisor({ options, _ in options.agents.controlStreams = 1 }) {
      _, reply in
      reply.beginStream(200, fields: [], contentType: "text/event-stream")
      writer.withLock { $0 = reply }
    }
    defer { supervisor.stop() }
    do {
      let client = supervisor.client()
      client.send("GET /supervisor/events HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(client.head()?.status == 200)
      // It is closed at its last use.
      withExtendedLifetime(client) {
        let other = supervisor.client().get("/supervisor/events")
        #expect(other?.status == 503)
      }
    }
    #expect(eventually { writer.withLock { $0 }?.write([1]) == false })
    #expect(
      eventually {
        let client = supervisor.client()
        client.send("GET /supervisor/events HTTP/1.1\r\nHost: a\r\n\r\n")
        return client.head()?.status == 200
      })
  }

  @Test("A stream that its writer lets go of without an end is cut")
  func abandoned() throws {
    let supervisor = try supervisor { _, reply in
      reply.beginStream(200, fields: [], contentType: "text/plain")
      _ = reply.write([0x61])
    }
    defer { supervisor.stop() }
    let answer = supervisor.client().get("/supervisor/events")
    #expect(answer?.isComplete != true)
  }

  @Test("A body that stops arriving is 408")
  func bodyTime() throws {
    let supervisor = try supervisor(
      { options, _ in options.bodyIdleTimeout = .milliseconds(30) }, Self.echo)
    defer { supervisor.stop() }
    let client = supervisor.client()
    client.send("POST /supervisor/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12")
    #expect(client.response()?.status == 408)
  }

  @Test("A program with one agent has no control requests: the path is the agent's")
  func single() throws {
    let server = try TestServer(basePath: "")
    defer { server.stop() }
    server.agent(always: ok)
    #expect(server.client().get("/supervisor/status")?.text == "ok")
  }
}
