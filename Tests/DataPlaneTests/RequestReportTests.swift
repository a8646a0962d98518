import CPlatform
import Glibc
import Lifecycle
import Testing

@testable import DataPlane

/// Which requests are told of, one by one.
@Suite("Reports of requests")
struct RequestReportTests {
  private func reports(
    _ change: (inout DataPlaneOptions) -> Void
  ) -> RequestReports {
    var options = DataPlaneOptions(agentAppID: "x", basePath: "")
    change(&options)
    return RequestReports(options, now: 0)
  }

  @Test(
    "A part is chosen by chance; what failed or was slow is always told of, and stands for itself")
  func sampling() {
    let none = reports { _ in }
    #expect(!none.isOn && none.sample(always: true, random: 0) == nil)
    let all = reports { $0.accessLog = 1 }
    #expect(all.isOn && all.sample(always: false, random: .max) == 1)
    let part = reports { $0.accessLog = 0.25 }
    #expect(part.isOn && part.sample(always: true, random: .max) == 1)
    #expect(part.sample(always: false, random: 0) == 0.25)
    #expect(part.sample(always: false, random: 1 << 62 - 1) == 0.25)
    #expect(part.sample(always: false, random: 1 << 62) == nil)
    var identifiers = Identifiers()
    let count = (0..<20_000).count { _ in
      part.sample(always: false, random: identifiers.next()) != nil
    }
    // Sixteen standard deviations.
    #expect((4000..<6000).contains(count))
  }

  @Test("A threshold is reached by what takes as long")
  func slow() {
    let off = reports { _ in }
    #expect(!off.isOn && !off.isSlow(.max - 1))
    let on = reports { $0.slowRequest = .milliseconds(5) }
    #expect(on.isOn && on.isSlow(5_000_000) && !on.isSlow(4_999_999))
    // Without an access log there is no line of it.
    #expect(on.sample(always: true, random: 0) == nil)
  }

  @Test("Slow requests are told of so often a second, with the number of those left out")
  func limit() {
    var one = reports {
      $0.slowRequest = .milliseconds(1)
      $0.limits.slowLinesPerSecond = 3
    }
    let second: Int64 = 1_000_000_000
    #expect((0..<5).map { _ in one.admitSlow(at: 1) } == [0, 0, 0, nil, nil])
    #expect(one.admitSlow(at: 1 + second) == 2)
    #expect(one.admitSlow(at: 1 + second) == 0)
    #expect(HTTPLimits().slowLinesPerSecond == 5)
  }

