import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

@Suite("Bodies that are still arriving when the agent ends")
struct KeptBodyTests {
  enum Framing: String, CaseIterable, Sendable { case length, chunked, http2, http2Length }

  /// A body in which every place is another one, so that what is lost, doubled or out of order shows.
  static func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  }

  /// A client that sends a body in pieces, in one of the ways there are.
  private final class Sender {
    private let framing: Framing
    private let client: TestClient
    private let peer: HTTP2Peer
    private var id: Int32 = 0

    init(_ server: TestServer, _ framing: Framing, length: Int, expects: Bool = false) {
      self.framing = framing
      client = server.client()
      peer = HTTP2Peer(port: server.port)
      let expect = expects ? "Expect: 100-continue\r\n" : ""
      switch framing {
      case .length:
        client.send(
          "POST /agents/x/a HTTP/1.1\r\nHost: a\r\n\(expect)Content-Length: \(length)\r\n\r\n")
      case .chunked:
        client.send(
          "POST /agents/x/a HTTP/1.1\r\nHost: a\r\n\(expect)Transfer-Encoding: chunked\r\n\r\n")
      case .http2, .http2Length:
        let declared = framing == .http2 ? [] : [("content-length", "\(length)")]
        id = peer.request(
          [
            (":method", "POST"), (":scheme", "http"), (":path", "/agents/x/a"),
            (":authority", "test"),
          ] + declared, body: [], ends: false)
      }
    }

    func send(_ bytes: [UInt8]) {
      switch framing {
      case .length: client.send(bytes)
      case .chunked:
        client.send("\(String(bytes.count, radix: 16))\r\n")
        client.send(bytes)
        client.send("\r\n")
      case .http2, .http2Length:
        peer.send(id, bytes)
        _ = peer.read(within: 0)
      }
    }

    func end() {
      switch framing {
      case .length: break
      case .chunked: client.send("0\r\n\r\n")
      case .http2, .http2Length: peer.send(id, [], ends: true)
      }
    }

    var isWaitedFor: Bool { client.head()?.status == 100 }

    var answer: (status: Int, text: String)? {
      switch framing {
      case .length, .chunked: client.response().map { ($0.status, $0.text) }
      case .http2, .http2Length:
        peer.result(id).map {
          (Int($0.head[":status"] ?? "") ?? 0, String(decoding: $0.body, as: UTF8.self))
        }
      }
    }
  }

  /// An agent that begins at once and answers with whether the body was the pattern.
  private static func checking(
    _ marks: WorkerMarks, _ count: Int, _ bodies: Counter
  ) -> @Sendable (TestAgent.Connection) -> Void {
    { connection in
      while let head = connection.head() {
        marks.begin(head)
        let body =
          head.contains("Transfer-Encoding: chunked")
          ? connection.chunks() : connection.take(count)
        bodies.increment()
        guard connection.write(body == pattern(count) ? ok : wrong) else { return }
      }
    }
  }

  private static let wrong = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"

  @Test(
    "What was handed over to a worker that did not begin goes to the next, and then the rest",
    arguments: Framing.allCases, [1000, 50_000])
  func takenBack(framing: Framing, early: Int) throws {
    let count = 300_000
    let (marks, next, bodies) = (try WorkerMarks(), try WorkerMarks(), Counter())
    let server = try TestServer(marks)
    defer { server.stop() }
    let (read, gone) = (Locked(0), Counter())
    let agent = server.agent { connection in
      _ = connection.head()
      repeat { read.withLock { $0 = connection.bufferedBytes } } while connection.more()
      gone.increment()
    }
    let body = Self.pattern(count)
    let sender = Sender(server, framing, length: count)
    // In two, so that the second is another turn of the loop.
    sender.send(Array(body[..<(early / 2)]))
    #expect(eventually { read.withLock { $0 } >= early / 2 })
    sender.send(Array(body[(early / 2)..<early]))
    #expect(eventually { read.withLock { $0 } >= early })
    agent.stop()
    #expect(gone.waits(for: 1))
    #expect(eventually { server.held == 1 })
    #expect(server.plane.upstreamLost() == [])
    server.publish(gate: .restarting)
    server.agent(Self.checking(next, count, bodies))
    server.publish {
      $0.gate = .ready
      $0.worker = Worker(restSocket: server.socket, memory: next.memory)
    }
    // It goes on where it was.
    let rest = TestThread { [sender = Unchecked(sender)] in
      var position = early
      while position < count {
        let end = min(count, position + 20_000)
        sender.value.send(Array(body[position..<end]))
        position = end
      }
      sender.value.end()
    }
    rest.join()
    let answer = sender.answer
    #expect(answer?.status == 200 && answer?.text == "ok")
    #expect(bodies.value == 1)
    #expect(server.plane.abortedCount == 0)
    #expect(server.metric("par_requests_taken_back_total") == 1)
  }

  /// Used by one thread at a time.
  private struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
  }

  @Test(
    "More than may be kept waits until the agent begins, and then streams on",
    arguments: [Framing.length, .chunked])
  func waits(framing: Framing) throws {
    let count = 500_000
    let (marks, bodies) = (try WorkerMarks(), Counter())
    let server = try TestServer(marks) { options, _ in options.limits.keptBodyBytes = 40_000 }
    defer { server.stop() }
    let (go, read) = (Counter(), Locked(0))
    server.agent { connection in
      guard let head = connection.head() else { return }
      while go.value == 0 {
        _ = connection.more(within: 5)
        read.withLock { $0 = connection.bufferedBytes }
      }
      marks.begin(head)
      let body =
        head.contains("Transfer-Encoding: chunked") ? connection.chunks() : connection.take(count)
      bodies.increment()
      connection.write(body == Self.pattern(count) ? ok : Self.wrong)
    }
    let sender = Sender(server, framing, length: count)
    let thread = TestThread { [sender = Unchecked(sender)] in
      sender.value.send(Self.pattern(count))
      sender.value.end()
    }
    #expect(eventually { read.withLock { $0 } > 36_000 })
    usleep(50_000)
    #expect(read.withLock { $0 } <= 40_000)
    #expect(server.metric("par_received_bytes_total") ?? .max < 100_000)
    go.increment()
    thread.join()
    #expect(sender.answer?.text == "ok")
    #expect(bodies.value == 1)
  }

  @Test("An agent that does not begin is given up like one that does not read")
  func neverBegun() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks) { options, _ in
      options.limits.keptBodyBytes = 20_000
      options.bodyIdleTimeout = .milliseconds(250)
    }
    defer { server.stop() }
    server.agent { connection in _ = connection.isClosed() }
    let body = Self.pattern(100_000)
    let sender = Sender(server, .length, length: body.count)
    sender.send(body)
    let answer = sender.answer
    #expect(answer?.status == 504 && answer?.text.contains("did not begin") ?? false)
  }

  @Test("An answer counts as the beginning; a worker that marks nothing holds nothing up")
  func silent() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks) { options, _ in options.limits.keptBodyBytes = 20_000 }
    defer { server.stop() }
    let count = 500_000
    server.agent { connection in
      while let head = connection.head() {
        if head[0].hasPrefix("POST") {
          guard connection.take(count) == Self.pattern(count) else { return }
        }
        connection.write(ok)
      }
    }
    #expect(server.client().get("/agents/x/a")?.text == "ok")
    let sender = Sender(server, .length, length: count)
    sender.send(Self.pattern(count))
    #expect(sender.answer?.text == "ok")
  }

  @Test("Who waits for 100 (Continue) hears it from the next agent, and is taken back before")
  func expectation() throws {
    let (marks, next) = (try WorkerMarks(), try WorkerMarks())
    let server = try TestServer(marks)
    defer { server.stop() }
    let arrived = Counter()
    let agent = server.agent { connection in
      _ = connection.head()
      arrived.increment()
      _ = connection.isClosed()
    }
    let sender = Sender(server, .length, length: 5, expects: true)
    #expect(arrived.waits(for: 1))
    agent.stop()
    #expect(eventually { server.held == 1 })
    server.publish(gate: .restarting)
    server.agent { connection in
      guard let head = connection.head() else { return }
      next.begin(head)
      connection.write("HTTP/1.1 100 Continue\r\n\r\n")
      guard connection.take(5) == Self.pattern(5) else { return }
      connection.write(ok)
    }
    server.publish {
      $0.gate = .ready
      $0.worker = Worker(restSocket: server.socket, memory: next.memory)
    }
    #expect(sender.isWaitedFor)
    sender.send(Self.pattern(5))
    #expect(sender.answer?.text == "ok")
  }

  @Test("The time of a body that stalls runs while the agent is there, not while it is held")
  func stalled() throws {
    let server = try TestServer(WorkerMarks(), gate: .restarting) { options, _ in
      options.bodyIdleTimeout = .milliseconds(150)
    }
    defer { server.stop() }
    let sender = Sender(server, .length, length: 5)
    #expect(eventually { server.held == 1 })
    usleep(200_000)
    #expect(server.held == 1)
    server.agent { connection in _ = connection.isClosed() }
    let began = Clock.now()
    server.publish(gate: .ready)
    #expect(sender.answer?.status == 408)
    #expect(Clock.now() - began >= .milliseconds(150))
  }
}
