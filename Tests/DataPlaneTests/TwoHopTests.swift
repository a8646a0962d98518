import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

/// A supervisor in front of a worker that is a data plane like `run`'s, with its agent behind it.
@Suite("Two hops of ours")
struct TwoHopTests {
  /// Both, over TCP or a Unix socket; the agent's id is x.
  private final class Hops {
    let supervisor: TestSupervisor
    let run: TestServer
    let memory: WorkerMemory
    let backend: Backend

    init(
      unix: Bool, _ change: (inout DataPlaneOptions, inout Snapshot) -> Void = { _, _ in }
    ) throws {
      let shared = try WorkerMemory()
      let link = SupervisorLink(marks: try SupervisorMarks(descriptor: shared.descriptor))
      run = try TestServer(unixListener: unix) { options, _, _ in
        options.supervisor = link
        // Also one that trusts nobody else.
        options.trustedProxies = []
      }
      memory = shared
      supervisor = try TestSupervisor(change)
      backend = supervisor.add(
        "x", deployment: "d", worker: Worker(address: run.address, memory: shared))
    }

    func stop() {
      supervisor.stop()
      run.stop()
    }
  }

  @Test(
    "What is said of the client is right at the agent", arguments: [true, false], [true, false])
  func forwarded(unix: Bool, trusted: Bool) throws {
    let hops = try Hops(unix: unix) { options, _ in if !trusted { options.trustedProxies = [] } }
    defer { hops.stop() }
    let heads = Locked<[[String]]>([])
    hops.run.agent { connection in
      while let head = connection.head() {
        heads.withLock { $0.append(head) }
        connection.write(ok)
      }
    }
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    let answer = hops.supervisor.client().get(
      "/agents/x/api/%7Et?q=1",
      """
      X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Request-ID: id-1\r\n\
      traceparent: \(trace)\r\nX-PAR-Slot: 77\r\n
      """)
    #expect(answer?.text == "ok")
    let head = try #require(heads.withLock { $0.first })
    #expect(head.first == "GET /api/~t?q=1 HTTP/1.1")
    func values(_ name: String) -> [String] {
      head.filter { $0.lowercased().hasPrefix(name + ": ") }
        .map { String($0.dropFirst(name.utf8.count + 2)) }
    }
    #expect(values("x-forwarded-for") == [trusted ? "203.0.113.9, 127.0.0.1" : "127.0.0.1"])
    #expect(values("x-forwarded-proto") == [trusted ? "https" : "http"])
    #expect(values("x-forwarded-host") == ["example.org"] && values("host") == ["example.org"])
    #expect(values("x-forwarded-prefix") == ["/agents/x"])
    #expect(values("x-request-id") == ["id-1"] && values("traceparent") == [trace])
    #expect(values("x-par-slot").isEmpty)
  }

