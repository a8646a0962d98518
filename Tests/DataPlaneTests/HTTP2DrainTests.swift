import CPlatform
import Lifecycle
import Testing

@testable import DataPlane

/// How HTTP/2 connections and calls end with the program.
@Suite struct HTTP2DrainTests {
  private static let last = Int32.max

  @Test("A drain sends GOAWAY twice; what is in flight goes on, then the connection ends")
  func twice() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let id = peer.call("/t.T/Bidi")
    #expect(peer.waits { peer.streams[id]?.hasHead == true })
    server.publish(gate: .lameDuck)
    #expect(peer.waits { peer.goaways.count == 2 })
    #expect(peer.goaways.map(\.last) == [Self.last, id])
    #expect(peer.goaways.map(\.code) == [0, 0])
    peer.send(id, grpcMessage("x"), ends: true)
    #expect(peer.result(id)?.grpcStatus == "0")
    #expect(peer.waits { peer.hasEnded })
    #expect(server.plane.completed == 1)
    #expect(server.recorder.idle.waits(for: 1))
  }

  @Test("A call that was on its way when the drain began is taken")
  func onItsWay() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    server.publish(gate: .lameDuck)
    // Not read yet: to this client the connection is as good as ever.
    let id = peer.call("/t.T/Echo", grpcMessage("x"))
    #expect(peer.result(id)?.grpcStatus == "0")
    #expect(peer.waits { peer.hasEnded })
  }

  @Test("A connection without streams ends with the drain")
  func idle() throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = TestClient(server.a2aPort)
    client.send(Frames.preface + Frames.settings())
    #expect(client.frames { $0.type == 4 && $0.flags == 1 } != nil)
    server.publish(gate: .lameDuck)
    #expect(client.isToldToGo())
  }

  @Test("A client that does not answer the PING gets the second GOAWAY after a second")
  func deaf() throws {
    let server = try TestServer { options, _, _ in
      options.http2.goawayPatience = .milliseconds(20)
    }
    defer { server.stop() }
    let client = TestClient(server.a2aPort)
    client.send(Frames.preface + Frames.settings())
    #expect(client.frames(until: { $0.type == 4 && $0.flags == 1 }) != nil)
    server.publish(gate: .lameDuck)
    let frames = client.frames { $0.type == 7 && $0.payload.prefix(4) == [0, 0, 0, 0] }
    #expect(frames?.filter { $0.type == 7 }.count == 2)
    #expect(client.isClosed())
  }

  @Test("A client that has not read as far as the PING, but lives, is not given up")
  func slow() throws {
    let server = try TestServer { options, _, _ in
      options.http2.pingPatience = .milliseconds(300)
    }
    defer { server.stop() }
    server.grpcAgent()
    let (slow, silent) = (TestClient(server.a2aPort), TestClient(server.a2aPort))
    for client in [slow, silent] {
      client.send(Frames.preface + Frames.settings() + Frames.headers(1, Frames.call()))
    }
    #expect(eventually { server.plane.inFlight == 2 })
    server.publish(gate: .lameDuck)
    #expect(
      eventually {
        slow.send(Frames.windowUpdate(0, 1))
        return server.metric("par_http2_ended_total{reason=\"silent\"}") ?? 0 > 0
      })
    #expect(silent.isClosed())
    slow.send(Frames.ping())
    #expect(slow.frames { $0.type == 6 && $0.flags == 1 } != nil)
    #expect(server.plane.inFlight == 1)
  }

  @Test("Who connects during a drain is served once and told to go")
  func late() throws {
    let server = try TestServer(gate: .lameDuck)
    defer { server.stop() }
    server.grpcAgent()
    let client = TestClient(server.a2aPort)
    client.send(Frames.preface + Frames.settings())
    client.send(Frames.headers(1, Frames.call("/t.T/Echo"), ends: true))
    #expect(client.isToldToGo(last: 1))
    #expect(server.plane.completed == 1)
  }

  @Test("Streams are cut with a status, other calls are not; the agent is told")
  func cutStreams() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let open = peer.call("/t.T/Bidi")
    #expect(peer.waits { peer.streams[open]?.hasHead == true })
    let sending = peer.call("/t.T/Hang")
    let unary = peer.call("/t.T/Hang", grpcMessage("x"))
    #expect(eventually { server.plane.inFlight == 3 })
    server.publish(gate: .lameDuck)
    let cut = server.plane.cutStreams()
    #expect(cut.map(\.route).sorted() == ["/t.T/Bidi", "/t.T/Hang"])
    #expect(cut.allSatisfy { $0.surface == "a2a" && $0.requestID.utf8.count == 32 })
    for id in [open, sending] { #expect(peer.result(id)?.grpcStatus == "14") }
    #expect(server.plane.inFlight == 1)
    #expect(server.plane.abortedCount == 2)
    let rest = server.plane.cutAll()
    #expect(rest.map(\.route) == ["/t.T/Hang"])
    #expect(peer.result(unary)?.grpcStatus == "14")
    #expect(server.plane.inFlight == 0)
    #expect(server.plane.completed == 0)
    #expect(server.recorder.idle.value == 1)
  }

  @Test("A call that is answered and not delivered is cut with all others")
  func cutUndelivered() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc(window: 1000)
    let id = peer.call("/t.T/Flood")
    peer.unread.insert(id)
    peer.send(id, grpcMessage("5000"), ends: true)
    #expect(peer.waits { peer.streams[id]?.body.count == 1000 })
    #expect(eventually { server.metric("par_grpc_calls_total{status=\"OK\"}") == 1 })
    server.publish(gate: .lameDuck)
    #expect(server.plane.cutStreams().isEmpty)
    #expect(server.plane.inFlight == 1)
    #expect(server.plane.cutAll().map(\.route) == ["/t.T/Flood"])
    #expect(peer.result(id)?.closed == 8)
    #expect(server.plane.inFlight == 0)
    #expect(server.plane.abortedCount == 1)
    #expect(server.plane.completed == 0)
  }

  @Test("The agent is lost: its calls are UNAVAILABLE, and named")
  func lost() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let id = peer.call("/t.T/Hang", grpcMessage("x"))
    let watch = peer.call("/grpc.health.v1.Health/Watch", grpcMessage(""))
    #expect(eventually { server.plane.inFlight == 1 })
    #expect(server.plane.upstreamLost().map(\.route) == ["/t.T/Hang"])
    #expect(peer.result(id)?.grpcStatus == "14")
    #expect(server.plane.abortedCount == 1)
    #expect(peer.streams[watch]?.closed == nil)
  }

  @Test("64 calls and 16 streams in flight when the drain begins: none is lost that ends in time")
  func many() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let streams = (0..<16).map { _ in peer.call("/t.T/Bidi") }
    #expect(peer.waits { streams.allSatisfy { peer.streams[$0]?.hasHead == true } })
    let calls = (0..<64).map { _ in peer.call("/t.T/Echo", grpcMessage("x")) }
    server.publish(gate: .lameDuck)
    for id in calls { #expect(peer.result(id)?.grpcStatus == "0") }
    for id in streams { peer.send(id, grpcMessage("y"), ends: true) }
    for id in streams { #expect(peer.result(id)?.grpcStatus == "0") }
    #expect(peer.waits { peer.hasEnded })
    #expect(server.plane.completed == 80)
    #expect(server.plane.abortedCount == 0)
  }

  @Test("The program's end is told with GOAWAY, also to who is still there")
  func stopped() throws {
    let server = try TestServer()
    server.grpcAgent()
    let peer = server.grpc()
    let id = peer.call("/t.T/Hang", grpcMessage("x"))
    #expect(eventually { server.plane.inFlight == 1 })
    _ = server.plane.cutAll()
    server.stop()
    #expect(peer.result(id)?.grpcStatus == "14")
    #expect(peer.waits { peer.hasEnded })
    #expect(peer.goaways.last?.code == 0)
  }

  @Test("A drain is heard of at once: NOT_SERVING within some milliseconds")
  func quick() throws {
    let server = try TestServer()
    defer { server.stop() }
    let peer = server.grpc()
    let id = peer.call("/grpc.health.v1.Health/Watch", grpcMessage(""))
    #expect(peer.waits { peer.streams[id]?.messages.count == 1 })
    let start = par_monotonic_ns()
    server.publish(gate: .lameDuck)
    #expect(peer.waits { peer.streams[id]?.messages.count == 2 })
    // The goal is 2 ms; a machine that runs all tests at once is given more.
    #expect(par_monotonic_ns() - start < 1_000_000_000)
  }
}
