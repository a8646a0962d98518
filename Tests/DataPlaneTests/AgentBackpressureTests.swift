import Lifecycle
import Testing

@testable import DataPlane

/// Calls to an agent whose socket is full: what was written and what was not.
@Suite struct AgentBackpressureTests {
  private static let piece = 12_000
  private static let calls = 60

  private func body(_ number: Int) -> [UInt8] {
    grpcMessage([UInt8](repeating: UInt8(number), count: Self.piece * 2))
  }

  /// An agent that answers a call, opens its connection's window wide, and reads nothing more until
  /// it is released.
  private func stoppedAgent(
    _ server: TestServer, _ release: Counter, _ change: @escaping @Sendable (HTTP2Peer) -> Void
  ) {
    server.grpcAgent { connection in
      guard connection.number == 0 else { return GRPCAgent.serve(connection) }
      let agent = HTTP2Peer(descriptor: connection.descriptor, isClient: false)
      agent.onEnd = { agent, id in GRPCAgent.answer(agent, id) }
      while !agent.hasEnded, agent.streams[1]?.hasEnded != true { agent.read(within: 1000) }
      connection.write(Frames.windowUpdate(0, 1 << 24))
      _ = release.waits(for: 1)
      change(agent)
      agent.serve()
    }
  }

  /// Begins the calls, each with the first half of its body.
  private func begin(_ server: TestServer, _ peer: HTTP2Peer) -> [Int32] {
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    return (0..<Self.calls).map { number in
      let id = peer.call("/t.T/Echo")
      peer.send(id, Array(body(number).prefix(Self.piece)))
      return id
    }
  }

  @Test("Uploads that meet a full socket arrive whole, each with its own bytes")
  func uploads() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let release = Counter()
    stoppedAgent(server, release) { _ in }
    let peer = server.grpc()
    let ids = begin(server, peer)
    #expect(eventually { server.plane.inFlight == ids.count })
    for (number, id) in ids.enumerated() {
      peer.send(id, Array(body(number).dropFirst(Self.piece)), ends: true)
    }
    release.increment()
    for (number, id) in ids.enumerated() {
      let result = peer.result(id)
      #expect(result?.grpcStatus == "0", "call \(number)")
      #expect(
        result?.body == body(number),
        "call \(number): \(result?.body.count ?? 0), \(Set(result?.body.dropFirst(5) ?? []))")
    }
  }

  @Test("A call that the agent has begun and resets is not given to another connection")
  func resetWhileFull() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let release = Counter()
    stoppedAgent(server, release) { agent in
      for id in agent.heads where id > 1 { agent.reset(id, 2) }
      agent.onHead = { agent, id in agent.reset(id, 2) }
    }
    let peer = server.grpc()
    let ids = begin(server, peer)
    #expect(eventually { server.plane.inFlight == ids.count })
    release.increment()
    for id in ids { #expect(peer.result(id)?.closed == 2) }
    #expect(server.metric("par_grpc_calls_repeated_total") == 0)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("Of an agent that reads nothing only so many calls wait, cancelled ones among them")
  func waitingCalls() throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.http2.agentConnections = 1
      options.http2.waitingCalls = 10
    }
    defer { server.stop() }
    let release = Counter()
    stoppedAgent(server, release) { _ in }
    let peer = server.grpc()
    let ids = begin(server, peer)
    for id in ids { peer.reset(id, 8) }
    #expect(eventually { server.plane.inFlight == 0 })
    let late = peer.result(peer.call("/t.T/Echo", grpcMessage("x"), [("grpc-timeout", "5S")]))
    #expect(late?.grpcStatus == "14")
    #expect(late?.grpcMessage == "Too many calls wait for the agent")
    release.increment()
    // The places are free again when the agent goes on.
    #expect(
      peer.waits {
        peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0"
      })
  }

  @Test("A call that meets the end of one connection after the other is given up")
  func repeats() throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.http2.callRepeats = 2
    }
    defer { server.stop() }
    // Each connection takes a call, and ends before it says how many more it would take.
    let agent = server.grpcAgent { connection in
      _ = connection.take(Frames.preface.count + 9)
    }
    let client = TestClient(server.a2aPort)
    var bytes = Frames.preface + Frames.settings()
    for number in 0..<5 {
      bytes += Frames.headers(UInt32(number * 2 + 1), Frames.call(), ends: true)
    }
    client.send(bytes)
    var ended = 0
    #expect(
      client.frames {
        if $0.type == 1 { ended += 1 }
        return ended == 5
      } != nil)
    #expect(agent.accepted.value == 3)
    #expect(server.metric("par_grpc_calls_repeated_total") == 4 + 3)
    #expect(server.plane.abortedCount == 5)
    #expect(eventually { server.plane.inFlight == 0 })
  }
}
