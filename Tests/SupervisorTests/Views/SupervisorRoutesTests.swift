import DataPlane
import Lifecycle
import LinuxSystem
import Testing

@testable import Supervisor

@Suite("The supervisor's open routes")
struct SupervisorRoutesTests {
  private let fleet = StillFleet(.sample())
  private let hub = EventHub(startedAt: 1)

  private func ask(
    _ path: String, method: String = "GET", query: String = "",
    fields: [(name: String, value: String)] = [], isAuthorized: Bool = true
  ) throws -> RecordedReply {
    let routes = SupervisorRoutes(fleet: fleet, hub: hub, hasToken: { _ in isAuthorized }) {
      request, reply in
      if !isAuthorized { reply.answer(401, body: []) }
      return isAuthorized
    }
    let reply = try RecordedReply()
    let request = ControlRequest(
      method: method, path: path, query: query, fields: fields, requestID: "q-1")
    #expect(routes.take(request, reply))
    return reply
  }

  @Test("take nothing that is not theirs")
  func others() throws {
    let routes = SupervisorRoutes(fleet: fleet, hub: hub, hasToken: { _ in true }) { _, _ in true }
    for path in ["/supervisor/agents", "/supervisor/status/", "/supervisor/x", "/health"] {
      let request = ControlRequest(method: "GET", path: path)
      #expect(!routes.take(request, try RecordedReply()))
    }
  }

