import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

/// An agent that does what no server should costs its own requests, and nothing beyond a bound.
@Suite("Hostile agents")
struct HostileAgentTests {
  private func server(
    _ change: @escaping (inout DataPlaneOptions) -> Void = { _ in }
  ) throws -> TestServer {
    try TestServer { options, _, _ in
      options.loopCount = 1
      change(&options)
    }
  }

  @Test("An agent that never reads a request is given up after the body's idle time")
  func neverReads() throws {
    let server = try server { $0.bodyIdleTimeout = .milliseconds(100) }
    defer { server.stop() }
    server.agent { connection in
      // Nothing is received; the descriptor's end is looked for without reading.
      var poller = pollfd(fd: connection.descriptor, events: Int16(POLLHUP), revents: 0)
      poll(&poller, 1, 10_000)
    }
    let client = server.client()
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
    let descriptor = client.descriptor
    let sender = TestThread {
      // Until the program closes.
      let piece = [UInt8](repeating: 1, count: 1 << 20)
      while piece.withUnsafeBytes({
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }) > 0 {}
    }
    let response = try #require(client.response())
    #expect(response.status == 504 && response["Connection"] == "close")
    #expect(response.text.contains("The agent stopped reading the request"))
    #expect(eventually { server.plane.inFlight == 0 })
    server.stop()
    sender.join()
  }

  @Test("An agent that reads slowly is not given up")
  func readsSlowly() throws {
    let server = try server { $0.bodyIdleTimeout = .milliseconds(300) }
    defer { server.stop() }
    server.agent { connection in
      guard connection.head() != nil else { return }
      // Ten times, longer together than the idle time.
      for _ in 0..<10 {
        usleep(60_000)
        guard connection.take(400_000) != nil else { return }
      }
      connection.write(ok)
    }
    let client = server.client()
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
    client.send([UInt8](repeating: 1, count: 4_000_000))
    #expect(client.response()?.text == "ok")
  }

  @Test(
    "Interim responses without end are ended with 502, whatever the client speaks",
    arguments: ["HTTP/1.1", "HTTP/1.0"])
  func interimFlood(version: String) throws {
    let server = try server()
    defer { server.stop() }
    let ended = Counter()
    server.agent { connection in
      _ = connection.head()
      while connection.write("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n") {}
      ended.increment()
    }
    let client = server.client()
    client.send("GET /agents/x/a \(version)\r\nHost: a\r\n\r\n")
    #expect(client.response()?.status == 502)
    #expect(ended.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("As many interim responses as the limit are passed on")
  func interimLimit() throws {
    let server = try server { $0.limits.interimResponses = 3 }
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        let count = head[0].hasPrefix("GET /four") ? 4 : 3
        for _ in 0..<count { connection.write("HTTP/1.1 102 Processing\r\n\r\n") }
        connection.write(ok)
      }
    }
    let client = server.client()
    for _ in 0..<2 { #expect(client.get("/agents/x/three")?.status == 200) }
    #expect(client.get("/agents/x/four")?.status == 502)
  }

  @Test(
    "A head or trailer section of a hundred megabytes is not waited for",
    arguments: [
      "HTTP/1.1 200 OK\r\nA: ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 ",
      "HTTP/1.1 103 Early Hints\r\nA: ",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ])
  func endlessHead(start: String) throws {
    let server = try server()
    defer { server.stop() }
    let cut = Counter()
    server.agent { connection in
      _ = connection.head()
      connection.write(start)
      let unit = start.hasSuffix("\r\n") ? "A: b\r\n" : "aaaaaa"
      let piece = Array(String(repeating: unit, count: 1 << 17).utf8)
      for _ in 0..<130 where !connection.write(piece) {
        cut.increment()
        return
      }
    }
    let client = server.client()
    let response = try #require(client.get("/agents/x/a"))
    if start.contains("chunked") {
      #expect(response.status == 200 && !response.isComplete)
    } else {
      #expect(response.status == 502)
    }
    #expect(cut.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test(
    "What follows a response is nobody's, and costs the agent's connection",
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
      "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil",
      "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil",
    ])
  func leftover(text: String) throws {
    let server = try server()
    defer { server.stop() }
    let agent = server.agent { connection in
      // The first connection misbehaves, the others do not.
      while connection.head() != nil { connection.write(connection.number == 0 ? text : ok) }
    }
    let client = server.client()
    let first = try #require(client.get("/agents/x/a"))
    #expect(!first.text.contains("evil"))
    // A repeat may be spent on noticing; what comes is the second connection's.
    #expect(client.get("/agents/x/b")?.text == "ok")
    #expect(agent.accepted.value == 2)
  }
}
