import DataPlane
import Lifecycle
import LinuxSystem
import Testing

@testable import Supervisor

private let token = "0123456789abcdef"

/// A request with what it is answered with.
private struct Exchange: CustomTestStringConvertible {
  var method = "GET"
  let path: String
  var body = ""
  var fields: [(name: String, value: String)] = []
  var hasToken = true
  let status: Int
  /// Words of the error.
  var words = ""

  init(
    _ method: String, _ path: String, _ body: String = "", status: Int, _ words: String = "",
    fields: [(name: String, value: String)] = []
  ) {
    self.method = method
    self.path = "/supervisor/agents" + path
    self.body = body
    self.fields = fields
    self.status = status
    self.words = words
  }

  var testDescription: String { "\(method) \(path) \(body.prefix(40)) \(fields)" }
}

@Suite struct AdminAPITests {
  private let kept: KeptAgents
  private let api: AdminAPI

  init() throws {
    kept = try KeptAgents(
      config: "- {agent_app_id: listed, package_path: /listed}",
      variables: ["SUPERVISOR_TOKEN": token])
    kept.start()
    api = AdminAPI(kept.keeper, gate: TokenGate(token, loop: kept.loop) { _ in })
    _ = (kept.fleet.takeCalls(), kept.takeLines())
  }

  private func ask(
    _ method: String, _ path: String = "", _ body: String = "",
    fields: [(name: String, value: String)] = [], type: String? = "application/json"
  ) -> AdminAnswer {
    var request = ControlRequest(
      method: method, path: "/supervisor/agents" + path, body: Array(body.utf8),
      peer: "192.0.2.1", requestID: "r1")
    request.fields = fields + [("Authorization", "Bearer \(token)")]
    if !body.isEmpty, let type { request.fields.append(("Content-Type", type)) }
    return api.answer(request)
  }

