import CPlatform
import Glibc
import Lifecycle
import Testing

@testable import DataPlane

@Suite("Limits and deadlines of connections")
struct LimitTests {
  private func server(_ change: (inout DataPlaneOptions) -> Void) throws -> TestServer {
    try TestServer { options, _, _ in
      options.loopCount = 1
      change(&options)
    }
  }

  @Test(
    "A refused head is answered and the connection ends",
    arguments: [
      ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
      ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 505),
      ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
      ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
      ("CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", 501), ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
      ("\u{16}\u{03}\u{01}\u{02}\n", 400),
    ])
  func refused(text: String, status: Int) throws {
    let server = try server { _ in }
    defer { server.stop() }
    let client = server.client()
    client.send(text)
    let response = try #require(client.response())
    #expect(response.status == status)
    #expect(response["Connection"] == "close" && response["Content-Type"] == "application/json")
    #expect(response.text.contains("\"request_id\":\""))
    #expect(client.isClosed())
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("A head over the limit is 431, also while the client still sends")
  func headTooLarge() throws {
    let server = try server { _ in }
    defer { server.stop() }
    let client = server.client()
    client.send("GET / HTTP/1.1\r\nHost: a\r\n")
    for _ in 0..<40 { client.send("A: " + String(repeating: "b", count: 4000) + "\r\n") }
    let response = try #require(client.response())
    #expect(response.status == 431)
    #expect(client.isClosed())
  }

  @Test("A head that does not come to its end is 408")
  func headTime() throws {
    let server = try server { $0.limits.headTime = .milliseconds(30) }
    defer { server.stop() }
    let client = server.client()
    client.send("GET / HT")
    #expect(client.response()?.status == 408)
    #expect(client.isClosed())
  }

  @Test("Bytes that trickle in do not extend the time for a head")
  func trickle() throws {
    let server = try server { $0.limits.headTime = .milliseconds(100) }
    defer { server.stop() }
    let client = server.client()
    var sent = 0
    // Far more than would be sent in the time; the send fails or goes nowhere once it is over.
    for byte in Array(("GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 90)).utf8) {
      guard client.send([byte]) else { break }
      sent += 1
      usleep(1000)
    }
    #expect(client.response()?.status == 408)
  }

  @Test("An idle connection is closed without a word")
  func idle() throws {
    let server = try server { $0.limits.keepAliveIdle = .milliseconds(30) }
    defer { server.stop() }
    let (fresh, used) = (server.client(), server.client())
    #expect(used.get("/livez")?.status == 200)
    #expect(fresh.head() == nil && fresh.hasEnded)
    #expect(used.head() == nil && used.hasEnded)
  }

  @Test("A body that stops is 408 before the response, and the end after it")
  func bodyIdle() throws {
    let server = try server { $0.bodyIdleTimeout = .milliseconds(50) }
    defer { server.stop() }
    server.agent { connection in
      guard let head = connection.head() else { return }
      if head[0].hasPrefix("POST /begun") {
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
      }
      _ = connection.isClosed()
    }
    let client = server.client()
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
    let response = try #require(client.response())
    #expect(response.status == 408 && response["Connection"] == "close")
    let begun = server.client()
    begun.send("POST /agents/x/begun HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
    let cut = try #require(begun.response())
    #expect(cut.status == 200 && !cut.isComplete)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("A client that does not take its response is given up")
  func stalledReader() throws {
    let server = try server { $0.bodyIdleTimeout = .milliseconds(50) }
    defer { server.stop() }
    let done = Counter()
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
      while connection.write([UInt8](repeating: 1, count: 1 << 20)) {}
      done.increment()
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(done.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("A response may take longer than any body may stall")
  func slowAgent() throws {
    let server = try server {
      $0.bodyIdleTimeout = .milliseconds(20)
      $0.limits.headTime = .milliseconds(20)
      $0.limits.keepAliveIdle = .milliseconds(20)
    }
    defer { server.stop() }
    server.agent { connection in
      while connection.head() != nil {
        usleep(150_000)
        connection.write(ok)
      }
    }
    let client = server.client()
    #expect(client.get("/agents/x/a")?.text == "ok")
  }

  @Test("A client that hung up is waited for only so long")
  func halfClosed() throws {
    let server = try server { $0.limits.halfClosedPatience = .milliseconds(30) }
    defer { server.stop() }
    let gone = Counter()
    server.agent { connection in
      _ = connection.head()
      _ = connection.isClosed()
      gone.increment()
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    client.finishSending()
    #expect(gone.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test(
    "A client whose host is gone without a word is noticed while its response has nothing to send")
  func vanished() throws {
    let server = try server { $0.limits.vanishedTime = .seconds(2) }
    defer { server.stop() }
    let gone = Counter()
    server.agent { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
      _ = connection.isClosed()
      gone.increment()
    }
    var client: TestClient? = server.client()
    client?.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client?.head()?.status == 200)
    // TCP_REPAIR (tcp(7)): closed like this, a socket says nothing to its peer. Only root may.
    let repair: Int32 = 19
    var on: Int32 = 1
    guard setsockopt(client?.descriptor ?? -1, Int32(IPPROTO_TCP), repair, &on, 4) == 0 else {
      return
    }
    client = nil
    #expect(server.plane.inFlight == 1)
    #expect(gone.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test(
    "What ends a connection is counted by its reason",
    arguments: [
      ("malformed", "GET / HTTP/1.1\r\n\r\n"), ("unsupported", "GET / HTTP/3.0\r\n\r\n"),
      ("head_too_large", "GET /" + String(repeating: "a", count: 3000)),
      ("too_many_fields", "GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 11)),
      (
        "trailers_too_large",
        "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: "
          + String(repeating: "a", count: 300)
      ),
      ("header_timeout", "GET /"), ("idle", ""),
      ("body_timeout", "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"),
      ("slow_reader", "GET /agents/x/large HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("unwanted", "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nand more"),
    ])
  func ends(reason: String, text: String) throws {
    let server = try server {
      $0.limits.headBytes = 2000
      $0.limits.fields = 10
      $0.limits.trailerBytes = 200
      $0.limits.headTime = .milliseconds(20)
      $0.limits.lingerTime = .milliseconds(20)
      $0.bodyIdleTimeout = .milliseconds(20)
      if reason == "idle" { $0.limits.keepAliveIdle = .milliseconds(20) }
    }
    defer { server.stop() }
    server.agent { connection in
      guard let head = connection.head() else { return }
      guard "\(head)".contains("large") else {
        _ = connection.isClosed()
        return
      }
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
      while connection.write([UInt8](repeating: 1, count: 1 << 20)) {}
    }
    let client = server.client()
    client.send(text)
    #expect(
      eventually { server.metric("par_http1_ended_total{reason=\"\(reason)\"}") ?? 0 > 0 })
  }

  @Test("One connection more than the limit is answered 503 and closed")
  func connections() throws {
    let server = try server { $0.limits.connections = 3 }
    defer { server.stop() }
    let clients = (0..<3).map { _ in server.client() }
    for client in clients { #expect(client.get("/livez")?.status == 200) }
    let refused = server.client()
    let response = try #require(refused.response())
    #expect(response.status == 503 && response["Retry-After"] != nil)
    #expect(refused.isClosed())
    clients[0].finishSending()
    #expect(clients[0].isClosed())
    #expect(eventually { server.client().get("/livez")?.status == 200 })
  }

  @Test("Idle connections to the agent are bounded")
  func idleUpstreams() throws {
    let server = try server { $0.limits.idleUpstreams = 2 }
    defer { server.stop() }
    let go = Counter()
    server.agent { connection in
      while connection.head() != nil {
        _ = go.waits(for: 1)
        connection.write(ok)
      }
    }
    let clients = (0..<5).map { _ in server.client() }
    for client in clients { client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n") }
    #expect(eventually { server.plane.inFlight == 5 })
    go.increment()
    for client in clients { #expect(client.response()?.text == "ok") }
    #expect(
      eventually {
        server.client().get("/metrics")?.text.contains("par_upstream_connections 2\n") == true
      })
  }

  @Test("What follows a refused request is thrown away, up to a limit")
  func lingering() throws {
    let server = try server { $0.limits.lingerBytes = 100_000 }
    defer { server.stop() }
    let client = server.client()
    // Nobody reads this body: the answer must survive it.
    client.send("POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
    client.send([UInt8](repeating: 1, count: 50_000))
    let response = try #require(client.response())
    #expect(response.status == 405)
    var sent = 0
    while sent < 100_000_000, client.send([UInt8](repeating: 1, count: 100_000)) { sent += 100_000 }
    #expect(sent < 100_000_000)
  }

  @Test("Lingering ends by its time")
  func lingerTime() throws {
    let server = try server { $0.limits.lingerTime = .milliseconds(30) }
    defer { server.stop() }
    let client = server.client()
    client.send("POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
    #expect(client.response()?.status == 405)
    #expect(
      eventually {
        server.client().get("/metrics")?.text.contains("par_connections 1\n") == true
      })
  }

  @Test("A small unread body does not cost the connection")
  func smallBody() throws {
    let server = try server { _ in }
    defer { server.stop() }
    let client = server.client()
    client.send("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
    #expect(client.response()?.status == 200)
    #expect(client.get("/livez")?.status == 200)
  }

  @Test(
    "Who is answered before the body has come is told that the connection ends",
    arguments: [
      ("Content-Length: 5\r\n\r\nhello", nil), ("Content-Length: 6\r\n\r\nhello", "close"),
      ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "close"),
      ("Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "close"), ("\r\n", nil),
    ] as [(String, String?)], ["/livez", "/agents/x/ui/index.html", "/agents/x/none"])
  func unreadBody(row: (String, String?), path: String) throws {
    let (rest, connection) = row
    let server = try TestServer { options, snapshot, folder in
      options.limits.lingerTime = .milliseconds(20)
      folder.write("ui/index.html", "<html>")
      snapshot.uiFolder = folder.path + "/ui"
      snapshot.upstreamSocket = nil
    }
    defer { server.stop() }
    let client = server.client()
    client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(rest)")
    let response = try #require(client.response())
    #expect(response.status == (path == "/agents/x/none" ? 404 : 200))
    #expect(response["Connection"] == connection)
    if connection == nil {
      #expect(client.get("/livez")?.status == 200)
    } else {
      #expect(client.isClosed())
    }
  }

  @Test("Health has exactly the members of its contract")
  func health() throws {
    let server = try server { _ in }
    defer { server.stop() }
    let client = server.client()
    let ready = try #require(client.get("/health"))
    #expect(
      ready.text.hasPrefix(#"{"ok":true,"state":"ready","surfaces":{"rest":true},"timestamp":"#))
    #expect(ready.text.hasSuffix("}") && !ready.text.contains("reason"))
    server.publish {
      $0.gate = .booting
      $0.state = "installing"
      $0.reason = "installing"
      $0.bootMilliseconds = nil
      $0.surfaces = [
        SurfaceState(name: "rest", ready: false), SurfaceState(name: "ui", ready: false),
      ]
    }
    let booting = try #require(client.get("/agents/x/health"))
    #expect(booting.status == 503)
    #expect(
      booting.text.hasPrefix(
        #"{"ok":false,"state":"installing","surfaces":{"rest":false,"ui":false},"timestamp":"#))
    #expect(booting.text.contains(#","reason":"installing","boot_ms":"#))
    #expect(booting.text.hasSuffix(#","budget_ms":5000}"#))
    client.send("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.response(toHEAD: true)?.status == 503)
    client.send("DELETE /health HTTP/1.1\r\nHost: a\r\n\r\n")
    let refused = try #require(client.response())
    #expect(refused.status == 405 && refused["Allow"] == "GET, HEAD")
  }

  @Test("Metrics are in the text format, the control plane's among them")
  func metrics() throws {
    let server = try TestServer { options, snapshot, _ in
      options.loopCount = 1
      snapshot.gauges = [Gauge(name: "par_worker_restarts_total", help: "Restarts.", value: { 3 })]
    }
    defer { server.stop() }
    server.agent(always: ok)
    let client = server.client()
    #expect(client.get("/agents/x/a")?.status == 200)
    let response = try #require(client.get("/metrics"))
    #expect(response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
    for line in [
      "par_state{state=\"ready\"} 1", "par_requests_total{surface=\"rest\",status=\"2xx\"} 1",
      "par_worker_restarts_total 3", "# TYPE par_worker_restarts_total counter",
      "par_connections 1", "par_upstream_connections 1", "par_requests_in_flight 0",
    ] { #expect(response.text.contains(line + "\n"), "\(line)") }
    #expect(response.text.contains("process_resident_memory_bytes "))
    for line in response.text.split(separator: "\n") where !line.hasPrefix("#") {
      #expect(line.split(separator: " ").count == 2 && Double(line.split(separator: " ")[1]) != nil)
    }
  }
}
