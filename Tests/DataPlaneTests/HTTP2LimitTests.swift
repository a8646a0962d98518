import Glibc
import Lifecycle
import Testing

@testable import DataPlane

/// Every bound of HTTP/2 is reached, does what it says and is counted.
@Suite struct HTTP2LimitTests {
  private func ended(_ server: TestServer, _ reason: String) -> Int? {
    server.metric("par_http2_ended_total{reason=\"\(reason)\"}")
  }

  private func server(_ change: @escaping (inout HTTP2Limits) -> Void) throws -> TestServer {
    try TestServer { options, _, _ in change(&options.http2) }
  }

  /// A raw client past its preface.
  private func client(_ server: TestServer) -> TestClient {
    let client = TestClient(server.a2aPort)
    client.send(Frames.preface + Frames.settings())
    return client
  }

  /// Asks for 40 MB, with windows as wide as they can be: much more than the kernel keeps.
  private func fill(_ client: TestClient) {
    client.send(
      Frames.settings([0, 4, 0x7F, 0xFF, 0xFF, 0xFF]) + Frames.windowUpdate(0, 0x7FFF_0000))
    for number in 0..<40 {
      let id = UInt32(number * 2 + 1)
      client.send(
        Frames.headers(id, Frames.call("/t.T/Flood"))
          + Frames.frame(0, 1, id, grpcMessage("1000000")))
    }
  }

  @Test(
    "Floods of frames that move nothing end in ENHANCE_YOUR_CALM",
    arguments: [
      Frames.ping(), Frames.settings(), Frames.frame(2, 0, 3, [0, 0, 0, 0, 1]),
      Frames.windowUpdate(0, 1), Frames.frame(0, 0, 1), Frames.frame(0xBE, 0, 0, [1]),
      Frames.frame(0, 8, 1, [1, 0]), Frames.reset(1),
      Frames.frame(6, 1, 0, [UInt8](repeating: 0, count: 8)),
    ])
  func flood(_ frame: [UInt8]) throws {
    let server = try server {
      $0.unproductiveFrames = 100
      $0.unproductiveFramesPerSecond = 1
    }
    defer { server.stop() }
    server.grpcAgent()
    let client = client(server)
    client.send(Frames.headers(1, Frames.call()))
    client.send([[UInt8]](repeating: frame, count: 300).flatMap { $0 })
    #expect(client.goawayCode() == 0xB)
    #expect(client.isClosed())
    #expect(ended(server, "flood") == 1)
    #expect(server.recorder.refused.count == 1)
  }

