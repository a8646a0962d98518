import Lifecycle
import Testing

@testable import DataPlane

/// Calls that the agent answers.
@Suite struct GRPCCallTests {
  @Test("Metadata reaches the agent as it was sent, with what the agent is told of every request")
  func metadata() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let id = peer.call(
      "/t.T/Echo", grpcMessage("x"),
      [("k-bin", "AP8="), ("user-agent", "u"), ("grpc-timeout", "5S"), ("grpc-encoding", "gzip")])
    let result = peer.result(id)
    #expect(
      result?.head["seen"]
        == "content-type grpc-encoding grpc-timeout k-bin te traceparent user-agent x-forwarded-for "
        + "x-request-id"
    )
    #expect(result?.grpcStatus == "0")
    #expect(server.plane.completed == 1)
    #expect(server.metric("par_grpc_calls_total{status=\"OK\"}") == 1)
  }

  @Test("Both directions stream, with head, messages and trailers untouched")
  func bidirectional() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let id = peer.call("/t.T/Bidi")
    #expect(peer.waits { peer.streams[id]?.head["h-bin"] == "AP8" })
    for number in 1...5 {
      peer.send(id, grpcMessage("m\(number)"))
      #expect(peer.waits { peer.streams[id]?.messages.count == number })
    }
    #expect(server.plane.inFlight == 1)
    peer.send(id, [], ends: true)
    let result = peer.result(id)
    #expect(result?.trailers["t-bin"] == "/w")
    #expect(result?.grpcStatus == "0")
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 1)
  }

  @Test("The access log says what a call ended with, whoever ended it")
  func accessLog() throws {
    let server = try TestServer { options, _, _ in options.accessLog = 1 }
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    func status(of path: String, after action: (Int32) -> Void = { _ in }) -> String? {
      let count = server.recorder.records.count
      action(
        peer.call(path, grpcMessage("x"), [("grpc-timeout", path == "/t.T/Hang" ? "50m" : "9S")]))
      _ = peer.waits { server.recorder.records.count > count }
      return server.recorder.records.last?.grpcStatus
    }
    #expect(status(of: "/t.T/Echo") == "OK")
    #expect(status(of: "/t.T/Hang") == "DEADLINE_EXCEEDED")
    #expect(status(of: "/t.T/Reset") == "RESOURCE_EXHAUSTED")
    #expect(status(of: "/t.T/Bidi", after: { peer.reset($0, 0x8) }) == "CANCELLED")
    #expect(server.recorder.records.allSatisfy { $0.status == 200 && $0.surface == "a2a" })
  }

  @Test("Large messages pass in both directions")
  func large() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let body = grpcMessage((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
    let id = peer.call("/t.T/Echo", body)
    let result = peer.result(id)
    #expect(result?.body == body)
    #expect(result?.grpcStatus == "0")
  }

  @Test("A reader that takes nothing stops its own stream, at one window, and no other")
  func slowReader() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let id = peer.call("/t.T/Flood")
    peer.unread.insert(id)
    peer.send(id, grpcMessage("1000000"), ends: true)
    #expect(peer.waits { peer.streams[id]?.body.count == 65535 })
    for _ in 0..<20 {
      #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    }
    #expect(peer.streams[id]?.body.count == 65535)
    peer.unread.remove(id)
    peer.openWindow(id, 65535)
    #expect(peer.result(id)?.body.count == 1_000_000)
  }

  @Test("An agent that reads nothing stops the sender at two windows")
  func slowAgent() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent { connection in
      let agent = HTTP2Peer(descriptor: connection.descriptor, isClient: false)
      agent.onHead = { agent, id in if id == 1 { agent.unread.insert(id) } }
      agent.onEnd = { agent, id in
        agent.respond(id)
        agent.finish(id, trailers: [("grpc-status", "0")])
      }
      agent.serve()
    }
    let peer = server.grpc()
    let id = peer.call("/t.T/Slow")
    peer.send(id, [UInt8](repeating: 0, count: 1_000_000))
    // A window is given back when half of it is used up.
    #expect(peer.waits { peer.unsent(id) <= 1_000_000 - 65535 - 65535 / 2 })
    for _ in 0..<20 {
      #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    }
    #expect(peer.unsent(id) >= 1_000_000 - 2 * 65535)
  }

  @Test("A failure of the agent arrives with its code and message")
  func failure() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let result = peer.result(peer.call("/t.T/Fail", grpcMessage("x")))
    #expect(result?.grpcStatus == "3")
    #expect(result?.grpcMessage == "no")
  }

  @Test("A stream that the agent resets is reset with its code")
  func agentResets() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    #expect(peer.result(peer.call("/t.T/Reset", grpcMessage("x")))?.closed == 0xB)
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.completed == 0)
    #expect(server.metric("par_requests_client_gone_total") == 0)
  }

  @Test("More interim responses than there may be end the call", arguments: [2, 3])
  func interim(_ count: Int) throws {
    let server = try TestServer { options, _, _ in options.limits.interimResponses = 2 }
    defer { server.stop() }
    server.grpcAgent { connection in
      let agent = HTTP2Peer(descriptor: connection.descriptor, isClient: false)
      agent.onEnd = { agent, id in
        for _ in 0..<count {
          connection.write(Frames.headers(UInt32(id), Frames.field(":status", "103")))
        }
        GRPCAgent.answer(agent, id)
      }
      agent.serve()
    }
    let peer = server.grpc()
    let result = peer.result(peer.call("/t.T/Echo", grpcMessage("x")))
    #expect(result?.grpcStatus == (count == 2 ? "0" : "13"))
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("An answer that comes before the request is complete ends the call")
  func early() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let id = peer.call("/t.T/Early")
    let result = peer.result(id)
    #expect(result?.grpcStatus == "9")
    #expect(result?.closed == 0)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("A cancelled call is cancelled at the agent at once", arguments: [false, true])
  func cancel(_ byClosing: Bool) throws {
    let server = try TestServer()
    defer { server.stop() }
    let cancelled = Counter()
    server.grpcAgent { connection in
      let agent = HTTP2Peer(descriptor: connection.descriptor, isClient: false)
      while !agent.hasEnded, agent.streams[1]?.closed != 8 { agent.read(within: 1000) }
      if agent.streams[1]?.closed == 8 { cancelled.increment() }
      agent.serve()
    }
    var peer: HTTP2Peer? = server.grpc()
    let id = peer?.call("/t.T/Hang", grpcMessage("x")) ?? 0
    #expect(eventually { server.plane.inFlight == 1 })
    if byClosing { peer = nil } else { peer?.reset(id, 8) }
    #expect(cancelled.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.plane.abortedCount == 0)
  }

  @Test("A deadline ends the call at the client and at the agent")
  func deadline() throws {
    let server = try TestServer()
    defer { server.stop() }
    let cancelled = Counter()
    server.grpcAgent { connection in
      let agent = HTTP2Peer(descriptor: connection.descriptor, isClient: false)
      while !agent.hasEnded, agent.streams[1]?.closed != 8 { agent.read(within: 1000) }
      if agent.streams[1]?.closed == 8 { cancelled.increment() }
      agent.serve()
    }
    let peer = server.grpc()
    let result = peer.result(peer.call("/t.T/Hang", grpcMessage("x"), [("grpc-timeout", "50m")]))
    #expect(result?.grpcStatus == "4")
    #expect(cancelled.waits(for: 1))
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("A malformed deadline is refused")
  func badDeadline() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let result = peer.result(peer.call("/t.T/Echo", grpcMessage("x"), [("grpc-timeout", "5s")]))
    #expect(result?.grpcStatus == "13")
    #expect(server.plane.inFlight == 0)
  }

  @Test("Calls that the agent had when its connection ended are UNAVAILABLE; the next goes on")
  func agentGone() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.grpcAgent { connection in
      guard connection.number > 0 else {
        let agent = HTTP2Peer(descriptor: connection.descriptor, isClient: false)
        agent.onHead = { agent, id in if id == 3 { agent.respond(id) } }
        while !agent.hasEnded, agent.heads.count < 3 { agent.read(within: 1000) }
        return
      }
      GRPCAgent.serve(connection)
    }
    let peer = server.grpc()
    let first = peer.call("/t.T/Hang", grpcMessage("x"))
    let second = peer.call("/t.T/Bidi")
    #expect(peer.waits { peer.streams[second]?.hasHead == true })
    let third = peer.call("/t.T/Hang", grpcMessage("x"))
    for id in [first, second, third] { #expect(peer.result(id)?.grpcStatus == "14") }
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    #expect(server.plane.abortedCount == 3)
    #expect(server.plane.upstreamLost().count == 3)
  }

  @Test("What the agent answered before it ended is delivered")
  func lastWords() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let (arrived, go, answered) = (Counter(), Counter(), Counter())
    server.grpcAgent { connection in
      let agent = HTTP2Peer(descriptor: connection.descriptor, isClient: false)
      while !agent.hasEnded, agent.streams.values.allSatisfy({ !$0.hasEnded }) {
        agent.read(within: 1000)
      }
      arrived.increment()
      _ = go.waits(for: connection.number + 1)
      for id in agent.heads { GRPCAgent.answer(agent, id) }
      answered.increment()
    }
    let peer = server.grpc()
    for round in 1...10 {
      let call = peer.call("/t.T/Echo", grpcMessage("x"))
      #expect(arrived.waits(for: round))
      go.increment()
      #expect(answered.waits(for: round))
      #expect(server.plane.upstreamLost() == [])
      #expect(peer.result(call)?.grpcStatus == "0")
    }
    #expect(server.plane.abortedCount == 0)
  }

  @Test("Nobody listens: UNAVAILABLE")
  func nobody() throws {
    let server = try TestServer()
    defer { server.stop() }
    let peer = server.grpc()
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "14")
  }

  @Test("A call that met the end of a connection unsent is repeated on the next")
  func repeated() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let release = Counter()
    server.grpcAgent { connection in
      guard connection.number > 0 else {
        // One call, then GOAWAY: what comes after it is not begun here.
        let agent = HTTP2Peer(descriptor: connection.descriptor, isClient: false, maxStreams: 1)
        while !agent.hasEnded, agent.heads.isEmpty { agent.read(within: 1000) }
        _ = release.waits(for: 1)
        agent.goaway(last: 1)
        agent.respond(1)
        agent.finish(1, trailers: [("grpc-status", "0")])
        return agent.serve()
      }
      GRPCAgent.serve(connection)
    }
    let peer = server.grpc()
    let first = peer.call("/t.T/Echo", grpcMessage("x"))
    #expect(eventually { server.plane.inFlight == 1 })
    release.increment()
    #expect(peer.result(first)?.grpcStatus == "0")
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("y")))?.grpcStatus == "0")
    #expect(server.plane.abortedCount == 0)
  }

  @Test("An agent with few streams at once gets further connections, and then calls wait")
  func fewStreams() throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.http2.agentConnections = 2
      options.http2.waitingCalls = 3
    }
    defer { server.stop() }
    let agent = server.grpcAgent(maxStreams: 2)
    let peer = server.grpc()
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    var hanging: [Int32] = []
    for _ in 0..<4 {
      hanging.append(peer.call("/t.T/Bidi"))
      #expect(peer.waits { peer.streams[hanging.last ?? 0]?.hasHead == true })
    }
    #expect(agent.accepted.value == 2)
    let waiting = (0..<6).map { _ in peer.call("/t.T/Echo", grpcMessage("x")) }
    let refused = peer.result(peer.call("/t.T/Echo", grpcMessage("x")))
    #expect(refused?.grpcStatus == "14")
    #expect(refused?.grpcMessage == "Too many calls wait for the agent")
    for id in hanging { peer.send(id, [], ends: true) }
    for id in waiting { #expect(peer.result(id)?.grpcStatus == "0") }
  }

  @Test("An agent's own server on a port of this machine")
  func loopback() throws {
    let server = try TestServer { _, snapshot, _ in snapshot.a2aUpstream = nil }
    defer { server.stop() }
    let agent = try TestServer()
    defer { agent.stop() }
    agent.grpcAgent()
    server.publish { $0.a2aUpstream = .loopback(port: agent.a2aPort) }
    let peer = server.grpc()
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.messages.count == 1)
    let big = [UInt8](repeating: 5, count: 2_000_000)
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage(big)))?.messages == [big])
    agent.stop()
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "14")
  }
}
