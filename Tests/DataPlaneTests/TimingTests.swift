import Glibc
import Lifecycle
import Testing

@testable import DataPlane

private let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
private let trace = "0af7651916cd43dd8448eb211c80319c"

/// What is told of the time that requests take.
@Suite("Times")
struct TimingTests {
  @Test(
    "Each duration is in the bucket of the least bound that is not less",
    arguments: [
      (-1, 0), (0, 0), (500_000, 0), (500_001, 1), (1_000_000, 1), (7_000_000, 4),
      (60_000_000_000, 13), (60_000_000_001, 14), (Int64.max / 2, 14),
    ])
  func buckets(nanoseconds: Int64, bucket: Int) {
    let table = LatencyTable()
    table.observe(.ui, status: 304, nanoseconds: nanoseconds)
    var reading = LatencyTable.Reading()
    table.add(.ui, statusClass: 3, to: &reading)
    #expect(reading.buckets.firstIndex(of: 1) == bucket && reading.count == 1)
    #expect(reading.nanoseconds == max(0, Int(nanoseconds)))
    for surface in Surface.allCases {
      for kind in LatencyTable.classes where surface != .ui || kind != 3 {
        var other = LatencyTable.Reading()
        table.add(surface, statusClass: kind, to: &other)
        #expect(other.count == 0 && other.nanoseconds == 0)
      }
    }
  }

  @Test("The bounds rise, and their labels are the same numbers in seconds")
  func bounds() {
    let numbers = LatencyTable.bounds.map(\.nanoseconds)
    #expect(numbers == numbers.sorted() && Set(numbers).count == 14)
    for bound in LatencyTable.bounds {
      #expect(Double(bound.label.description) == Double(bound.nanoseconds) / 1e9)
    }
  }

  @Test("The histogram has the series that have been, by surface and class, gRPC among them")
  func histogram() throws {
    let server = try TestServer { _, snapshot, folder in
      folder.write("ui/index.html", "<html>")
      snapshot.uiFolder = folder.path + "/ui"
    }
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        connection.write(head[0].contains("no") ? ok.replacing("200 OK", with: "404 N") : ok)
      }
    }
    server.grpcAgent()
    let client = server.client()
    for path in ["a", "b", "no", "ui/", "ui/none.js"] { _ = client.get("/agents/x/\(path)") }
    let peer = server.grpc()
    #expect(peer.result(peer.call("/t.T/Echo", grpcMessage("x")))?.grpcStatus == "0")
    #expect(eventually { server.plane.inFlight == 0 })
    let text = try #require(client.get("/metrics")?.text)
    func value(_ sample: String) -> Double? {
      text.split(separator: "\n").first { $0.hasPrefix(sample + " ") }
        .flatMap { Double($0.dropFirst(sample.utf8.count + 1)) }
    }
    var found = 0
    for (surface, kind, count) in [
      ("rest", "2xx", 2.0), ("rest", "4xx", 1), ("ui", "2xx", 1), ("ui", "4xx", 1),
      ("a2a", "2xx", 1),
    ] {
      let name = "par_request_duration_seconds"
      let labels = "surface=\"\(surface)\",status=\"\(kind)\""
      var last = 0.0
      for bound in LatencyTable.bounds {
        let bucket = try #require(value("\(name)_bucket{\(labels),le=\"\(bound.label)\"}"))
        #expect(bucket >= last)
        last = bucket
      }
      #expect(value("\(name)_bucket{\(labels),le=\"+Inf\"}") == count)
      #expect(value("\(name)_count{\(labels)}") == count)
      #expect(try #require(value("\(name)_sum{\(labels)}")) > 0)
      found += 1
    }
    // This request has not ended: of the program's own routes there is none.
    #expect(
      text.split(separator: "\n").filter { $0.contains("_seconds_count{") }.count == found + 2)
    for (surface, count) in [("rest", 3.0), ("a2a", 1.0)] {
      #expect(value("par_agent_response_seconds_count{surface=\"\(surface)\"}") == count)
      #expect(try #require(value("par_agent_response_seconds_sum{surface=\"\(surface)\"}")) > 0)
    }
    #expect(try #require(value("process_cpu_seconds_total")) > 0)
  }

  @Test(
    "The timing field has the program's own time, the agent's, and what was held, and theirs stays")
  func field() throws {
    let server = try TestServer { options, _, _ in
      options.timingHeader = true
      options.loopCount = 1
    }
    defer { server.stop() }
    server.agent { connection in
      while connection.head() != nil {
        connection.write("HTTP/1.1 103 Early Hints\r\n\r\n")
        usleep(30_000)
        connection.write(
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer-Timing: db;dur=1\r\n\r\nok")
      }
    }
    func times(_ response: TestClient.Response?) throws -> [String: Double] {
      let fields = try #require(response?.all("Server-Timing"))
      #expect(fields.count == 2 && fields[0] == "db;dur=1")
      var times: [String: Double] = [:]
      for metric in fields[1].split(separator: ", ") {
        let parts = metric.split(separator: ";dur=")
        times[String(parts[0])] = Double(parts[1])
        #expect(parts[1].split(separator: ".").last?.count == 3)
      }
      return times
    }
    let plain = try times(server.client().get("/agents/x/a"))
    #expect(plain.keys.sorted() == ["agent", "par"])
    #expect(try #require(plain["agent"]) >= 30)
    server.publish(gate: .restarting)
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(eventually { server.held == 1 })
    usleep(20_000)
    server.publish(gate: .ready)
    let held = try times(client.response())
    #expect(held.keys.sorted() == ["agent", "hold", "par"])
    #expect(try #require(held["hold"]) >= 20)
    // The agent is waited for, not this program.
    #expect(try #require(held["agent"]) >= 30)
  }

  @Test("What a request waited for an agent that never began it counts as held")
  func takenBack() throws {
    let marks = try WorkerMarks()
    let server = try TestServer(marks) { options, _ in
      options.timingHeader = true
      options.loopCount = 1
    }
    defer { server.stop() }
    let asked = Counter()
    server.agent { connection in
      guard let head = connection.head() else { return }
      asked.increment()
      if asked.value == 1 {
        usleep(30_000)
      } else {
        marks.begin(head)
        connection.write(ok)
      }
    }
    let field = try #require(server.client().get("/agents/x/a")?["Server-Timing"])
    let times = Dictionary(
      uniqueKeysWithValues: field.split(separator: ", ").map { metric in
        let parts = metric.split(separator: ";dur=")
        return (String(parts[0]), Double(parts[1]) ?? -1)
      })
    #expect(asked.value == 2)
    #expect(try #require(times["hold"]) >= 25)
    // Neither the program nor the agent that answered took that time.
    #expect(try #require(times["par"]) < 25 && (times["agent"] ?? 25) < 25)
  }

  @Test("Without its option there is no timing field")
  func noField() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent(always: ok)
    #expect(server.client().get("/agents/x/a")?["Server-Timing"] == nil)
  }
}