  private func spec(_ id: String?, _ memory: Int = 64) -> String {
    (id.map { #"{"agent_app_id":"\#($0)","# } ?? "{")
      + #""package_path":"/p.apkg","memory_mb":\#(memory)}"#
  }

  private static let exchanges = [
    Exchange("GET", "", status: 200),
    Exchange("HEAD", "/listed", status: 200),
    Exchange("GET", "/unknown", status: 404, "there is no agent unknown"),
    Exchange("GET", "/", status: 404, "Nothing is served at this path"),
    Exchange("GET", "/..", status: 404, "Nothing is served"),
    Exchange("GET", "/a/b", status: 404, "Nothing is served"),
    Exchange("GET", "/a/restart/", status: 404, "Nothing is served"),
    Exchange("PUT", "", status: 405, "GET, HEAD, POST are what this path takes"),
    Exchange("PATCH", "/listed", status: 405, "GET, HEAD, PUT, DELETE"),
    Exchange("GET", "/listed/restart", status: 405, "POST are"),
    Exchange("POST", "", status: 415, "without a Content-Type"),
    Exchange("POST", "", "{", status: 422, "the document is neither JSON"),
    Exchange("POST", "", "[]", status: 422, "is a list: it must be a mapping"),
    Exchange("POST", "", #"{"package_path":"/p"}"#, status: 422, "agent_app_id: missing or empty"),
    Exchange(
      "PUT", "/a", #"{"agent_app_id":"b","package_path":"/p"}"#, status: 422,
      #"agent_app_id: is "b", the path says a: leave it out"#),
    Exchange(
      "POST", "", #"{"agent_app_id":"listed","package_path":"/p"}"#, status: 409,
      "agent listed is listed in SUPERVISOR_CONFIG, which alone decides on it"),
    Exchange("PUT", "/listed", #"{"package_path":"/p"}"#, status: 409, "SUPERVISOR_CONFIG"),
    Exchange("DELETE", "/listed", status: 409, "SUPERVISOR_CONFIG"),
    Exchange("DELETE", "/unknown", status: 404, "there is no agent unknown"),
    Exchange("POST", "/unknown/restart", status: 404, "there is no agent unknown"),
    Exchange("POST", "/unknown/rollback", status: 404, "there is no agent unknown"),
    Exchange("POST", "/listed/restart", status: 202),
    Exchange("POST", "/listed/rollback", status: 409, "there is nothing to roll back to"),
    Exchange(
      "PUT", "/new", #"{"package_path":"/p"}"#, status: 412, "there is no such agent",
      fields: [("If-Match", "*")]),
    Exchange(
      "PUT", "/new", #"{"package_path":"/p"}"#, status: 202,
      fields: [("If-None-Match", "*")]),
    Exchange(
      "PUT", "/listed", #"{"package_path":"/p"}"#, status: 412, "there is such an agent already",
      fields: [("If-None-Match", "*")]),
    Exchange(
      "POST", "/listed/restart", status: 412, "the agent's revision is ",
      fields: [("If-Match", "\"000000000000\"")]),
  ]

  @Test("A request is answered with its status", arguments: exchanges)
  private func status(_ exchange: Exchange) throws {
    let path = String(exchange.path.dropFirst("/supervisor/agents".count))
    let answer = ask(exchange.method, path, exchange.body, fields: exchange.fields)
    #expect(answer.status == exchange.status)
    let error = answer.body?["error"]?.text
    #expect(error?.contains(exchange.words) ?? exchange.words.isEmpty, "\(error ?? "")")
    if exchange.status >= 400 {
      #expect(answer.body?["request_id"] == "r1")
      #expect(answer.body?["state"] == "serving")
      #expect(kept.fleet.calls.isEmpty)
    }
    if exchange.status == 405 { #expect(answer.fields.map(\.name) == ["Allow"]) }
    // Whoever wanted to change something stands in the log, whatever came of it.
    let isReading = ["GET", "HEAD"].contains(exchange.method)
    #expect(
      kept.takeLines().filter { $0.hasSuffix("192.0.2.1") }.count
        == (isReading || exchange.words == "Nothing is served" ? 0 : 1))
  }

  @Test("An agent is made, changed, and goes, each step written before it is done")
  func life() throws {
    let made = ask("POST", "", spec("a"))
    let first = kept.revision("a")
    #expect(made.status == 202)
    #expect(made.fields.map(\.name) == ["Location", "ETag"])
    #expect(made.fields.map(\.value) == ["/supervisor/agents/a", "\"\(first)\""])
    #expect(made.body == ["agent_app_id": "a", "revision": .string(first), "changed": true])
    #expect(kept.fleet.takeCalls() == ["deploy a \(first) api"])
    #expect(kept.takeLines() == ["api +[a] ~[] -[]", "POST /supervisor/agents 202 a 192.0.2.1"])
    #expect(kept.written == kept.keeper.state)

    // The same once more, and again the same.
    #expect(ask("POST", "", spec("a")).status == 409)
    _ = kept.takeLines()
    let same = ask("PUT", "/a", spec("a"))
    #expect(same.status == 202 && same.body?["changed"] == false)
    #expect(kept.fleet.takeCalls().isEmpty)

    let changed = ask("PUT", "/a", spec(nil, 65), fields: [("If-Match", "\"\(first)\"")])
    let second = kept.revision("a")
    #expect(changed.status == 202 && changed.body?["revision"] == .string(second))
    #expect(kept.fleet.takeCalls() == ["deploy a \(second) api"])
    #expect(ask("PUT", "/a", spec(nil, 66), fields: [("If-Match", "\"\(first)\"")]).status == 412)
    #expect(kept.revision("a") == second)

    #expect(ask("DELETE", "/a", fields: [("If-Match", "\"\(first)\"")]).status == 412)
    _ = kept.takeLines()
    #expect(ask("DELETE", "/a").status == 202)
    #expect(kept.fleet.takeCalls() == ["remove a api"])
    #expect(
      kept.takeLines() == ["api +[] ~[] -[a]", "DELETE /supervisor/agents/a 202 a 192.0.2.1"])
    #expect(kept.written?.agents.keys.sorted() == ["listed"])
    // Still on its way, and gone.
    kept.fleet.refusals["a"] = .changing("a", to: nil)
    #expect(ask("DELETE", "/a").status == 202)
    #expect(ask("PUT", "/a", spec(nil)).status == 409)
    kept.fleet.refusals["a"] = .unknownAgent("a")
    #expect(ask("DELETE", "/a").status == 404)
    #expect(kept.fleet.takeCalls().isEmpty)
  }

  @Test("PUT makes an agent as well, in YAML as in JSON")
  func put() throws {
    let answer = ask(
      "PUT", "/a", "package_path: /a\nmemory_mb: 64\n", type: "application/yaml; charset=utf-8")
    #expect(answer.status == 202)
    #expect(kept.takeLines().first == "api +[a] ~[] -[]")
    #expect(ask("PUT", "/b", "{}", type: "text/plain").status == 415)
    #expect(ask("PUT", "/b", "{}", type: nil).status == 415)
  }

  @Test("All mistakes of a specification are told, each with its place")
  func problems() {
    let answer = ask(
      "POST", "", #"{"agent_app_id":"a","memory_mb":1,"environment":{"BASE_PATH":"/x"},"x":1}"#)
    #expect(answer.status == 422)
    #expect(answer.body?["error"] == "The agent's specification has mistakes")
    #expect(
      answer.body?["problems"]?.list?.compactMap { $0["path"]?.text } == [
        "memory_mb", "environment.BASE_PATH", "x", "",
      ])
    #expect(
      answer.body?["problems"]?.list?.allSatisfy { $0["error"]?.text?.isEmpty == false } == true)
  }

  @Test("A rollback leads to the version that served before, also of an agent of the config")
  func rollback() throws {
    let first = kept.revision("listed")
    kept.keeper.versionServes(agent: "listed", revision: first, replaced: nil)
    try kept.reload("- {agent_app_id: listed, package_path: /listed, memory_mb: 99}")
    _ = (kept.fleet.takeCalls(), kept.takeLines())
    let answer = ask("POST", "/listed/rollback")
    #expect(answer.status == 202 && answer.body?["revision"] == .string(first))
    #expect(kept.fleet.takeCalls() == ["deploy listed \(first) rollback"])
    #expect(
      kept.takeLines() == [
        "api +[] ~[listed] -[]",
        "POST /supervisor/agents/listed/rollback 202 listed 192.0.2.1",
      ])
    #expect(kept.written?.agents["listed"]?.held != nil)
    // It holds while the config says the same, and a restart of the supervisor does not end it.
    try kept.reload("- {agent_app_id: listed, package_path: /listed, memory_mb: 99} # the same")
    #expect(kept.fleet.takeCalls().isEmpty)
    #expect(kept.revision("listed") == first)
    #expect(ask("POST", "/listed/rollback").status == 409)
  }

  @Test("A second change while one runs is refused, and so is every change of a drain")
  func refusals() {
    #expect(ask("POST", "", spec("a")).status == 202)
    _ = kept.fleet.takeCalls()
    for (refusal, status) in [
      (FleetRefusal.changing("a", to: "0123456789ab"), 409), (.draining, 503),
      (.tooManyAgents(1000), 409),
    ] {
      kept.fleet.refusals["a"] = refusal
      let before = kept.keeper.state
      for (method, path, body) in [
        ("PUT", "/a", spec(nil, 99)), ("DELETE", "/a", ""), ("POST", "/a/restart", ""),
        ("POST", "/a/rollback", ""),
      ] {
        let answer = ask(method, path, body)
        #expect(answer.status == status)
        #expect(answer.body?["error"]?.text == refusal.sentence)
        #expect((status == 503) == answer.fields.contains { $0.name == "Retry-After" })
      }
      #expect(kept.keeper.state == before)
    }
    // What is wanted already is no change.
    #expect(ask("PUT", "/a", spec(nil)).status == 202)
    #expect(kept.fleet.calls.isEmpty)
  }

  @Test("A change that cannot be written is refused, and changes nothing")
  func unwritten() throws {
    #expect(ask("POST", "", spec("a")).status == 202)
    let before = kept.keeper.state
    _ = kept.fleet.takeCalls()
    try makeFolders(kept.folder.path + "/state/state.json.new/inner")
    for (method, path, body) in [
      ("PUT", "/a", spec(nil, 99)), ("DELETE", "/a", ""), ("POST", "", spec("b")),
    ] {
      let answer = ask(method, path, body)
      #expect(answer.status == 500)
      #expect(answer.body?["error"]?.text?.hasSuffix("cannot be written: File exists") == true)
    }
    #expect(kept.keeper.state == before)
    #expect(kept.fleet.calls.isEmpty)
    #expect(AdminRefusal(StateFile.Failure.full("/s")).status == 507)
    #expect(AdminRefusal(StateFile.Failure.tooLong("/s", limit: 1)).status == 507)
  }

  @Test("Without a folder for its state the supervisor takes no changes")
  func unkept() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("file", "")
    let kept = try KeptAgents(folder: folder, variables: ["SUPERVISOR_STATE_DIR": file])
    kept.start()
    let api = AdminAPI(kept.keeper, gate: TokenGate(token, loop: kept.loop) { _ in })
    var request = ControlRequest(
      method: "PUT", path: "/supervisor/agents/a", body: Array(spec(nil).utf8))
    request.fields = [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")]
    let answer = api.answer(request)
    #expect(answer.status == 500)
    #expect(answer.body?["hint"]?.text?.hasSuffix("docs/errors.md#state-folder") == true)
    #expect(kept.keeper.state.agents.isEmpty)
  }

  @Test("Before the config is read nothing is changed")
  func unread() throws {
    let kept = try KeptAgents(config: "[]")
    #expect(kept.keeper.open(kept.fleet))
    let api = AdminAPI(kept.keeper, gate: TokenGate(token, loop: kept.loop) { _ in })
    var request = ControlRequest(method: "DELETE", path: "/supervisor/agents/a")
    request.fields = [("Authorization", "Bearer \(token)")]
    #expect(api.answer(request).status == 503)
  }

  @Test("What is read has a tag, and is not sent again to those who have it; secrets never are")
  func reading() {
    #expect(
      ask(
        "POST", "", #"{"agent_app_id":"a","package_path":"/p","environment":{"KEY":"k","B":"c"}}"#
      ).status == 202)
    let one = ask("GET", "/a")
    #expect(one.body?["source"] == "api")
    #expect(one.body?["spec"]?["environment"] == ["B": "c", "KEY": nil])
    let tag = "\"\(kept.revision("a"))\""
    #expect(one.fields.contains { $0.name == "ETag" && $0.value == tag })
    #expect(ask("GET", "/a", fields: [("If-None-Match", "W/\(tag), \"x\"")]).status == 304)
    let all = ask("GET")
    #expect(all.body?["agents"]?.list?.compactMap { $0["agent_app_id"]?.text } == ["a", "listed"])
    #expect(all.body?["agents"]?.list?.first?["reason"] == .null)
    let tags = all.fields.filter { $0.name == "ETag" }.map(\.value)
    #expect(ask("GET", fields: [("If-None-Match", tags[0])]).body == nil)
    #expect(ask("DELETE", "/a").status == 202)
    #expect(ask("GET", fields: [("If-None-Match", tags[0])]).status == 200)
  }
}

@Suite struct AdminTokenTests {
  private final class Lines {
    var messages: [String] = []
  }