  @Test("A client that resets what it opens, over and over, is stopped; so is one that makes us")
  func rapidReset() throws {
    let server = try server {
      $0.resets = 50
      $0.resetsPerSecond = 1
    }
    defer { server.stop() }
    server.grpcAgent()
    for provoked in [false, true] {
      let client = client(server)
      var bytes: [UInt8] = []
      for number in 0..<200 {
        let id = UInt32(number * 2 + 1)
        bytes += Frames.headers(id, Frames.call())
        bytes += provoked ? Frames.windowUpdate(id, 0x7FFF_FFFF) : Frames.reset(id)
      }
      client.send(bytes)
      #expect(client.goawayCode() == 0xB)
      #expect(client.isClosed())
    }
    #expect(ended(server, "resets") == 2)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("More streams than there may be at once are refused, one by one")
  func streams() throws {
    let server = try server { $0.streams = 4 }
    defer { server.stop() }
    server.grpcAgent()
    let client = client(server)
    #expect(client.frames { $0.type == 4 && $0.flags == 1 } != nil)
    client.send(Frames.frame(4, 1))
    for number in 0..<5 { client.send(Frames.headers(UInt32(number * 2 + 1), Frames.call())) }
    let reset = client.frames { $0.type == 3 }?.last
    #expect(reset?.stream == 9)
    #expect(reset?.payload == [0, 0, 0, 7])
    #expect(ended(server, "streams") == 1)
    #expect(server.plane.inFlight == 4)
  }

  @Test("Metadata beyond the limits is RESOURCE_EXHAUSTED, by size and by count")
  func headerList() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let wide = peer.call(
      "/t.T/Echo", grpcMessage("x"), [("a", String(repeating: "x", count: 65_400))])
    #expect(peer.result(wide)?.grpcStatus == "8")
    let many = (0..<100).map { ("f\($0)", "") }
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x"), many))?.grpcStatus == "8")
    let fitting = (0..<98).map { ("f\($0)", "") }
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x"), fitting))?.grpcStatus == "0")
    let plain = peer.request(
      [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "x")] + many,
      body: nil, ends: true)
    // 100 fields are not too many.
    #expect(peer.result(plain)?.head[":status"] == "415")
    #expect(ended(server, "header_too_large") == 2)
  }

  @Test("A packed header list ends its connection")
  func bomb() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = client(server)
    // An entry of 4,000 bytes into the dynamic table, then 5,000 references to it.
    let entry = [0x40, 1, 0x61, 0x7F, 0xA1, 0x1E] + [UInt8](repeating: 0x62, count: 4000)
    client.send(
      Frames.headers(1, Frames.call() + entry + [UInt8](repeating: 0xBE, count: 5000)))
    #expect(client.goawayCode() == 0xB)
    #expect(client.isClosed())
    #expect(ended(server, "header_bomb") == 1)
  }

  @Test("CONTINUATION without end closes the connection")
  func continuations() throws {
    let server = try server { $0.continuations = 4 }
    defer { server.stop() }
    let client = client(server)
    client.send(Frames.frame(1, 0, 1, Frames.call()))
    for _ in 0..<10 { client.send(Frames.frame(9, 0, 1, Frames.field("a", "b"))) }
    #expect(client.isClosed())
    #expect(server.recorder.refused.count == 1)
  }

  @Test(
    "A preface that does not come, or not whole, ends the connection in time",
    arguments: [[], Array("PRI * HTTP/2.0\r\n".utf8), Frames.preface] as [[UInt8]])
  func preface(_ bytes: [UInt8]) throws {
    let server = try server { $0.prefaceTime = .milliseconds(50) }
    defer { server.stop() }
    let client = TestClient(server.a2aPort)
    client.send(bytes)
    #expect(client.isClosed())
    #expect(ended(server, "preface_timeout") == 1)
  }

  @Test("A header list that stays incomplete ends the connection in time")
  func headerTime() throws {
    let server = try server { $0.headersTime = .milliseconds(50) }
    defer { server.stop() }
    let client = client(server)
    client.send(Frames.frame(1, 0, 1, Frames.call()))
    #expect(client.goawayCode() == 0xB)
    #expect(ended(server, "header_timeout") == 1)
  }

  @Test("An idle connection is ended with two GOAWAYs")
  func idle() throws {
    let server = try server { $0.idleTime = .milliseconds(50) }
    defer { server.stop() }
    #expect(client(server).isToldToGo())
    #expect(ended(server, "idle") == 1)
  }

  @Test("A silent peer with an open stream is asked, and given up when it does not answer")
  func silent() throws {
    let server = try server {
      $0.silence = .milliseconds(30)
      $0.pingPatience = .milliseconds(1000)
    }
    defer { server.stop() }
    // This one answers.
    let peer = server.grpc()
    let id = peer.call("/grpc.health.v1.Health/Watch", grpcMessage(""))
    let client = client(server)
    client.send(Frames.headers(1, Frames.call("/grpc.health.v1.Health/Watch")))
    #expect(peer.waits { ended(server, "silent") == 1 })
    #expect(peer.streams[id]?.closed == nil && !peer.hasEnded)
    #expect(client.frames { $0.type == 6 } != nil)
    #expect(client.isClosed())
  }

  @Test("A stream whose reader takes nothing for the body's idle time is given up, alone")
  func stalled() throws {
    let server = try TestServer { options, _, _ in
      options.bodyIdleTimeout = .milliseconds(100)
    }
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let id = peer.call("/t.T/Flood")
    peer.unread.insert(id)
    peer.send(id, grpcMessage("1000000"), ends: true)
    #expect(peer.result(id)?.closed == 8)
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    #expect(ended(server, "stalled") == 1)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("A client that asks and never reads is ended when too many answers wait")
  func unread() throws {
    let server = try server {
      $0.waitingAnswers = 100
      $0.unproductiveFrames = 1_000_000
    }
    defer { server.stop() }
    let client = client(server)
    let pings = [[UInt8]](repeating: Frames.ping(), count: 4000).flatMap { $0 }
    // Until the kernel's buffers are full on both sides.
    for _ in 0..<2000 where client.send(pings) {}
    #expect(eventually { ended(server, "unread") == 1 })
  }

  @Test("A SETTINGS frame with more entries than there may be ends the connection")
  func settings() throws {
    let server = try server { $0.settings = 4 }
    defer { server.stop() }
    let entry: [UInt8] = [0, 3, 0, 0, 0, 1]
    let fitting = client(server)
    fitting.send(Frames.settings([[UInt8]](repeating: entry, count: 4).flatMap { $0 }))
    #expect(fitting.frames { $0.type == 4 && $0.flags == 1 } != nil)
    fitting.send(Frames.ping())
    #expect(fitting.frames { $0.type == 6 && $0.flags == 1 } != nil)
    let client = client(server)
    client.send(Frames.settings([[UInt8]](repeating: entry, count: 5).flatMap { $0 }))
    #expect(client.goawayCode() == 0xB)
    #expect(client.isClosed())
    #expect(server.recorder.refused.count == 1)
  }

  @Test("A client that makes us write frames of any kind and reads none is ended")
  func waitingFrames() throws {
    let server = try TestServer { options, _, _ in
      options.bodyIdleTimeout = .seconds(600)
      options.http2.waitingFrames = 50
      options.http2.unproductiveFrames = 1_000_000
      options.http2.resets = 1_000_000
    }
    defer { server.stop() }
    server.grpcAgent()
    let client = client(server)
    fill(client)
    var next: UInt32 = 81
    #expect(
      eventually {
        for _ in 0..<60 {
          client.send(
            Frames.headers(next, Frames.call("/grpc.health.v1.Health/No"), ends: true))
          next += 2
        }
        return ended(server, "unread") == 1
      })
    #expect(eventually { server.metric("par_http2_streams") == 0 })
  }

  @Test("A client that reads nothing at all is ended after the body's idle time, with its calls")
  func nobodyReads() throws {
    let server = try TestServer { options, _, _ in
      options.bodyIdleTimeout = .milliseconds(200)
    }
    defer { server.stop() }
    server.grpcAgent()
    let client = client(server)
    fill(client)
    #expect(eventually { ended(server, "unread") == 1 })
    #expect(eventually { server.plane.inFlight == 0 })
    #expect((ended(server, "stalled") ?? 0) <= 40)
  }

  @Test("A REST stream whose reader takes nothing is counted as stalled, and cancelled")
  func stalledREST() throws {
    let server = try TestServer { options, _, _ in
      options.bodyIdleTimeout = .milliseconds(100)
    }
    defer { server.stop() }
    server.agent { connection in
      guard connection.head() != nil else { return }
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
      connection.write([UInt8](repeating: 7, count: 1_000_000))
      _ = connection.isClosed()
    }
    let peer = HTTP2Peer(port: server.port)
    let id = peer.request(
      [(":method", "GET"), (":scheme", "http"), (":path", "/big"), (":authority", "x")],
      body: [], ends: true)
    peer.unread.insert(id)
    #expect(peer.result(id)?.closed == 8)
    #expect(ended(server, "stalled") == 1)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test(
    "A malformed frame closes its connection with the right code",
    arguments: [
      // PING of 7 bytes, SETTINGS of 5, WINDOW_UPDATE of 3: FRAME_SIZE_ERROR.
      (Frames.frame(6, 0, 0, [UInt8](repeating: 0, count: 7)), 6),
      (Frames.settings([0, 1, 0, 0, 0]), 6), (Frames.frame(8, 0, 0, [0, 0, 1]), 6),
      // DATA on stream 0, HEADERS on an even stream, SETTINGS on a stream, CONTINUATION alone.
      (Frames.frame(0, 0, 0, [1]), 1), (Frames.headers(2, Frames.call()), 1),
      (Frames.frame(4, 0, 1), 1), (Frames.frame(9, 4, 1, []), 1),
      // A window of more than 2^31-1: FLOW_CONTROL_ERROR. A field that is not in the table:
      // COMPRESSION_ERROR.
      (Frames.windowUpdate(0, 0x7FFF_FFFF), 3), (Frames.headers(1, [0xFF, 0x80, 0x01]), 9),
    ] as [([UInt8], UInt32)])
  func malformed(_ bytes: [UInt8], _ code: UInt32) throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = client(server)
    client.send(bytes)
    #expect(client.goawayCode() == code)
    #expect(client.isClosed())
    #expect(ended(server, "protocol_error") == 1)
    #expect(server.recorder.refused.count == 1)
  }

  @Test("Noise instead of a preface is told so, and closed")
  func noise() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = TestClient(server.a2aPort)
    client.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
    #expect(client.goawayCode() == 1)
    #expect(client.isClosed())
  }

  @Test("Connections beyond the limit are refused in HTTP/2's words")
  func connections() throws {
    let server = try TestServer { options, _, _ in options.limits.connections = 1 }
    defer { server.stop() }
    let first = server.grpc()
    #expect(first.waits { first.heads.isEmpty && server.plane.inFlight == 0 })
    first.read(within: 1000)
    #expect(TestClient(server.a2aPort).goawayCode() == 0xB)
  }

  @Test("Refused connections are reported once in a while, with their number")
  func reports() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    for _ in 0..<5 {
      let client = client(server)
      client.send(Frames.frame(0, 0, 0, [1]))
      #expect(client.goawayCode() == 1)
    }
    #expect(server.recorder.refused.count == 1)
    #expect(ended(server, "protocol_error") == 5)
  }
}
