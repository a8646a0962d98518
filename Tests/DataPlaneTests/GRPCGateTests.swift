import Lifecycle
import Testing

@testable import DataPlane

/// What is answered in which state.
@Suite struct GRPCGateTests {
  private static let check = "/grpc.health.v1.Health/Check"
  private static let watch = "/grpc.health.v1.Health/Watch"
  private static let health = "/pixell.agent.AgentService/Health"

  @Test("Health, Check and /health agree in every state", arguments: Gate.allCases)
  func agreement(_ gate: Gate) throws {
    let server = try TestServer(gate: gate)
    defer { server.stop() }
    let peer = server.grpc()
    let isReady = gate == .ready
    #expect(server.client().get("/health")?.status == (isReady ? 200 : 503))
    for service in ["", "pixell.agent.AgentService"] {
      let name = Array(service.utf8)
      let message = name.isEmpty ? [] : [0x0A, UInt8(name.count)] + name
      let result = peer.result(peer.call(Self.check, grpcMessage(message)))
      #expect(result?.messages == [[0x08, isReady ? 1 : 2]])
      #expect(result?.grpcStatus == "0")
      // In a drain the connection ends after its first call.
      if gate.isDraining { break }
    }
    let other = server.grpc()
    let result = other.result(other.call(Self.health, grpcMessage([])))
    let body = result?.messages.first ?? []
    #expect(body.starts(with: isReady ? [0x08, 0x01, 0x12] : [0x12]))
    #expect(String(decoding: body, as: UTF8.self).contains(TestServer.state(gate)))
    #expect(server.plane.inFlight == 0)
  }

  @Test(
    "Calls to the agent get the state's answer",
    arguments: [
      (Gate.booting, "14", "The agent is not ready: installing"),
      (.restarting, "14", "The agent is not ready: loading"),
      (.closing, "14", "The agent is stopping and takes no new calls"),
      (.ready, "0", nil), (.lameDuck, "0", nil),
    ] as [(Gate, String, String?)])
  func gate(_ gate: Gate, _ status: String, _ message: String?) throws {
    let server = try TestServer(gate: gate)
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let result = peer.result(peer.call("/t.T/Echo", grpcMessage("hello")))
    #expect(result?.grpcStatus == status)
    #expect(result?.grpcMessage == message)
    #expect(result?.head[":status"] == "200")
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == (message == nil ? 1 : 0))
    if message != nil { #expect(result?.body == []) }
  }

