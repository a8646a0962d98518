import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

@Suite("Requests that an agent has begun, and those that it has not")
struct MarkTests {
  static let requests = [
    "GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "DELETE /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    "PATCH /agents/x/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "2\r\nhi\r\n0\r\n\r\n",
  ]

  /// Reads the rest of a request.
  private static func body(_ head: [String], _ connection: TestAgent.Connection) -> Bool {
    if head.contains("Transfer-Encoding: chunked") { return connection.chunkedBody() != nil }
    let length = head.first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) }
    return length.map { connection.take($0) != nil } ?? true
  }

  @Test("The number of the slot is a head's last field; nobody else's field of that name goes on")
  func field() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks)
    defer { server.stop() }
    let heads = Locked<[[String]]>([])
    server.agent { connection in
      while let head = connection.head() {
        heads.withLock { $0.append(head) }
        marks.begin(head)
        guard Self.body(head, connection) else { return }
        connection.write(ok)
      }
    }
    let client = server.client()
    for name in ["X-PAR-Slot", "x-par-slot", "X_PAR_Slot", "x-par_slot"] {
      #expect(client.get("/agents/x/a", "\(name): 5000\r\nConnection: \(name)\r\n")?.text == "ok")
    }
    let peer = HTTP2Peer(port: server.port)
    let id = peer.request(
      [
        (":method", "GET"), (":scheme", "http"), (":path", "/agents/x/a"), (":authority", "test"),
        ("x-par-slot", "5000"),
      ], body: nil, ends: true)
    #expect(peer.result(id)?.head[":status"] == "200")
    let seen = heads.withLock { $0 }
    #expect(seen.count == 5)
    for head in seen {
      let fields = head.filter { $0.lowercased().contains("par") && $0.contains("lot") }
      #expect(fields == ["X-PAR-Slot: 0"])
      #expect(head.last == "X-PAR-Slot: 0")
    }
  }

  @Test("Connections have a slot each, and those of each loop are others")
  func slots() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks) { options, _ in options.loopCount = 2 }
    defer { server.stop() }
    let (seen, go) = (Locked<[Int]>([]), Counter())
    server.agent { connection in
      guard let head = connection.head(), let slot = WorkerMarks.slot(head) else { return }
      seen.withLock { $0.append(slot) }
      marks.begin(head)
      _ = go.waits(for: 1)
      connection.write(ok)
    }
    let clients = (0..<40).map { _ in server.client() }
    for client in clients { client.send(Self.requests[0]) }
    #expect(eventually { seen.withLock { $0.count } == 40 })
    let numbers = Set(seen.withLock { $0 })
    #expect(numbers.count == 40)
    #expect(numbers.allSatisfy { $0 % (WorkerMemory.slots / 2) < 40 })
    go.increment()
    for client in clients { #expect(client.response()?.text == "ok") }
  }

  @Test("A worker without memory gets no number")
  func noMemory() throws {
    let server = try TestServer()
    defer { server.stop() }
    let last = Locked("")
    server.agent { connection in
      while let head = connection.head() {
        last.withLock { $0 = head.last ?? "" }
        connection.write(ok)
      }
    }
    #expect(server.client().get("/agents/x/a")?.text == "ok")
    #expect(last.withLock { $0.hasPrefix("traceparent: ") })
  }

  @Test(
    "What was read and not begun is the next worker's, whatever it is",
    arguments: requests, [false, true])
  func notBegun(request: String, isReused: Bool) throws {
    let (marks, next) = (try WorkerMarks(), try WorkerMarks())
    let server = try TestServer(marks)
    defer { server.stop() }
    let lost = Counter()
    let agent = server.agent { connection in
      if isReused, let head = connection.head() {
        marks.begin(head)
        connection.write(ok)
      }
      guard let head = connection.head(), Self.body(head, connection) else { return }
      lost.increment()
      // Until it is stopped.
      _ = connection.isClosed()
    }
    let client = server.client()
    if isReused { #expect(client.get("/agents/x/first")?.text == "ok") }
    client.send(request)
    #expect(lost.waits(for: 1))
    agent.stop()
    #expect(eventually { server.held == 1 })
    #expect(server.plane.upstreamLost() == [])
    server.publish {
      $0.gate = .restarting
      $0.worker = nil
    }
    let heads = Locked<[[String]]>([])
    server.agent { connection in
      while let head = connection.head() {
        heads.withLock { $0.append(head) }
        next.begin(head)
        guard Self.body(head, connection) else { return }
        connection.write(ok)
      }
    }
    server.publish {
      $0.gate = .ready
      $0.worker = Worker(restSocket: server.socket, memory: next.memory)
    }
    #expect(client.response()?.text == "ok")
    let seen = heads.withLock { $0 }
    #expect(seen.count == 1)
    #expect(seen.first?.filter { $0.hasPrefix("X-PAR-Slot") } == ["X-PAR-Slot: 0"])
    #expect(server.plane.abortedCount == 0)
    #expect(server.metric("par_requests_taken_back_total") == 1)
    #expect(client.get("/agents/x/b")?.text == "ok")
  }

  @Test("What was begun is answered 502, whatever it is", arguments: requests, [false, true])
  func begun(request: String, isReused: Bool) throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks)
    defer { server.stop() }
    let agent = server.agent { connection in
      if isReused, let head = connection.head() {
        marks.begin(head)
        connection.write(ok)
      }
      guard let head = connection.head(), Self.body(head, connection) else { return }
      marks.begin(head)
    }
    let client = server.client()
    if isReused { #expect(client.get("/agents/x/first")?.text == "ok") }
    client.send(request)
    #expect(client.response()?.status == 502)
    #expect(server.plane.abortedCount == 1)
    #expect(agent.accepted.value == 1)
    #expect(server.plane.upstreamLost().count == 1)
  }

  @Test("A worker that lives and ends a connection without beginning gets the request on another")
  func closedIdle() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks)
    defer { server.stop() }
    let agent = server.agent { connection in
      while let head = connection.head(), Self.body(head, connection) {
        // As one that closes it as idle, and had not seen the request then.
        if connection.number == 0, head[0].hasPrefix("POST") { return }
        marks.begin(head)
        connection.write(ok)
      }
    }
    let client = server.client()
    #expect(client.get("/agents/x/a")?.text == "ok")
    client.send(Self.requests[2])
    #expect(client.response()?.text == "ok")
    #expect(agent.accepted.value == 2)
    #expect(server.plane.abortedCount == 0)
  }

  @Test("One that never begins costs a request a bounded number of connections")
  func takeBacks() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks) { options, _ in options.limits.takeBacks = 3 }
    defer { server.stop() }
    let agent = server.agent { connection in _ = connection.head() }
    let response = try #require(server.client().get("/agents/x/a"))
    #expect(response.status == 502 && response.text.contains("without beginning"))
    #expect(agent.accepted.value == 4)
    #expect(server.plane.abortedCount == 1)
  }

  @Test(
    "Nothing is concluded from the marks of a worker that answers without: GET goes again, once")
  func silent() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks)
    defer { server.stop() }
    let agent = server.agent { connection in
      guard connection.head() != nil else { return }
      connection.write(ok)
      _ = connection.head()
    }
    let client = server.client()
    #expect(client.get("/agents/x/a")?.text == "ok")
    client.send(Self.requests[2])
    #expect(client.response()?.status == 502)
    #expect(client.get("/agents/x/a")?.text == "ok")
    #expect(agent.accepted.value == 2)
    #expect(client.get("/agents/x/a")?.text == "ok")
    #expect(agent.accepted.value == 3)
    #expect(server.metric("par_requests_repeated_total") == 1)
  }

  @Test("A lost worker's connection that somebody else holds open: what was not begun goes on")
  func heldOpen() throws {
    let (marks, next) = (try WorkerMarks(), try WorkerMarks())
    let server = try TestServer(marks)
    defer { server.stop() }
    let (go, arrived) = (Counter(), Counter())
    server.agent { connection in
      guard let head = connection.head() else { return }
      if head[0].contains("begun") { marks.begin(head) }
      arrived.increment()
      _ = go.waits(for: 1)
    }
    defer { go.increment() }
    let (lost, kept) = (server.client(), server.client())
    lost.send("GET /agents/x/begun HTTP/1.1\r\nHost: a\r\n\r\n")
    kept.send("POST /agents/x/other HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    #expect(arrived.waits(for: 2))
    let path = server.folder + "/next.sock"
    _ = server.adopt(
      TestAgent(path) { connection in
        while let head = connection.head(), Self.body(head, connection) {
          next.begin(head)
          connection.write(ok)
        }
      })
    let first = try server.replace(by: Worker(restSocket: path, memory: next.memory))
    #expect(server.plane.upstreamLost(first).map(\.route) == ["/agents/x/begun"])
    #expect(lost.response()?.status == 502)
    #expect(kept.response()?.text == "ok")
    #expect(server.plane.abortedCount == 1)
  }

  @Test("Slots are taken again, those that may still be marked as late as can be")
  func reuse() {
    var slots = WorkerSlots(loop: 1, of: 2, slots: 12)
    #expect((0..<3).map { _ in slots.take() } == [6, 7, 8])
    slots.give(8, isSettled: true)
    #expect((0..<3).map { _ in slots.take() } == [9, 10, 11], "those never used come first")
    #expect(slots.take() == 8)
    #expect(slots.take() == nil)
    slots.give(8, isSettled: false)
    slots.give(9, isSettled: true)
    slots.give(6, isSettled: false)
    slots.give(7, isSettled: true)
    #expect((0..<5).map { _ in slots.take() } == [7, 9, 8, 6, nil])
    for round in 0..<1000 {
      slots.give(6 + round % 6, isSettled: false)
      slots.give(6 + (round + 1) % 6, isSettled: false)
      #expect(slots.take() == 6 + round % 6)
      #expect(slots.take() == 6 + (round + 1) % 6)
    }
  }

  @Test("A connection that cannot be watched gives its slot back")
  func abandoned() throws {
    let shared = SharedState(
      options: DataPlaneOptions(agentAppID: "x", basePath: ""),
      initial: Snapshot(gate: .ready, state: "ready"), observer: TestServer.Recorder())
    let loop = try EventLoop(shared: shared, index: 0, listeners: [])
    // As many loops as slots: each has one.
    let worker = LoopWorker(
      Worker(restSocket: nil, memory: try WorkerMemory()), loop: 0, of: WorkerMemory.slots)
    let descriptor = par_eventfd()
    let connection = UpstreamConnection(
      descriptor: descriptor, backend: loop.front, worker: worker, isConnecting: false)
    #expect(worker.takeSlot() == nil)
    connection.abandon()
    #expect(worker.takeSlot() == 0)
    #expect(fcntl(descriptor, F_GETFD) < 0)
  }

  @Test("A worker cannot take away the memory that it shares")
  func sealed() throws {
    let memory = try WorkerMemory()
    #expect(ftruncate(memory.descriptor, 0) < 0 && errno == EPERM)
    #expect(ftruncate(memory.descriptor, off_t(WorkerMemory.size + 1)) < 0 && errno == EPERM)
    #expect(memory.beats == 0)
  }

  @Test("A connection without a slot: all that was sent counts as begun")
  func usedUp() throws {
    let marks = try WorkerMarks()
    // As many loops as slots: a slot each.
    let worker = LoopWorker(
      Worker(restSocket: nil, memory: marks.memory), loop: 0, of: WorkerMemory.slots)
    #expect(worker.takeSlot() == 0)
    #expect(worker.takeSlot() == nil)
    worker.giveSlot(0)
    #expect(worker.takeSlot() == 0)
    #expect(LoopWorker(Worker(restSocket: nil), loop: 0, of: 1).takeSlot() == nil)
  }
}
