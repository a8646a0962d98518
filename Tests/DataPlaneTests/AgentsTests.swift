import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

@Suite("Requests for many agents")
struct AgentsTests {
  @Test(
    "A path beneath an agent's goes to its worker as it is, whatever it is written like",
    arguments: [false, true])
  func routed(unix: Bool) throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    for name in ["a", "ab", "A.b-c_1"] {
      supervisor.add(name, worker: supervisor.worker(name, unix: unix))
    }
    let client = supervisor.client()
    let rows = [
      ("/agents/a", "a /agents/a"), ("/agents/a/", "a /agents/a/"),
      ("/agents/ab/x?y=%20", "ab /agents/ab/x?y=%20"),
      ("/agents/%61%62/x", "ab /agents/ab/x"), ("/agents/ab/../a/x", "a /agents/a/x"),
      ("/agents/A.b-c_1/api/t", "A.b-c_1 /agents/A.b-c_1/api/t"),
      ("/x/../agents/a/%2e%2e/ab/%2F", "ab /agents/ab/%2F"),
    ]
    for (path, text) in rows {
      let answer = client.get(path)
      #expect(answer?.status == 200 && answer?.text == text, "\(path)")
    }
    #expect(eventually { supervisor.plane.inFlight == 0 })
    #expect(supervisor.plane.completed == rows.count)
  }

  @Test(
    "What no agent is asked for is the supervisor's, or nobody's",
    arguments: [
      ("/health", 200), ("/livez", 200), ("/metrics", 200), ("/", 404), ("/agents", 404),
      ("/agents/", 404), ("/agents//x", 404), ("/agents/b", 404), ("/agents/b/x", 404),
      ("/agents/a%2Fx", 404), ("/agents/aa/x", 404), ("/AGENTS/a/x", 404), ("/meta", 404),
      ("/ui/", 404), ("/invoke", 404), ("/supervisors", 404), ("/a2a/health", 404),
    ])
  func others(_ path: String, _ status: Int) throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    supervisor.add("a", worker: supervisor.worker("a"))
    let answer = supervisor.client().get(path)
    #expect(answer?.status == status)
    if status == 404 { #expect(answer?.text.contains("\"request_id\":\"") ?? false) }
    #expect(supervisor.plane.inFlight == 0)
  }

  @Test("Health says what the supervisor's snapshot has, in place of surfaces")
  func health() throws {
    let supervisor = try TestSupervisor { _, snapshot in
      snapshot.healthMembers = [JSONMember("agents", .members(["ready": .integer(2)]))]
    }
    defer { supervisor.stop() }
    let body = supervisor.client().get("/health")?.text ?? ""
    #expect(body.hasPrefix(#"{"ok":true,"state":"serving","agents":{"ready":2},"timestamp":"#))
    supervisor.server.publish {
      $0.gate = .booting
      $0.reason = "booting"
    }
    let answer = supervisor.client().get("/health")
    #expect(answer?.status == 503 && answer?.text.contains(#","reason":"booting"}"#) ?? false)
  }

  @Test("An agent without a worker is 503 with its state, and asks to come again")
  func notReady() throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    supervisor.add("a", gate: .booting)
    supervisor.add("b", gate: .closing)
    let client = supervisor.client()
    for (id, state) in [("a", "booting"), ("b", "draining")] {
      let answer = client.get("/agents/\(id)/x")
      #expect(answer?.status == 503 && answer?["Retry-After"] == "1")
      #expect(answer?.text.contains(#""state":"\#(state)""#) ?? false)
      // The connection is everybody's.
      #expect(answer?["Connection"] == nil)
    }
  }

  @Test(
    "An agent's health is its worker's as soon as one listens",
    arguments: [
      ("/agents/a/health", 200), ("/agents/a/meta", 200), ("/agents/a/ui/health", 200),
      ("/agents/a/x", 503), ("/agents/a", 503), ("/agents/a/health/x", 503),
    ])
  func aboutAgent(_ path: String, _ status: Int) throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    let backend = supervisor.add("a", gate: .booting, worker: supervisor.worker("a"))
    #expect(supervisor.client().get(path)?.status == status)
    // A worker that is gone has none.
    supervisor.stopLast()
    #expect(supervisor.client().get(path)?.status == 503)
    supervisor.publish(backend, gate: .booting, worker: nil)
    #expect(supervisor.client().get(path)?.status == 503)
  }

  @Test(
    "Requests for an agent whose worker is started again are held, in order, and others' are not")
  func held() throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    let first = supervisor.add("a", gate: .restarting)
    supervisor.add("b", worker: supervisor.worker("b"))
    let waiting = (0..<8).map { _ in supervisor.client() }
    for client in waiting {
      client.send("POST /agents/a/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    }
    #expect(eventually { supervisor.plane.reading(of: first).held == 8 })
    for _ in 0..<4 { #expect(supervisor.client().get("/agents/b/x")?.text == "b /agents/b/x") }
    #expect(supervisor.plane.inFlight(of: first) == 8)
    supervisor.publish(first, gate: .ready, worker: supervisor.worker("a"))
    for client in waiting { #expect(client.response()?.text == "a /agents/a/x") }
    #expect(eventually { supervisor.plane.reading(of: first).held == 0 })
  }

  @Test("Requests held for an agent that is removed get 404, also when another one takes its id")
  func removed() throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    let first = supervisor.add("a", gate: .restarting)
    let waiting = (0..<4).map { _ in supervisor.client() }
    for client in waiting { client.send("GET /agents/a/x HTTP/1.1\r\nHost: a\r\n\r\n") }
    #expect(eventually { supervisor.plane.reading(of: first).held == 4 })
    supervisor.add("a", worker: supervisor.worker("new"))
    for client in waiting {
      #expect(client.response()?.status == 404)
      client.send("GET /agents/a/x HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(client.response()?.text == "new /agents/a/x")
    }
    supervisor.remove("a")
    #expect(supervisor.client().get("/agents/a/x")?.status == 404)
    // Nobody routes to it, whatever it says of itself.
    supervisor.publish(first, gate: .ready, worker: supervisor.worker("old"))
    #expect(supervisor.client().get("/agents/a/x")?.status == 404)
  }

  @Test("A request in flight is its own agent's to the end, when that goes and comes back")
  func replaced() throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    let (go, seen) = (Counter(), Counter())
    let old = supervisor.worker { connection in
      while connection.head() != nil {
        seen.increment()
        _ = go.waits(for: 1)
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")
      }
    }
    supervisor.add("a", worker: old)
    let client = supervisor.client()
    client.send("GET /agents/a/x HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(seen.waits(for: 1))
    supervisor.remove("a")
    supervisor.plane.retire(old)
    supervisor.add("a", worker: supervisor.worker("new"))
    for _ in 0..<4 { #expect(supervisor.client().get("/agents/a/x")?.text == "new /agents/a/x") }
    #expect(supervisor.server.recorder.retired.isEmpty)
    go.increment()
    #expect(client.response()?.text == "old")
    // The same connection is the new one's next.
    #expect(client.get("/agents/a/y")?.text == "new /agents/a/y")
    #expect(eventually { supervisor.server.recorder.retired.count == 1 })
    #expect(eventually { supervisor.plane.inFlight == 0 })
  }

  @Test("One agent's worker is retired and lost while another's goes on")
  func isolated() throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    let (go, seen) = (Counter(), Counter())
    let script: @Sendable (TestAgent.Connection) -> Void = { connection in
      while connection.head() != nil {
        seen.increment()
        _ = go.waits(for: 1)
        connection.write(ok)
      }
    }
    let (one, other) = (supervisor.worker(script), supervisor.worker(script))
    let a = supervisor.add("a", worker: one)
    supervisor.add("b", worker: other)
    let (first, second) = (supervisor.client(), supervisor.client())
    first.send("POST /agents/a/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1")
    second.send("POST /agents/b/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1")
    #expect(seen.waits(for: 2))
    supervisor.publish(a, gate: .restarting, worker: nil)
    supervisor.plane.retire(one)
    let aborted = supervisor.plane.upstreamLost(one)
    #expect(aborted.map(\.agent) == ["a"])
    #expect(first.response()?.status == 502)
    #expect(eventually { supervisor.server.recorder.retired.count == 1 })
    go.increment()
    #expect(second.response()?.text == "ok")
    #expect(supervisor.plane.reading(of: a).responses == [0, 0, 0, 0, 1])
  }

  @Test(
    "A worker that nobody listens for (yet) makes requests wait, and is given up after a while",
    arguments: [true, false])
  func unreachable(_ comes: Bool) throws {
    let supervisor = try TestSupervisor { options, _ in
      options.upstreamConnectTimeout = comes ? .seconds(10) : .milliseconds(50)
    }
    defer { supervisor.stop() }
    let gone = supervisor.worker("gone")
    let backend = supervisor.add("a", worker: gone)
    supervisor.stopLast()
    let waiting = (0..<6).map { _ in supervisor.client() }
    for client in waiting {
      client.send("POST /agents/a/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    }
    if comes {
      #expect(eventually { supervisor.plane.reading(of: backend).held >= 5 })
      supervisor.publish(backend, gate: .ready, worker: supervisor.worker("new"))
    }
    for client in waiting {
      let answer = client.response()
      #expect(answer?.status == (comes ? 200 : 502))
      if comes { #expect(answer?.text == "new /agents/a/x") }
    }
    #expect(eventually { supervisor.plane.inFlight == 0 })
  }

  @Test("Each agent has room for its own held requests, all together have a bound as well")
  func holdBounds() throws {
    let supervisor = try TestSupervisor { options, _ in
      options.limits.heldRequests = 2
      options.agents.heldInAll = 3
    }
    defer { supervisor.stop() }
    let backends = ["a", "b"].map { supervisor.add($0, gate: .restarting) }
    var clients: [TestClient] = []
    func send(_ id: String) {
      let client = supervisor.client()
      client.send("GET /agents/\(id)/x HTTP/1.1\r\nHost: a\r\n\r\n")
      clients.append(client)
    }
    for _ in 0..<2 { send("a") }
    #expect(eventually { supervisor.plane.reading(of: backends[0]).held == 2 })
    #expect(supervisor.client().get("/agents/a/x")?.status == 503)
    send("b")
    #expect(eventually { supervisor.plane.reading(of: backends[1]).held == 1 })
    #expect(supervisor.client().get("/agents/b/x")?.status == 503)
    supervisor.remove("a")
    supervisor.remove("b")
    for client in clients { #expect(client.response()?.status == 404) }
  }

  @Test("A supervisor that stops takes nothing new, answers what it has, and closes connections")
  func drain() throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    supervisor.add("a", worker: supervisor.worker("a"))
    let client = supervisor.client()
    supervisor.server.publish { $0.gate = .lameDuck }
    var answer = client.get("/agents/a/x")
    #expect(answer?.status == 200 && answer?["Connection"] == "close")
    supervisor.server.publish { $0.gate = .closing }
    answer = supervisor.client().get("/agents/a/x")
    #expect(answer?.status == 503 && answer?["Connection"] == "close")
    #expect(supervisor.client().get("/livez")?.status == 200)
    #expect(supervisor.server.recorder.idle.value > 0)
  }

  @Test("Metrics tell of each agent by its id")
  func metrics() throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    for id in ["a", "b"] {
      let backend = supervisor.add(id, worker: supervisor.worker(id))
      var snapshot = Snapshot(
        gate: .ready, state: "ready", worker: supervisor.worker(id))
      snapshot.gauges = [Gauge(name: "par_x_total", help: "X.", value: { id == "a" ? 1 : 2 })]
      supervisor.plane.publish(snapshot, for: backend)
    }
    #expect(supervisor.client().get("/agents/a/x")?.status == 200)
    let text = supervisor.client().get("/metrics")?.text ?? ""
    for line in [
      #"par_agent_requests_total{agent="a",status="2xx"} 1"#,
      #"par_agent_requests_total{agent="b",status="2xx"} 0"#,
      #"par_agent_requests_in_flight{agent="a"} 0"#, #"par_agent_requests_held{agent="b"} 0"#,
      #"par_x_total{agent="a"} 1"#, #"par_x_total{agent="b"} 2"#,
    ] { #expect(text.contains(line + "\n"), "\(line)") }
    #expect(text.split(separator: "\n").count { $0 == "# TYPE par_x_total counter" } == 1)
  }
}