  private func request(_ authorization: String?) -> ControlRequest {
    var request = ControlRequest(method: "GET", path: "/supervisor/agents", peer: "192.0.2.1")
    if let authorization { request.fields = [("authorization", authorization)] }
    return request
  }

  private static let given: [(field: String?, verdict: TokenGate.Verdict)] = [
    ("Bearer \(token)", .granted), ("bearer \(token)", .granted), ("BEARER   \(token)", .granted),
    (nil, .missing), ("", .missing), ("Bearer", .missing), ("Bearer ", .missing),
    (token, .missing), ("Basic \(token)", .missing), ("Bearer \(token)x", .wrong),
    ("Bearer \(token.dropLast())", .wrong), ("Bearer x\(token.dropFirst())", .wrong),
    ("Bearer \(token)\(token)", .wrong), ("Bearer \(token) ", .wrong),
  ]

  @Test("Only the token itself lets anybody in", arguments: given)
  private func verdicts(_ field: String?, verdict: TokenGate.Verdict) throws {
    let loop = try KeptAgents().loop
    let gate = TokenGate(token, loop: loop) { _ in }
    #expect(gate.judge(request(field)) == verdict)
    #expect(gate.refused == (verdict == .granted ? 0 : 1))
    let status = TokenGate.refusal(verdict)?.status
    #expect(status == (verdict == .granted ? nil : 401))
    let challenges = TokenGate.refusal(verdict)?.fields.map(\.name) ?? []
    #expect(challenges == (verdict == .granted ? [] : ["WWW-Authenticate"]))
  }

