import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

@Suite("A worker that another one replaces")
struct RetireTests {
  /// A second worker with an agent behind it that answers `second`.
  private func second(_ server: TestServer) -> Worker {
    let path = server.folder + "/second.sock"
    _ = server.adopt(
      TestAgent(path, always: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"))
    return Worker(restSocket: path, a2a: .unix(server.folder + "/second-a2a.sock"))
  }

  /// An agent that answers when it is told to; `/now` at once.
  private func waiting(_ server: TestServer, _ go: Counter) -> TestAgent {
    server.agent { connection in
      while let head = connection.head() {
        if !head[0].hasPrefix("GET /now") { _ = go.waits(for: 1) }
        guard connection.write(ok) else { return }
      }
    }
  }

  @Test("Without a request it is idle at once, and its idle connections are closed")
  func idle() throws {
    let server = try TestServer()
    defer { server.stop() }
    let closed = Counter()
    server.agent { connection in
      while connection.head() != nil { connection.write(ok) }
      closed.increment()
    }
    for _ in 0..<4 { #expect(server.client().get("/agents/x/a")?.text == "ok") }
    let open = server.metric("par_upstream_connections") ?? 0
    #expect(open > 0 && closed.value == 0)
    let first = try server.replace(by: second(server))
    server.plane.retire(first)
    #expect(closed.waits(for: open))
    #expect(eventually { server.recorder.retired.count == 1 })
    #expect(server.recorder.retired.first === first)
    #expect(server.client().get("/agents/x/a")?.text == "second")
  }

  @Test("A request that it has is answered by it; then it is idle, and that is told once")
  func busy() throws {
    let server = try TestServer()
    defer { server.stop() }
    let go = Counter()
    let agent = waiting(server, go)
    let clients = (0..<8).map { _ in server.client() }
    for client in clients { client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n") }
    #expect(agent.accepted.waits(for: 8))
    let first = try server.replace(by: second(server))
    server.plane.retire(first)
    for _ in 0..<4 { #expect(server.client().get("/agents/x/a")?.text == "second") }
    #expect(server.recorder.retired.isEmpty)
    go.increment()
    for client in clients { #expect(client.response()?.text == "ok") }
    #expect(eventually { !server.recorder.retired.isEmpty })
    for client in clients { #expect(client.get("/agents/x/a")?.text == "second") }
    #expect(server.recorder.retired.count == 1 && server.recorder.retired.first === first)
    #expect(server.plane.abortedCount == 0)
  }

  @Test("Of two workers, the one that is lost loses its requests, the other does not")
  func lost() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let go = Counter()
    let agent = waiting(server, go)
    let old = server.client()
    old.send("GET /agents/x/old HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(agent.accepted.waits(for: 1))
    let path = server.folder + "/second.sock"
    let arrived = Counter()
    _ = server.adopt(
      TestAgent(path) { connection in
        while connection.head() != nil {
          arrived.increment()
          _ = go.waits(for: 1)
          guard connection.write(ok) else { return }
        }
      })
    let next = Worker(restSocket: path)
    let first = try server.replace(by: next)
    server.plane.retire(first)
    let new = server.client()
    new.send("GET /agents/x/new HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(arrived.waits(for: 1))
    #expect(server.recorder.retired.isEmpty)
    #expect(server.plane.upstreamLost(first).map(\.route) == ["/agents/x/old"])
    #expect(old.response()?.status == 502)
    // Its last request ended with it.
    #expect(eventually { server.recorder.retired.first === first })
    #expect(server.plane.upstreamLost(Worker(restSocket: nil)) == [])
    go.increment()
    #expect(new.response()?.text == "ok")
    #expect(server.plane.abortedCount == 1)
  }

  @Test("Of two workers' streams, those of one are cut")
  func streams() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let script: @Sendable (TestAgent.Connection) -> Void = { connection in
      _ = connection.head()
      connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
      _ = connection.isClosed()
    }
    server.agent(script)
    let path = server.folder + "/second.sock"
    _ = server.adopt(TestAgent(path, script: script))
    let old = server.client()
    old.send("GET /agents/x/old HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(old.head()?.status == 200)
    let first = try server.replace(by: Worker(restSocket: path))
    server.plane.retire(first)
    let new = server.client()
    new.send("GET /agents/x/new HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(new.head()?.status == 200)
    #expect(server.plane.cutStreams(of: first).map(\.route) == ["/agents/x/old"])
    #expect(old.isClosed())
    #expect(eventually { server.recorder.retired.first === first })
    #expect(server.plane.inFlight == 1)
    #expect(server.plane.cutStreams().map(\.route) == ["/agents/x/new"])
  }

  @Test("Calls that wait for a place at it are the other one's, in their order")
  func waitingCalls() throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.http2.agentConnections = 1
    }
    defer { server.stop() }
    server.grpcAgent(maxStreams: 1)
    let (next, paths) = (second(server), Locked<[String]>([]))
    if case .unix(let path) = next.a2a {
      _ = server.adopt(
        TestAgent(path) { connection in
          let peer = HTTP2Peer(descriptor: connection.descriptor, isClient: false)
          peer.onEnd = { peer, id in
            paths.withLock { $0.append(peer.streams[id]?.head[":path"] ?? "") }
            GRPCAgent.answer(peer, id)
          }
          peer.serve()
        })
    }
    let client = server.grpc()
    #expect(client.result(client.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    let long = client.call("/t.T/Bidi")
    #expect(client.waits { client.streams[long]?.hasHead == true })
    let waiting = (0..<5).map { client.call("/t.T/\($0)", grpcMessage("\($0)")) }
    #expect(eventually { server.plane.inFlight == 6 })
    let first = try server.replace(by: next)
    server.plane.retire(first)
    for id in waiting { #expect(client.result(id)?.grpcStatus == "0") }
    #expect(paths.withLock { $0 } == (0..<5).map { "/t.T/\($0)" })
    #expect(server.recorder.retired.isEmpty)
    client.send(long, [3], ends: true)
    #expect(client.result(long)?.body == [3])
    #expect(eventually { server.recorder.retired.count == 1 })
    #expect(server.plane.abortedCount == 0)
  }

  @Test("A gRPC call that it has goes on; the next call is the other one's")
  func calls() throws {
    let server = try TestServer { options, _, _ in options.loopCount = 1 }
    defer { server.stop() }
    let (old, new) = (server.grpcAgent(), Counter())
    let next = second(server)
    if case .unix(let path) = next.a2a {
      _ = server.adopt(
        TestAgent(path) { connection in
          new.increment()
          GRPCAgent.serve(connection)
        })
    }
    let client = server.grpc()
    let long = client.call("/t.T/Bidi")
    client.send(long, [1])
    #expect(client.waits { client.streams[long]?.body == [1] })
    let first = try server.replace(by: next)
    server.plane.retire(first)
    let other = server.grpc()
    let call = other.call("/t.T/Echo", [2])
    #expect(other.result(call)?.body == [2])
    #expect(new.value == 1 && old.accepted.value == 1)
    #expect(server.recorder.retired.isEmpty)
    client.send(long, [3], ends: true)
    #expect(client.result(long)?.body == [1, 3])
    #expect(eventually { server.recorder.retired.count == 1 })
    #expect(server.plane.abortedCount == 0)
  }
}
