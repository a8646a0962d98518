import Lifecycle
import Testing

@testable import DataPlane

@Suite("Request targets")
struct RequestTargetTests {
  struct Target: Sendable, CustomTestStringConvertible {
    let line: String
    let host: String
    /// What the agent is asked for.
    let forwarded: String
    var testDescription: String { "\(line) for \(host)" }
  }

  @Test(
    "A URL whose authority is Host is treated as its path",
    arguments: [
      Target(line: "GET http://a/agents/x/b", host: "a", forwarded: "GET /b"),
      Target(
        line: "GET HTTP://Name.Org:80/c?d=http://e", host: "nAME.org:80",
        forwarded: "GET /c?d=http://e"),
      Target(line: "GET http://a", host: "a", forwarded: "GET /"),
      Target(line: "GET http://a?b=/c", host: "a", forwarded: "GET /?b=/c"),
      Target(
        line: "POST http://[::1]:8080/agents/x/%2e%2e/y/../b", host: "[::1]:8080",
        forwarded: "POST /agents/b"),
      Target(line: "GET http://a//b", host: "a", forwarded: "GET //b"),
      Target(line: "OPTIONS http://a/", host: "a", forwarded: "OPTIONS /"),
    ])
  func absolute(row: Target) throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write(ok)
      }
    }
    let client = server.client()
    client.send("\(row.line) HTTP/1.1\r\nHost: \(row.host)\r\nContent-Length: 0\r\n\r\n")
    #expect(client.response()?.status == 200)
    #expect(received.all.last?.first == row.forwarded + " HTTP/1.1")
    #expect(received.values("Host") == [row.host])
  }

  @Test("The program's own routes are found in a URL too")
  func builtIn() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = server.client()
    client.send("GET http://a/agents/x/../../livez HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(client.response()?.text == "{\"ok\":true}")
  }

  @Test(
    "Any other target is refused, and the connection ends",
    arguments: [
      ("GET http://b/", "a", 400), ("GET http://a:80/", "a", 400), ("GET http://a/", "a:80", 400),
      ("GET https://a/", "a", 400), ("GET ftp://a/", "a", 400), ("GET http:/a", "a", 400),
      ("GET http:a", "a", 400), ("GET http://", "", 400), ("GET http:///b", "", 400),
      ("GET http://u@a/", "a", 400), ("GET http://a\\b/", "a", 400), ("GET http://a/%00", "a", 400),
      ("GET http://a/b#c", "a", 400), ("GET //a/b#", "a", 400), ("GET h://a/", "a", 400),
      ("GET *", "a", 400), ("OPTIONS **", "a", 400), ("OPTIONS *?", "a", 400), ("GET a", "a", 400),
      ("GET ?a", "a", 400), ("GET a:80", "a", 400), ("CONNECT a:80", "a", 501),
      ("CONNECT /a", "a", 501), ("CONNECT *", "a", 501), ("CONNECT http://a/", "a", 501),
      ("TRACE *", "a", 501), ("TRACE http://b/", "a", 501),
    ])
  func refused(line: String, host: String, status: Int) throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let client = server.client()
    client.send("\(line) HTTP/1.1\r\nHost: \(host)\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    let response = try #require(client.response())
    #expect(response.status == status && response["Connection"] == "close")
    #expect(client.isClosed())
    #expect(server.plane.inFlight == 0)
  }

  @Test("A URL needs the Host that it is compared with")
  func withoutHost() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = server.client()
    client.send("GET http://a/livez HTTP/1.0\r\n\r\n")
    #expect(client.response()?.status == 400)
  }

  @Test("OPTIONS * is answered by the program itself, in each state", arguments: Gate.allCases)
  func server(gate: Gate) throws {
    let server = try TestServer(gate: gate)
    defer { server.stop() }
    let draining = gate == .lameDuck || gate == .closing
    for target in ["*", "http://a"] {
      let client = server.client()
      for _ in 0..<(draining ? 1 : 2) {
        client.send(
          "OPTIONS \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        let response = try #require(client.response())
        #expect(response.status == 204)
        #expect(response["Allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        #expect(response["Content-Length"] == nil && response["Content-Type"] == nil)
        #expect((response["Connection"] == "close") == draining)
      }
      #expect(!draining || client.isClosed())
    }
    #expect(server.plane.inFlight == 0 && server.plane.completed == 0)
  }
}