  @Test("A field that came twice is none; without a token nobody comes in")
  func others() throws {
    let loop = try KeptAgents().loop
    var twice = request("Bearer \(token)")
    twice.fields += twice.fields
    #expect(TokenGate(token, loop: loop) { _ in }.judge(twice) == .missing)
    let closed = TokenGate(nil, loop: loop) { _ in }
    #expect(closed.judge(request("Bearer \(token)")) == .closed)
    #expect(closed.refused == 0)
    #expect(TokenGate.refusal(.closed)?.status == 403)
  }

  @Test("The first refusal is told at once, and those after it are counted")
  func told() throws {
    let loop = try KeptAgents().loop
    let lines = Lines()
    let gate = TokenGate(token, loop: loop) {
      if case .warning("token_refused", let message) = $0 { lines.messages.append(message) }
    }
    for _ in 0..<1000 { _ = gate.judge(request("Bearer wrong")) }
    #expect(
      lines.messages
        == ["a request came with a missing or wrong token, from 192.0.2.1; 1 since the start"])
    gate.tell()
    #expect(
      lines.messages.last == "999 requests came with a missing or wrong token, the last one from "
        + "192.0.2.1; 1000 since the start")
  }

  private static let conditions: [(field: String, permits: Bool, names: Bool)] = [
    ("*", true, true), (" * ", true, true), ("\"a\"", true, true), ("\"b\", \"a\"", true, true),
    ("W/\"a\"", false, true), ("\"b\"", false, false), ("a", false, false), ("\"a", false, false),
    ("", false, false), ("\"*\"", false, false), ("*, \"b\"", false, false),
  ]

  @Test("Conditions are read as lists of tags", arguments: conditions)
  private func tags(_ field: String, permits: Bool, names: Bool) {
    let tags = EntityTags(field)
    #expect(tags.permitsChange(of: "a") == permits)
    #expect(tags.names("a") == names)
    #expect(!tags.permitsChange(of: nil))
    #expect(!tags.names(nil))
  }
}