/// What belongs to a trace.
@Suite("Traces")
struct TraceTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let fields: [(String, String)]
    let isKept: Bool
    var testDescription: String { "\(fields)" }
  }

  static let rows = [
    Row(fields: [("traceparent", parent), ("tracestate", "a=b")], isKept: true),
    Row(fields: [("traceparent", parent)], isKept: true),
    Row(fields: [("traceparent", "fe" + parent.dropFirst(2) + "-x")], isKept: true),
    Row(fields: [], isKept: false),
    Row(fields: [("tracestate", "a=b")], isKept: false),
    Row(fields: [("traceparent", parent), ("traceparent", parent)], isKept: false),
    Row(
      fields: [("traceparent", "ff" + parent.dropFirst(2)), ("tracestate", "a=b")], isKept: false),
    Row(fields: [("traceparent", parent + "-x")], isKept: false),
  ]

  @Test("A request keeps its valid parent, or begins a trace; the log names it", arguments: rows)
  func rest(row: Row) throws {
    let server = try TestServer { options, _, _ in options.accessLog = 1 }
    defer { server.stop() }
    let received = Received()
    server.agent { connection in
      while let head = connection.head() {
        received.add(head)
        connection.write(ok)
      }
    }
    let fields = row.fields.map { "\($0.0): \($0.1)\r\n" }.joined()
    #expect(server.client().get("/agents/x/a", fields)?.status == 200)
    let parents = received.values("traceparent")
    #expect(parents.count == 1)
    #expect((parents.first == row.fields.first?.1) == row.isKept)
    let states = row.isKept ? row.fields.filter { $0.0 == "tracestate" }.map(\.1) : []
    #expect(received.values("tracestate") == states)
    #expect(eventually { server.recorder.records.count == 1 })
    let told = server.recorder.records.first?.traceID
    #expect(told == parents.first.map { String($0.dropFirst(3).prefix(32)) })
    #expect((told == trace) == row.isKept)
  }

  @Test("So does a gRPC call", arguments: rows)
  func grpc(row: Row) throws {
    let server = try TestServer { options, _, _ in options.accessLog = 1 }
    defer { server.stop() }
    server.grpcAgent()
    let peer = server.grpc()
    let head = try #require(peer.result(peer.call("/t.T/Echo", grpcMessage("x"), row.fields))?.head)
    let seen = try #require(head["seen-trace"])
    #expect((seen == row.fields.first?.1) == row.isKept)
    let hasState = row.isKept && row.fields.contains { $0.0 == "tracestate" }
    #expect(head["seen"]?.contains("tracestate") == hasState)
    #expect(eventually { server.recorder.records.count == 1 })
    #expect(server.recorder.records.first?.traceID == String(seen.dropFirst(3).prefix(32)))
  }

  @Test("What the program answers belongs to the trace it came with, or to none")
  func own() throws {
    let server = try TestServer { options, _, _ in options.accessLog = 1 }
    defer { server.stop() }
    let client = server.client()
    _ = client.get("/livez", "traceparent: \(parent)\r\n")
    _ = client.get("/livez")
    #expect(eventually { server.recorder.records.count == 2 })
    #expect(server.recorder.records.map(\.traceID) == [trace, nil])
  }

  @Test("A request that is cut off names its trace")
  func aborted() throws {
    let server = try TestServer()
    defer { server.stop() }
    let began = Counter()
    server.agent { connection in
      if connection.head() != nil { began.increment() }
      _ = connection.isClosed()
    }
    let client = server.client()
    client.send("GET /agents/x/a HTTP/1.1\r\nHost: a\r\ntraceparent: \(parent)\r\n\r\n")
    #expect(began.waits(for: 1))
    #expect(server.plane.cutAll().map(\.traceID) == [trace])
  }
}