  @Test("Without gRPC at the agent a call is UNIMPLEMENTED")
  func absent() throws {
    let server = try TestServer { _, snapshot, _ in snapshot.a2aUpstream = nil }
    defer { server.stop() }
    let peer = server.grpc()
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("")))?.grpcStatus == "12")
  }

  @Test("Check of another service is NOT_FOUND, Watch of it SERVICE_UNKNOWN")
  func otherService() throws {
    let server = try TestServer()
    defer { server.stop() }
    let peer = server.grpc()
    let message = grpcMessage([0x0A, 1, 0x78])
    #expect(peer.result(peer.call(Self.check, message))?.grpcStatus == "5")
    let id = peer.call(Self.watch, message)
    #expect(peer.waits { peer.streams[id]?.messages == [[0x08, 3]] })
    #expect(peer.streams[id]?.hasEnded == false)
    let list = peer.result(peer.call("/grpc.health.v1.Health/List", grpcMessage("")))
    #expect(list?.grpcStatus == "12")
  }

  @Test("Watch pushes every change, and ends with the drain")
  func watch() throws {
    let server = try TestServer(gate: .booting)
    defer { server.stop() }
    let peer = server.grpc()
    let id = peer.call(Self.watch, grpcMessage(""))
    #expect(peer.waits { peer.streams[id]?.messages.count == 1 })
    server.publish(gate: .ready)
    #expect(peer.waits { peer.streams[id]?.messages.count == 2 })
    server.publish(gate: .restarting)
    #expect(peer.waits { peer.streams[id]?.messages.count == 3 })
    server.publish(gate: .ready)
    #expect(peer.waits { peer.streams[id]?.messages.count == 4 })
    #expect(server.plane.inFlight == 0)
    server.publish(gate: .lameDuck)
    let result = peer.result(id)
    #expect(result?.messages == [2, 1, 2, 1, 2].map { [0x08, $0] })
    #expect(result?.grpcStatus == "0")
  }

  @Test("A Watch that begins in a drain says so and ends")
  func lateWatch() throws {
    let server = try TestServer(gate: .lameDuck)
    defer { server.stop() }
    let peer = server.grpc()
    let result = peer.result(peer.call(Self.watch, grpcMessage("")))
    #expect(result?.messages == [[0x08, 2]])
    #expect(result?.grpcStatus == "0")
  }

  @Test(
    "Messages to the built-in methods that cannot be taken",
    arguments: [
      (grpcMessage([], compressed: 1), "12"), (grpcMessage([], compressed: 2), "13"),
      (grpcMessage([UInt8](repeating: 0, count: 4097)), "8"), ([], "13"), ([0, 0, 0], "13"),
      ([0, 0, 0, 0, 5, 1], "13"), (grpcMessage("") + grpcMessage(""), "13"),
      (grpcMessage([0x0A, 5]), "13"), ([0, 0xFF, 0xFF, 0xFF, 0xFF], "8"),
    ] as [([UInt8], String)])
  func badMessage(_ body: [UInt8], _ status: String) throws {
    let server = try TestServer()
    defer { server.stop() }
    let peer = server.grpc()
    let result = peer.result(peer.call(Self.check, body))
    #expect(result?.grpcStatus == status)
    #expect((result?.head["grpc-accept-encoding"] == "identity") == (status == "12"))
  }

  @Test(
    "What is no gRPC call gets an HTTP status",
    arguments: [
      ("POST", "application/json", "415"), ("POST", "application/grpc-web", "415"),
      ("GET", "application/grpc", "405"), ("PUT", "application/grpc+proto", "405"),
    ])
  func noCall(_ method: String, _ type: String, _ status: String) throws {
    let server = try TestServer()
    defer { server.stop() }
    let peer = server.grpc()
    let id = peer.request(
      [
        (":method", method), (":scheme", "http"), (":path", "/t.T/Echo"), (":authority", "x"),
        ("content-type", type),
      ], body: [], ends: true)
    let result = peer.result(id)
    #expect(result?.head[":status"] == status)
    #expect(result?.head["content-type"] == "application/json")
    let text = String(decoding: result?.body ?? [], as: UTF8.self)
    #expect(text.hasPrefix("{\"error\":\""))
    #expect(text.contains("\"request_id\":\"") && !text.contains("\"request_id\":\"\""))
  }

  @Test("A path that is none goes no further", arguments: ["/x\u{E9}", "x", "/a#b", "\\x"])
  func badPath(_ path: String) throws {
    let server = try TestServer()
    defer { server.stop() }
    let agent = server.grpcAgent()
    let peer = server.grpc()
    // nghttp2 itself refuses some of them.
    let result = peer.result(peer.call(path, grpcMessage("")))
    #expect(result?.head[":status"] == "400" || result?.closed == 1)
    #expect(agent.accepted.value == 0)
  }

  @Test("TLS on the A2A port is called by its name in the log")
  func tls() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = TestClient(server.a2aPort)
    // The beginning of a ClientHello (RFC 8446 section 5.1).
    client.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC] + [UInt8](repeating: 3, count: 40))
    #expect(eventually { !server.recorder.refused.isEmpty })
    #expect(server.recorder.refused.first == "protocol_error: TLS, which this port does not speak")
  }

  @Test("HTTP/1.1 on the A2A port is told so in its own words")
  func http1() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = TestClient(server.a2aPort)
    let response = client.get("/health")
    #expect(response?.status == 505)
    #expect(response?.text.contains("HTTP/2") == true)
    #expect(client.isClosed())
    #expect(server.recorder.refused.first?.hasPrefix("http1: ") == true)
  }

  @Test("A gRPC call on the REST port is one like on the A2A port")
  func restPort() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = HTTP2Peer(port: server.port)
    let result = peer.result(peer.call("/agents/x/a2a/t.T/Echo", grpcMessage("hi")))
    #expect(result?.messages == [Array("hi".utf8)])
    #expect(result?.head["seen-path"] == "/t.T/Echo")
    #expect(peer.result(peer.call(Self.check, grpcMessage("")))?.messages == [[8, 1]])
  }
}