  @Test("Bodies of any size pass both ways, and trailers down", arguments: [true, false])
  func bodies(unix: Bool) throws {
    let hops = try Hops(unix: unix)
    defer { hops.stop() }
    hops.run.agent { connection in
      while let head = connection.head() {
        let length = head.first { $0.hasPrefix("Content-Length: ") }.flatMap {
          Int($0.dropFirst(16))
        }
        guard let body = length.map({ connection.take($0) }) ?? connection.chunks() else { return }
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n")
        connection.write(String(body.count, radix: 16) + "\r\n")
        connection.write(body)
        connection.write("\r\n0\r\nT: end\r\n\r\n")
      }
    }
    let client = hops.supervisor.client()
    let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    client.send("POST /agents/x/up HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n")
    let descriptor = client.descriptor
    let sender = TestThread {
      var sent = 0
      while sent < body.count {
        let count = body[sent...].withUnsafeBytes {
          send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return }
        sent += count
      }
    }
    let answer = client.response()
    sender.join()
    #expect(answer?.body == body && answer?.trailers == ["T: end"])
    client.send("PUT /agents/x/up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send("5\r\nhello\r\n0\r\n\r\n")
    #expect(client.response()?.text == "hello")
    #expect(eventually { hops.supervisor.plane.inFlight == 0 && hops.run.plane.inFlight == 0 })
  }

  @Test("Events pass as they come, and WebSockets both ways", arguments: [true, false])
  func streams(unix: Bool) throws {
    let hops = try Hops(unix: unix)
    defer { hops.stop() }
    let go = Counter()
    hops.run.agent { connection in
      while let head = connection.head() {
        if head[0].hasPrefix("GET /ws") {
          connection.write(switching)
          while let word = connection.take(4) { connection.write(word + word) }
          return
        }
        connection.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        connection.write("7\r\ndata: 1\r\n")
        _ = go.waits(for: 1)
        connection.write("7\r\ndata: 2\r\n0\r\n\r\n")
      }
    }
    let events = hops.supervisor.client()
    events.send("GET /agents/x/events HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(events.head()?.status == 200)
    #expect(events.chunk() == Array("data: 1".utf8))
    go.increment()
    #expect(events.chunk() == Array("data: 2".utf8))
    #expect(events.chunk() == [])
    let socket = hops.supervisor.client()
    socket.send(handshake)
    #expect(socket.head()?.status == 101)
    socket.send("pingpong")
    #expect(socket.take(16) == Array("pingpingpongpong".utf8))
    #expect(hops.supervisor.plane.inFlight(of: hops.backend) == 1)
    socket.finishSending()
    #expect(socket.isClosed())
    #expect(eventually { hops.supervisor.plane.inFlight == 0 && hops.run.plane.inFlight == 0 })
  }

  @Test("gRPC reaches the agent by any of its names, over either of the worker's sockets")
  func grpc() throws {
    for unix in [true, false] {
      let hops = try Hops(unix: unix)
      defer { hops.stop() }
      hops.run.grpcAgent()
      let peer = HTTP2Peer(port: hops.supervisor.server.a2aPort)
      for (path, metadata) in [
        ("/agents/x/a2a/t.T/Echo", []), ("/t.T/Echo", [("x-agent-id", "x")]),
        ("/t.T/Echo", [("x-deployment-id", "d")]),
      ] {
        let result = peer.result(peer.call(path, grpcMessage("hello"), metadata))
        #expect(result?.messages == [Array("hello".utf8)])
        #expect(result?.head["seen-path"] == "/t.T/Echo")
      }
      let health = peer.result(
        peer.call("/agents/x/a2a/grpc.health.v1.Health/Check", grpcMessage("")))
      #expect(health?.messages == [[0x08, 1]])
    }
  }

  @Test("Only a supervisor's request with its token is marked, before the agent gets it")
  func marked() throws {
    let hops = try Hops(unix: false)
    defer { hops.stop() }
    let token = String(decoding: hops.memory.token, as: UTF8.self)
    let (seen, memory) = (Locked<[Bool]>([]), hops.memory)
    hops.run.agent { connection in
      while connection.head() != nil {
        seen.withLock { $0.append(memory.hasBegun(9)) }
        connection.write(ok)
      }
    }
    let client = hops.run.client()
    for value in [
      "9", "9 ", "9 \(token.dropLast())", "9 \(token)0", "9  \(token)", "-9 \(token)",
      "8192 \(token)", "99999999999999999999 \(token)", "9 0000000000000000", " ", "9,\(token)",
    ] {
      #expect(client.get("/agents/x/a", "X-PAR-Slot: \(value)\r\n")?.text == "ok")
    }
    #expect(client.get("/agents/x/health", "X-PAR-Slot: 9 \(token)\r\n")?.status == 200)
    #expect(!memory.hasBegun(9))
    #expect(client.get("/agents/x/a", "X-PAR-Slot: 9 \(token)\r\n")?.text == "ok")
    #expect(memory.hasBegun(9))
    #expect(seen.withLock { $0 } == [Bool](repeating: false, count: 11) + [true])
  }

  @Test("What the worker holds is not marked, and what its agent did not begin is so no more")
  func unmarked() throws {
    let hops = try Hops(unix: false)
    defer { hops.stop() }
    let agentMarks = try WorkerMarks()
    hops.run.publish {
      $0.worker = Worker(restSocket: hops.run.socket, memory: agentMarks.memory)
    }
    let seen = Counter()
    let agent = hops.run.agent { connection in
      _ = connection.head()
      seen.increment()
      _ = connection.isClosed()
    }
    let client = hops.run.client()
    let token = String(decoding: hops.memory.token, as: UTF8.self)
    client.send(
      "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nX-PAR-Slot: 9 \(token)\r\nContent-Length: 1\r\n\r\n1"
    )
    #expect(seen.waits(for: 1))
    #expect(hops.memory.hasBegun(9))
    agent.stop()
    #expect(eventually { hops.run.held == 1 })
    #expect(!hops.memory.hasBegun(9))
    hops.run.agent(always: ok)
    #expect(client.response()?.text == "ok")
    #expect(hops.memory.hasBegun(9))
  }

  @Test(
    "A worker that ends: what it did not hand over goes to the next one, whatever the method",
    arguments: [
      (true, false, 200), (true, true, 502), (false, false, 502),
    ])
  func lost(_ isAttached: Bool, _ marks: Bool, _ status: Int) throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    let memory = try WorkerMemory()
    let link = isAttached ? try SupervisorMarks(descriptor: memory.descriptor) : nil
    let seen = Counter()
    let worker = supervisor.worker { connection in
      guard let head = connection.head(), let last = head.last else { return }
      let slot = Array(last.dropFirst("X-PAR-Slot: ".count).utf8).withUnsafeBytes {
        link?.slot($0)
      }
      #expect((slot != nil) == isAttached)
      if marks, let slot { link?.mark(slot) }
      seen.increment()
      _ = connection.isClosed()
    }
    let address = try #require(worker.rest)
    let backend = supervisor.add("x", worker: Worker(address: address, memory: memory))
    let client = supervisor.client()
    client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    #expect(seen.waits(for: 1))
    supervisor.publish(backend, gate: .restarting, worker: nil)
    supervisor.stopLast()
    if status == 200 { #expect(eventually { supervisor.plane.reading(of: backend).held == 1 }) }
    supervisor.publish(backend, gate: .ready, worker: supervisor.worker("next"))
    #expect(client.response()?.status == status)
  }

  @Test("Only memory whose size is certain is mapped")
  func memory() throws {
    for bytes in [WorkerMemory.size, 16] {
      let file = par_memory_file("test")
      defer { close(file) }
      #expect(ftruncate(file, off_t(bytes)) == 0)
      #expect(throws: SystemError.self) { try SupervisorMarks(descriptor: file) }
    }
  }

  @Test("A connection to a worker is let go of before the worker would end it")
  func idleUpstream() throws {
    let supervisor = try TestSupervisor { options, _ in
      options.loopCount = 1
      options.agents.idleUpstreamTime = .milliseconds(30)
    }
    defer { supervisor.stop() }
    let closed = Counter()
    let worker = supervisor.worker { connection in
      while connection.head() != nil { connection.write(ok) }
      closed.increment()
    }
    supervisor.add("x", worker: worker)
    let client = supervisor.client()
    #expect(client.get("/agents/x/a")?.text == "ok")
    #expect(closed.waits(for: 1))
    #expect(client.get("/agents/x/a")?.text == "ok")
    #expect(AgentsLimits().idleUpstreamTime < HTTPLimits().keepAliveIdle)
  }

  @Test("All agents together keep no more idle connections than that")
  func idleBound() throws {
    let supervisor = try TestSupervisor { options, _ in
      options.loopCount = 1
      options.agents.idleUpstreams = 2
    }
    defer { supervisor.stop() }
    let client = supervisor.client()
    for id in ["a", "b", "c"] {
      supervisor.add(id, worker: supervisor.worker(id))
      #expect(client.get("/agents/\(id)/x")?.status == 200)
    }
    #expect(supervisor.server.metric("par_upstream_connections") == 2)
    for id in ["a", "b", "c"] { supervisor.remove(id) }
    #expect(eventually { supervisor.server.metric("par_upstream_connections") == 0 })
    supervisor.add("d", worker: supervisor.worker("d"))
    #expect(client.get("/agents/d/x")?.status == 200)
    #expect(supervisor.server.metric("par_upstream_connections") == 1)
  }
}