  @Test(
    "are read, not written",
    arguments: [
      "/supervisor", "/supervisor/", "/supervisor/status", "/supervisor/processes",
      "/supervisor/fleet", "/supervisor/events",
    ])
  func methods(_ path: String) throws {
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"] {
      let reply = try ask(path, method: method)
      #expect(reply.now.status == 405)
      #expect(reply.now.fields["Allow"] == "GET, HEAD")
      #expect(reply.json?["request_id"]?.text == "q-1")
    }
  }

  @Test("say who serves and what is to come")
  func status() throws {
    let body = try #require(try ask("/supervisor/status").json)
    #expect(names(body) == ["supervisor", "agents", "routes"])
    let supervisor = try #require(body["supervisor"])
    #expect(names(supervisor) == ["state", "version", "uptime_ms", "isolation"])
    #expect(supervisor["uptime_ms"]?.whole == 60000)
    let agents = try #require(body["agents"]?.list)
    let members = [
      "agent_app_id", "deployment_id", "state", "since", "active", "target", "reason",
    ]
    for agent in agents { #expect(names(agent) == members) }
    #expect(agents[0]["since"]?.text == "2026-11-22T20:14:20.000000Z")
    #expect(agents[0]["active"]?["revision"]?.text == "aaaaaaaaaaaa")
    #expect(agents[0]["target"]?.isNull == true)
    #expect(agents[1]["target"]?["state"]?.text == "booting")
    #expect(agents[2]["active"]?.isNull == true)
    #expect(
      body["routes"]
        == .members(["/agents/billing": "par-billing", "/agents/ledger": "par-ledger"]))
  }

  @Test("tell whole reasons to who has the token, and others in the program's own words")
  func reasons() throws {
    fleet.shown.desired.problem = "agents[0].memory_mb: is \"sk-2\""
    for path in ["/supervisor/status", "/supervisor/fleet"] {
      let open = try #require(try ask(path, isAuthorized: false).json)
      #expect(open["agents"]?.list?.last?["reason"] == "its boot failed")
      let text = String(decoding: try ask(path, isAuthorized: false).now.body, as: UTF8.self)
      for quoted in ["ValueError", "SIGKILL", "sk-"] { #expect(!text.contains(quoted)) }
      let whole = try #require(try ask(path).json)
      #expect(whole["agents"]?.list?.last?["reason"] == "ValueError: sk-1")
    }
    let fleet = try #require(try ask("/supervisor/fleet").json)
    #expect(fleet["supervisor"]?["config"]?["problem"]?.text?.contains("sk-2") == true)
    let restart = fleet["agents"]?.list?[0]["restarts"]?["recent"]?.list?.first
    #expect(restart?["reason"] == "ended by SIGKILL")
  }

  @Test("say what runs, each process by an id of its own")
  func processes() throws {
    let list = try #require(try ask("/supervisor/processes").json?["processes"]?.list)
    let members = [
      "process_id", "agent_app_id", "pid", "port", "a2a_port", "state", "restarts", "rss_bytes",
      "cpu_seconds", "started_at", "boot_ms",
    ]
    for process in list { #expect(names(process) == members) }
    #expect(list.map { $0["process_id"]?.text } == ["par-billing", "par-ledger", "par-ledger:3"])
    #expect(list.map { $0["state"]?.text } == ["ready", "ready", "booting"])
    #expect(list.map { $0["restarts"]?.whole } == [1, 0, 0])
    #expect(list[0]["rss_bytes"]?.whole == 61_000_000)
    #expect(list[2]["boot_ms"]?.isNull == true)
  }

  @Test("tell the page everything at once, and no route that it takes a token to read")
  func fleetBody() throws {
    let body = try #require(try ask("/supervisor/fleet", isAuthorized: false).json)
    #expect(body["now"]?.text == "2026-11-22T20:15:19.000000Z")
    #expect(body["supervisor"]?["admin"]?.flag == true)
    let agents = try #require(body["agents"]?.list)
    #expect(agents[0]["traffic"]?["p99_us"]?.whole == 9000)
    #expect(agents[0]["restarts"]?["recent"]?.list?.first?["delay_ms"]?.whole == 500)
    #expect(agents[0]["source"]?.text == "config")
    #expect(agents[1]["workers"]?.list?.map { $0["role"]?.text } == ["active", "target"])
    #expect(agents[1]["workers"]?.list?.last?["phase"]?.text == "installing")
  }

  @Test("cost one look at /proc a second, however many ask; figures are there all the same")
  func usage() throws {
    var cache = UsageCache()
    let start = Instant.start
    for milliseconds in stride(from: Int64(0), to: 3000, by: 100) {
      let view = cache.view(of: fleet, now: start + .milliseconds(milliseconds))
      #expect(view.workers.allSatisfy { $0.rssBytes == 61_000_000 })
    }
    #expect(fleet.usageLooks == 3)
    // A worker that is new is looked at, even before.
    fleet.shown.workers[0].pid = 99
    _ = cache.view(of: fleet, now: start + .milliseconds(2950))
    #expect(fleet.usageLooks == 4)
  }

  @Test("give the page, its policy, and nothing to whoever has it already")
  func page() throws {
    let reply = try ask("/supervisor/")
    #expect(reply.now.status == 200)
    #expect(reply.now.contentType == "text/html; charset=utf-8")
    let policy = try #require(reply.now.fields["Content-Security-Policy"])
    #expect(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"))
    #expect(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"))
    let tag = try #require(reply.now.fields["ETag"])
    let again = try ask("/supervisor/", fields: [("If-None-Match", "W/\"x\", \(tag)")])
    #expect(again.now.status == 304)
    #expect(again.now.body.isEmpty)
    #expect(try ask("/supervisor").now.fields["Location"] == "supervisor/")
  }

  @Test("show the log to nobody without the token")
  func token() throws {
    #expect(try ask("/supervisor/events", isAuthorized: false).now.status == 401)
  }

  @Test(
    "refuse a question about the log that cannot be answered",
    arguments: [
      ("agent=billing&tail=x", nil, 400), ("agent=a%20b", nil, 400), ("since=1", nil, 400),
      ("tail=-1", nil, 400), ("agent=nobody", nil, 404), ("", "x", 400), ("", "-4", 400),
    ] as [(String, String?, Int)])
  func refusals(_ query: String, _ lastID: String?, _ status: Int) throws {
    let reply = try ask(
      "/supervisor/events", query: query, fields: lastID.map { [("Last-Event-ID", $0)] } ?? [])
    #expect(reply.now.status == status)
    #expect(reply.json?["error"]?.text?.isEmpty == false)
  }

  @Test("open the log from the line that the reader had last")
  func events() throws {
    for number in 0..<3 { hub.wrote(Array("line \(number)".utf8)[...], agent: "billing") }
    let reply = try ask(
      "/supervisor/events", query: "agent=billing", fields: [("Last-Event-ID", "1024")])
    #expect(reply.waits { $0.text.contains("line 2") })
    #expect(!reply.text.contains("line 0"))
    #expect(try ask("/supervisor/events", method: "HEAD").now.isStream == false)
    hub.close()
    #expect(try ask("/supervisor/events").now.status == 503)
  }

  private func names(_ value: JSONValue) -> [String] { value.members?.map(\.name) ?? [] }
}