  @Test("A slow request has its times; many are counted, and at most so many told of")
  func told() throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.slowRequest = .milliseconds(20)
      options.limits.slowLinesPerSecond = 1
    }
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        if !head[0].contains("fast") { usleep(25_000) }
        connection.write(ok)
      }
    }
    let client = server.client()
    _ = client.get("/agents/x/fast")
    for _ in 0..<3 { _ = client.get("/agents/x/slow?secret", "X-Request-ID: r1\r\n") }
    #expect(eventually { server.metric("par_requests_slow_total") == 3 })
    #expect(server.recorder.records.isEmpty)
    #expect((1...2).contains(server.recorder.slow.count))
    let (record, leftOut) = try #require(server.recorder.slow.first)
    #expect(record.path == "/agents/x/slow" && record.status == 200 && leftOut == 0)
    #expect(record.requestID == "r1" && record.surface == "rest" && record.traceID?.count == 32)
    #expect(record.durationNanoseconds >= 20_000_000)
    #expect(record.agentNanoseconds >= 20_000_000 && record.heldNanoseconds == 0)
  }

  @Test("One whose client left before it was answered is told of as slow, and has no access line")
  func left() throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.slowRequest = .milliseconds(1)
      options.accessLog = 1
    }
    defer { server.stop() }
    let began = Counter()
    server.agent { connection in
      if connection.head() != nil { began.increment() }
      _ = connection.isClosed()
    }
    var client: TestClient? = server.client()
    client?.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1")
    #expect(began.waits(for: 1))
    usleep(2000)
    client = nil
    #expect(eventually { server.recorder.slow.count == 1 })
    let record = try #require(server.recorder.slow.first?.record)
    #expect(record.status == 0 && record.agentNanoseconds > 0)
    #expect(server.recorder.records.isEmpty)
  }

  @Test("A stream of events is as slow as its head")
  func events() throws {
    let server = try TestServer { options, _, _ in
      options.loopCount = 1
      options.slowRequest = .milliseconds(30)
      options.accessLog = 1
    }
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        let isLate = head[0].contains("late")
        if isLate { usleep(40_000) }
        connection.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        if !isLate { usleep(40_000) }
        connection.write("0\r\n\r\n")
      }
    }
    let client = server.client()
    _ = client.get("/agents/x/long")
    _ = client.get("/agents/x/late")
    #expect(eventually { server.recorder.records.count == 2 })
    #expect(server.recorder.records.allSatisfy { $0.durationNanoseconds >= 30_000_000 })
    #expect(server.recorder.slow.map(\.record.path) == ["/agents/x/late"])
  }

  @Test("A sample has its part; failures are in it, those of gRPC too")
  func sample() throws {
    let server = try TestServer { options, _, _ in options.accessLog = 1e-12 }
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        connection.write(head[0].contains("bad") ? ok.replacing("200 OK", with: "500 E") : ok)
      }
    }
    server.grpcAgent()
    let client = server.client()
    for path in ["a", "bad", "b"] { _ = client.get("/agents/x/\(path)") }
    let peer = server.grpc()
    for path in ["Echo", "Fail", "Hang"] {
      let time = path == "Hang" ? "50m" : "9S"
      _ = peer.result(peer.call("/t.T/\(path)", grpcMessage("x"), [("grpc-timeout", time)]))
    }
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(server.recorder.records.map(\.path) == ["/agents/x/bad", "/t.T/Hang"])
    #expect(server.recorder.records.allSatisfy { $0.sample == 1 })
  }
}

/// What a gRPC call counts as.
@Suite("Times of calls")
struct CallTimesTests {
  private func message(_ count: Int) -> [UInt8] {
    grpcMessage([UInt8](repeating: 7, count: count))
  }

  @Test("Messages are told apart wherever their bytes are parted")
  func messages() {
    for (bytes, several) in [
      ([], false), (message(0), false), (message(300), false), (message(0) + message(0), true),
      (message(300) + [0], true), (message(70_000), false), (message(70_000) + message(1), true),
    ] {
      for size in [1, 2, 3, 5, 7, 100_000] {
        var count = MessageCount()
        for start in stride(from: 0, to: bytes.count, by: size) {
          bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { count.pass($0) }
        }
        #expect(count.isSeveral == several)
      }
    }
  }

  @Test("A call of one message each way takes until its end, a stream until it begins")
  func answers() {
    func time(
      inputEnded: Int64, head: Int64, requests: Int = 1, responses: Int = 1
    ) -> Int64 {
      var times = GRPCCall.Times()
      times.inputEnded = inputEnded
      times.head = head
      for _ in 0..<requests { message(3).withUnsafeBytes { times.request.pass($0) } }
      for _ in 0..<responses { message(3).withUnsafeBytes { times.response.pass($0) } }
      return times.answer(from: 100, to: 1000)
    }
    #expect(time(inputEnded: 101, head: 200) == 900, "unary")
    #expect(time(inputEnded: 101, head: 200, responses: 2) == 100, "server streaming")
    #expect(time(inputEnded: 700, head: 800, requests: 2) == 300, "client streaming")
    #expect(time(inputEnded: 900, head: 200, requests: 2, responses: 2) == 100, "both")
    #expect(time(inputEnded: 0, head: 200) == 100, "both, and cut off")
    #expect(time(inputEnded: 101, head: 0, responses: 0) == 900, "no answer")
  }
}
