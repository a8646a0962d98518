import CPlatform
import Glibc
import LinuxSystem
import Testing

@testable import DataPlane

/// RFC 9110 and RFC 9112 where no other suite goes through them; the sections are in the names.
@Suite("Messages between client and agent")
struct MessageTests {
  private func server() throws -> TestServer {
    try TestServer { options, _, _ in options.loopCount = 1 }
  }

  // MARK: Expect (RFC 9110 section 10.1.1)

  static let waiting =
    "PUT /agents/x/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

  @Test(
    "10.1.1 A final response instead of 100 ends both connections: the body was never asked for",
    arguments: [417, 413, 200])
  func expectationRefused(status: Int) throws {
    let server = try server()
    defer { server.stop() }
    let agent = server.agent { connection in
      while connection.head() != nil {
        connection.write("HTTP/1.1 \(status) A\r\nContent-Length: 2\r\n\r\nno")
      }
    }
    let client = server.client()
    client.send(Self.waiting)
    let response = try #require(client.response())
    #expect(response.status == status && response.text == "no")
    #expect(response["Connection"] == "close")
    // A client that sends its body now must not be read as if it were a request.
    client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.isClosed())
    #expect(server.client().get("/agents/x/b")?.text == "no")
    #expect(agent.accepted.value == 2)
  }

  @Test(
    "10.1.1 A client need not wait for 100, and an agent need not send it",
    arguments: [true, false])
  func expectationIgnored(sends100: Bool) throws {
    let server = try server()
    defer { server.stop() }
    let agent = server.agent { connection in
      while connection.head() != nil {
        let body = connection.take(5) ?? []
        if sends100 { connection.write("HTTP/1.1 100 Continue\r\n\r\n") }
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        connection.write(body)
      }
    }
    let client = server.client()
    for _ in 0..<2 {
      client.send(Self.waiting + "hello")
      if sends100 { #expect(client.head()?.status == 100) }
      let response = try #require(client.response())
      #expect(response.text == "hello" && response["Connection"] == nil)
    }
    #expect(agent.accepted.value == 1)
  }

  @Test(
    "10.1.1 Without a body, and in HTTP/1.0, there is nothing to expect",
    arguments: [
      "GET /agents/x/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
      "PUT /agents/x/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
      "PUT /agents/x/a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    ])
  func nothingExpected(request: String) throws {
    let server = try server()
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        if request.hasSuffix("hello") { _ = connection.take(5) }
        connection.write("HTTP/1.1 100 Continue\r\n\r\n" + ok)
      }
    }
    let client = server.client()
    client.send(request)
    if !request.contains("HTTP/1.0") { #expect(client.head()?.status == 100) }
    #expect(client.head()?.status == 200)
    #expect(received.values("Expect") == [])
  }

  // MARK: Interim responses (RFC 9110 section 15.2)

  @Test("15.2 Interim responses pass with their fields, and not to HTTP/1.0", arguments: [0, 1])
  func interim(minor: Int) throws {
    let server = try server()
    defer { server.stop() }
    server.agent(
      always:
        "HTTP/1.1 102 Processing\r\nContent-Length: 3\r\nConnection: x-a\r\nX-A: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: b\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n"
        + ok)
    let client = server.client()
    for _ in 0..<2 {
      client.send("GET /agents/x/a HTTP/1.\(minor)\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
      if minor == 1 {
        #expect(client.head()?.fields.count == 0)
        let hints = client.head()
        #expect(hints?.status == 103 && hints?.fields.map(\.name) == ["Link"])
        #expect(client.head()?.status == 199)
      }
      let response = try #require(client.head())
      #expect(response.status == 200)
      #expect(client.take(2) == Array("ok".utf8))
    }
  }

  // MARK: Responses without a body (RFC 9110 sections 9.3.2, 15.3.5, 15.4.5; RFC 9112 section 6.3)

  struct Bodiless: Sendable, CustomTestStringConvertible {
    let head: String
    var method = "GET"
    var length: String?
    /// The agent's connection serves the next request too.
    var keeps = true
    var testDescription: String { "\(method) \(head)" }
  }

  @Test(
    "6.3 A response without a body has none, whatever its fields say",
    arguments: [
      Bodiless(head: "200 OK\r\nContent-Length: 7", method: "HEAD", length: "7"),
      Bodiless(head: "200 OK\r\nTransfer-Encoding: chunked", method: "HEAD"),
      Bodiless(head: "200 OK", method: "HEAD"),
      Bodiless(head: "404 Not Found\r\nContent-Length: 7", method: "HEAD", length: "7"),
      Bodiless(head: "200 OK\r\nConnection: close", method: "HEAD", keeps: false),
      Bodiless(head: "204 No Content"),
      Bodiless(head: "204 No Content\r\nContent-Length: 0"),
      Bodiless(head: "204 No Content\r\nContent-Length: 7", keeps: false),
      Bodiless(head: "204 No Content\r\nTransfer-Encoding: chunked", keeps: false),
      Bodiless(head: "304 Not Modified"),
      Bodiless(head: "304 Not Modified\r\nContent-Length: 7", length: "7"),
      Bodiless(head: "304 Not Modified\r\nTransfer-Encoding: chunked", keeps: false),
      Bodiless(head: "205 Reset Content\r\nContent-Length: 0", length: "0"),
    ])
  func bodiless(_ row: Bodiless) throws {
    let server = try server()
    defer { server.stop() }
    let agent = server.agent { connection in
      while let head = connection.head() {
        connection.write(head[0].contains("/a ") ? "HTTP/1.1 \(row.head)\r\n\r\n" : ok)
        if row.head.contains("Connection: close") { return }
      }
    }
    let client = server.client()
    client.send(
      "\(row.method) /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\nGET /agents/x/b HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    let response = try #require(client.head())
    #expect(response["Content-Length"] == row.length && response["Transfer-Encoding"] == nil)
    #expect(response["Connection"] == nil)
    #expect(client.response()?.text == "ok")
    #expect(agent.accepted.value == (row.keeps ? 1 : 2))
  }

  @Test("15.3.6 205 is framed like any other response")
  func reset() throws {
    let server = try server()
    defer { server.stop() }
    server.agent(always: "HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    let client = server.client()
    for _ in 0..<2 {
      let response = try #require(client.get("/agents/x/a"))
      #expect(response.status == 205 && response.isComplete && response.body.isEmpty)
    }
  }

  @Test(
    "9.3.2 A body that an agent sends to HEAD is no response to the next request",
    arguments: [false, true])
  func bodyToHEAD(later: Bool) throws {
    let server = try server()
    defer { server.stop() }
    let (go, sent) = (Counter(), Counter())
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    let agent = server.agent { connection in
      while let head = connection.head() {
        guard head[0].hasPrefix("HEAD") else {
          connection.write(ok)
          continue
        }
        connection.write(
          "HTTP/1.1 200 OK\r\nContent-Length: \(evil.count)\r\n\r\n" + (later ? "" : evil))
        guard later else { continue }
        _ = go.waits(for: 1)
        connection.write(evil)
        sent.increment()
      }
    }
    let client = server.client()
    client.send("HEAD /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.head()?.status == 200)
    if later {
      go.increment()
      #expect(sent.waits(for: 1))
    }
    #expect(client.get("/agents/x/b")?.text == "ok")
    #expect(agent.accepted.value == 2)
  }

  // MARK: Connections (RFC 9112 section 9)

  @Test(
    "9.3 An agent of HTTP/1.0 without a length: chunks for HTTP/1.1, the end for HTTP/1.0",
    arguments: [0, 1])
  func oldAgent(minor: Int) throws {
    let server = try server()
    defer { server.stop() }
    server.agent { connection in
      guard connection.head() != nil else { return }
      connection.write("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello")
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.\(minor)\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    let response = try #require(client.response())
    #expect(response.text == "hello" && response.isComplete)
    #expect(response["Transfer-Encoding"] == (minor == 1 ? "chunked" : nil))
    #expect(response["Connection"] == (minor == 1 ? nil : "close"))
    if minor == 1 { #expect(client.get("/livez")?.status == 200) }
  }

  @Test(
    "9.6 Whose Connection: close it is, the other side's connection goes on",
    arguments: [
      ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 2),
      ("HTTP/1.1 200 OK\r\nConnection: keep-alive, CLOSE\r\nContent-Length: 2\r\n\r\nok", 2),
      ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 2),
      ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", 1),
    ])
  func agentCloses(answer: String, connections: Int) throws {
    let server = try server()
    defer { server.stop() }
    // It says so and does not do it: the program does.
    let agent = server.agent(always: answer)
    let client = server.client()
    for _ in 0..<2 {
      let response = client.get("/agents/x/a")
      #expect(response?.text == "ok" && response?["Connection"] == nil)
    }
    #expect(agent.accepted.value == connections)
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\nConnection: a, Close\r\n\r\n")
    #expect(client.response()?["Connection"] == "close")
    #expect(client.isClosed())
    if connections == 1 {
      #expect(server.client().get("/agents/x/a")?.text == "ok" && agent.accepted.value == 1)
    }
  }

  @Test(
    "9.3.2 Pipelined requests of every kind are answered in order, up to the one that is refused")
  func pipeline() throws {
    let server = try server()
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        if head.contains("Content-Length: 5") { _ = connection.take(5) }
        if head.contains("Transfer-Encoding: chunked") { _ = connection.chunkedBody() }
        let path = head[0].split(separator: " ")[1]
        if head[0].hasPrefix("HEAD") {
          connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        } else if path == "/204" {
          connection.write("HTTP/1.1 204 No Content\r\n\r\n")
        } else {
          connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
          connection.write("\(String(path.count, radix: 16))\r\n\(path)\r\n0\r\n\r\n")
        }
      }
    }
    let client = server.client()
    let host = "HTTP/1.1\r\nHost: a\r\n"
    client.send(
      """
      POST /agents/x/1 \(host)Content-Length: 5\r\n\r\nGET /\
      HEAD /agents/x/2 \(host)\r\n\
      PUT /agents/x/3 \(host)Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nGET /\r\n0\r\nT: u\r\n\r\n\
      \r\nGET /agents/x/204 \(host)\r\n\
      OPTIONS * \(host)\r\n\
      GET /livez \(host)Content-Length: 3\r\n\r\nabc\
      PROPFIND /agents/x/4 \(host)\r\n\
      GET  /agents/x/5 \(host)\r\n\
      GET /agents/x/6 \(host)\r\n
      """)
    #expect(client.response()?.text == "/1")
    #expect(client.response(toHEAD: true)?["Content-Length"] == "9")
    #expect(client.response()?.text == "/3")
    #expect(client.response()?.status == 204)
    #expect(client.response()?.status == 204)
    #expect(client.response()?.text == "{\"ok\":true}")
    #expect(client.response()?.text == "/4")
    #expect(client.response()?.status == 400)
    #expect(client.isClosed())
  }

  // MARK: Max-Forwards (RFC 9110 section 7.6.2)

  struct Hops: Sendable, CustomTestStringConvertible {
    var method = "OPTIONS"
    let sent: String
    /// nil: the program answers.
    var received: String?
    var testDescription: String { "\(method) \(sent)" }
  }

  @Test(
    "7.6.2 OPTIONS goes as far as it may",
    arguments: [
      Hops(sent: "0"), Hops(sent: "000"), Hops(sent: "1", received: "0"),
      Hops(sent: "10", received: "9"), Hops(sent: "x", received: "x"), Hops(sent: "", received: ""),
      Hops(sent: "-1", received: "-1"),
      Hops(sent: "9999999999999999999", received: "9999999999999999999"),
      Hops(method: "GET", sent: "0", received: "0"), Hops(method: "GET", sent: "5", received: "5"),
    ])
  func maxForwards(_ hops: Hops) throws {
    let server = try server()
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write(ok)
      }
    }
    let client = server.client()
    for _ in 0..<2 {
      client.send(
        "\(hops.method) /agents/x/a HTTP/1.1\r\nHost: a\r\nMAX-Forwards: \(hops.sent)\r\n\r\n")
      let response = try #require(client.response())
      #expect(response.status == (hops.received == nil ? 204 : 200))
      #expect((response["Allow"] != nil) == (hops.received == nil))
    }
    #expect(received.values("Max-Forwards") == hops.received.map { [$0] } ?? [])
  }

  // MARK: Methods, fields, reasons

  @Test(
    "9.1 Any method goes to the agent as it was written",
    arguments: ["PROPFIND", "get", "M-SEARCH"])
  func methods(name: String) throws {
    let server = try server()
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write("HTTP/1.1 299\r\nTrailer: a\r\nContent-Length: 0\r\n\r\n")
      }
    }
    let client = server.client()
    client.send("\(name) /agents/x/a HTTP/1.1\r\nHost:\r\nVia: 1.0 b\r\n\r\n")
    let response = try #require(client.response())
    // A response without a reason; its announcement of trailers goes no further.
    #expect(response.status == 299 && response["Trailer"] == nil && response["Via"] == nil)
    #expect(received.all.last?.first == "\(name) /a HTTP/1.1")
    // Of the client, and none of ours.
    #expect(received.values("Via") == ["1.0 b"])
  }
}
