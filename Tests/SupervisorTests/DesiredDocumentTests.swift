import Lifecycle
import RunConfiguration
import Testing

@testable import Supervisor

/// A document and what its refusal must say: where, and words of the sentence.
private struct Refused: CustomTestStringConvertible {
  let document: String
  let path: String
  let words: String

  init(_ document: String, _ path: String, _ words: String) {
    self.document = document
    self.path = path
    self.words = words
  }

  /// One good agent with more lines in it.
  init(entry lines: String, _ path: String, _ words: String) {
    self.init(
      "- agent_app_id: a\n  package_path: /a.apkg\n"
        + lines.split(separator: "\n").map { "  \($0)\n" }.joined(),
      path.isEmpty ? "agents[0]" : "agents[0].\(path)", words)
  }

  var testDescription: String { String(document.prefix(100)) }
}

private let wholeDocument = [
  Refused("", "", "the document is empty: write [] for no agents"),
  Refused("# only a comment\n", "", "the document is empty"),
  Refused("~", "", "the document is empty"),
  Refused("null", "", "the document is empty"),
  Refused("- agent_app_id: [", "", "the document is no YAML: "),
  Refused("[]\n---\n[]\n", "", "a second document"),
  Refused(#"{"agents": [}"#, "", "is neither JSON (a character that cannot stand here, at line 1)"),
  Refused("{\"agents\": [],\n\"agents\": []}", "", "at line 2) nor YAML (the key 'agents' for"),
  Refused("three", "", #"the document is "three": it must be a list of agents"#),
  Refused("1.5", "", "it must be a list of agents"),
  Refused("{}", "", "the document has no agents: write agents: [] for none"),
  Refused("agents:", "agents", "is nothing: it must be a list"),
  Refused("agents: {a: b}", "agents", "is a mapping: it must be a list"),
  Refused("agents: []\nversion: 1\n", "", #"has the unknown key "version""#),
  Refused("\u{FEFF}[", "", "the document is no YAML"),
  Refused(String(repeating: "[", count: 100), "", "more than 64 levels of nesting"),
  Refused("- a\n- [b]\n", "agents[0]", #"is "a": it must be a mapping of agent_app_id, "#),
  Refused("- [b]\n", "agents[0]", "is a list: it must be a mapping"),
]

private let entries = [
  Refused("- package_path: /a\n", "agents[0].agent_app_id", "missing or empty"),
  Refused("- agent_app_id: ''\n  package_path: /a\n", "agents[0].agent_app_id", "missing or empty"),
  Refused(
    "- agent_app_id: a/b\n  package_path: /a\n", "agents[0].agent_app_id",
    #"is "a/b": it must be 1 to 128 letters"#),
  Refused(
    "- agent_app_id: [a]\n  package_path: /a\n", "agents[0].agent_app_id", "is a list: it must be"),
  Refused("- agent_app_id: a\n", "agents[0]", "names no package: give it a package_url"),
  Refused(entry: "package_url: https://h/p", "", "names both package_url and package_path"),
  Refused(entry: "agent_id: a", "agent_id", "is no key of an agent; those are agent_app_id, "),
  Refused(entry: #""a\tb": c"#, #""a\u{9}b""#, "is no key of an agent"),
  Refused(entry: "package_sha256: abc", "package_sha256", #"is "abc": it must be 64 hexadecimal"#),
  Refused(entry: "package_sha256:", "package_sha256", "is empty: leave it out"),
  Refused(entry: #"deployment_id: "a\n""#, "deployment_id", "without control characters"),
  Refused(
    "- {agent_app_id: a, package_url: 'file:///a'}", "agents[0].package_url",
    "file:// URLs are not allowed; a local file or folder goes into package_path (line 1)"),
  Refused(
    "- {agent_app_id: a, package_url: 'http://u:secret1234@h/p?q=secret1234'}",
    "agents[0].package_url",
    #"is "http://h/p": it must be s3://bucket/key or an https:// URL; no other scheme"#),
  Refused(
    "- {agent_app_id: a, package_path: a.apkg}", "agents[0].package_path",
    #"is "a.apkg": it must be an absolute path"#),
  Refused(
    "- {agent_app_id: a, package_path: 'https://h/p'}", "agents[0].package_path",
    "a URL goes into package_url"),
  Refused(entry: "memory_mb: 31", "memory_mb", #"is "31": it must be a whole number from 32 to"#),
  Refused(entry: "memory_mb: 1048577", "memory_mb", "a whole number from 32 to 1048576 (line 3)"),
  Refused(entry: "memory_mb: -1", "memory_mb", "a whole number"),
  Refused(entry: "memory_mb: 512MB", "memory_mb", "a whole number"),
  Refused(entry: "memory_mb:", "memory_mb", "is nothing: it must be a whole number"),
  Refused(entry: "cpu_shares: 1", "cpu_shares", "a whole number from 2 to 262144"),
  Refused(entry: "cpu_shares: [1024]", "cpu_shares", "is a list: it must be a whole number"),
  Refused(entry: "restart: 3/60", "restart", "it must be a mapping of max and window_sec"),
  Refused(entry: "restart: {window_sec: 3}", "restart", "has no max"),
  Refused(entry: "restart: {max: -1}", "restart.max", "a whole number from 0 to 1000000"),
  Refused(entry: "restart: {max: 1, window_sec: 0}", "restart.window_sec", "seconds above 0"),
  Refused(entry: "restart: {max: 1, window_sec: 1e3}", "restart.window_sec", "seconds above 0"),
  Refused(entry: "restart: {max: 1, delay: 0}", "restart.delay", "is no key of restart"),
]

private let environments = [
  Refused(entry: "environment: [A]", "environment", "it must be a mapping of names to text"),
  Refused(entry: "environment:", "environment", "is nothing: it must be a mapping"),
  Refused(entry: "environment: {A: [b]}", "environment.A", "is a list: it must be text"),
  Refused(
    entry: "environment: {A: }", "environment.A", #"has no value: write "" for an empty one"#),
  Refused(entry: "environment: {1A: b}", "environment.1A", "is no name of a variable"),
  Refused(entry: "environment: {A=B: b}", #"environment."A=B""#, "is no name of a variable"),
  Refused(entry: "environment: {'': b}", "environment.", "is no name of a variable"),
  Refused(entry: #"environment: {A: "b\0"}"#, "environment.A", "has a NUL in its value"),
  Refused(entry: "environment: {HOLD_MAX_SEC: x}", "environment.HOLD_MAX_SEC", #"is "x": it must"#),
  Refused(
    entry: "environment: {LOG_LEVEL: all}", "environment.LOG_LEVEL", "it must be debug, info"),
  Refused(
    entry: "environment: {DRAIN_MIN_SEC: 40}", "environment.DRAIN_MIN_SEC",
    "less than GRACEFUL_SHUTDOWN_TIMEOUT_SEC, which is 30"),
  Refused(
    #"[{"agent_app_id":"a","package_path":"/a","environment":{"A":1.5}}]"#,
    "agents[0].environment.A", "is a number with a fraction: write it as text"),
  Refused(
    entry: "environment: {AGENT_APP_ID: b}", "environment.AGENT_APP_ID", "is set by agent_app_id"),
  Refused(entry: "environment: {PACKAGE_URL: b}", "environment.PACKAGE_URL", "set by package_url"),
]

/// Names that belong to the supervisor, and the word that says so.
private let forbidden = [
  ("BASE_PATH", "set by the supervisor"), ("BIND_ADDRESS", "set by the supervisor"),
  ("REST_PORT", "set by the supervisor"), ("A2A_PORT", "set by the supervisor"),
  ("UI_PORT", "set by the supervisor"), ("MULTIPLEXED", "set by the supervisor"),
  ("LOG_FORMAT", "set by the supervisor"), ("PAR_MODE", "set by the supervisor"),
  ("SUPERVISOR_TOKEN", "configures the supervisor"), ("SUPERVISOR_X", "configures the supervisor"),
  ("PAR_CONTROL_FD", "no variable of a worker"), ("PAR_RUN", "no variable of a worker"),
  ("LISTEN_FDS", "a service manager's"), ("WATCHDOG_USEC", "a service manager's"),
  ("NOTIFY_SOCKET", "a service manager's"), ("AGENT_PACKAGE_PATH", "set by package_path"),
  ("PACKAGE_SHA256", "set by package_sha256"), ("DEPLOYMENT_ID", "set by deployment_id"),
]

@Suite struct DesiredDocumentTests {
  private func problems(
    _ document: String, limits: DesiredLimits = DesiredLimits(), inherited: [String: String] = [:]
  ) -> [DesiredProblem] {
    do throws(DesiredProblems) {
      _ = try DesiredDocument(limits: limits, inherited: inherited).read(Array(document.utf8))
      return []
    } catch {
      return error.problems
    }
  }

  @Test("A mistake is told with its place", arguments: wholeDocument + entries + environments)
  private func mistake(_ refused: Refused) {
    let problems = problems(refused.document)
    #expect(
      problems.contains { $0.path == refused.path && $0.error.contains(refused.words) },
      "\(problems)")
    #expect(!problems.contains { $0.description.contains("secret1234") })
  }

  @Test("What the supervisor sets for its workers is no agent's to set", arguments: forbidden)
  private func supervisorsOwn(_ name: String, words: String) {
    let document = "- {agent_app_id: a, package_path: /a, environment: {\(name): '1'}}"
    let problems = problems(document)
    #expect(problems.map(\.path) == ["agents[0].environment.\(name)"])
    #expect(problems.first?.error.contains(words) == true)
  }

  @Test("All mistakes are told together, in the order of the document")
  func together() {
    let document = """
      agents:
      - agent_app_id: a
        package_path: /a
        memory_mb: 1
        cpu_shares: 0
      - {agent_app_id: a, package_url: 'ftp://h/p'}
      - {agent_app_id: b, colour: red}
      - {agent_app_id: a, package_path: /a}
      """
    #expect(
      problems(document).map(\.description) == [
        #"agents[0].memory_mb: is "1": it must be a whole number from 32 to 1048576 (line 4)"#,
        #"agents[0].cpu_shares: is "0": it must be a whole number from 2 to 262144 (line 5)"#,
        #"agents[1].package_url: is "ftp://h/p": it must be s3://bucket/key or an https:// URL; "#
          + "no other scheme is allowed (line 6)",
        #"agents[1].agent_app_id: is "a", the id of agents[0] as well"#,
        "agents[2].colour: is no key of an agent; those are agent_app_id, package_url, "
          + "package_path, package_sha256, deployment_id, environment, memory_mb, cpu_shares, "
          + "restart (line 7)",
        "agents[2]: names no package: give it a package_url or a package_path (line 7)",
        #"agents[3].agent_app_id: is "a", the id of agents[0] as well"#,
      ])
  }

  @Test("What an agent sets must fit what its worker inherits")
  func inherited() {
    let document = { (seconds: Int) in
      "- {agent_app_id: a, package_path: /a, "
        + "environment: {GRACEFUL_SHUTDOWN_TIMEOUT_SEC: '\(seconds)'}}"
    }
    let inherited = [
      "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "28.000", "DRAIN_MIN_SEC": "12", "REST_PORT": "bad",
    ]
    #expect(problems(document(5), inherited: inherited).isEmpty)
    #expect(problems(document(28), inherited: inherited).isEmpty)
    #expect(
      problems(document(29), inherited: inherited).map(\.description) == [
        "agents[0].environment.GRACEFUL_SHUTDOWN_TIMEOUT_SEC: is \"29\": a worker of this "
          + "supervisor has at most 28 seconds (line 1)"
      ])
    let drain = "- {agent_app_id: a, package_path: /a, environment: {DRAIN_MIN_SEC: 28}}"
    #expect(
      problems(drain, inherited: inherited).map(\.path) == ["agents[0].environment.DRAIN_MIN_SEC"])
    #expect(
      problems(document(5), inherited: ["HOLD_MAX_SEC": "x"]).first?.description
        .hasPrefix("agents[0].environment: does not fit the supervisor's: HOLD_MAX_SEC") == true)
  }

  @Test("A document, its agents, its variables and its problems have bounds")
  func bounds() throws {
    var limits = DesiredLimits()
    limits.agents = 2
    let entry = { (id: Int) in "- {agent_app_id: a\(id), package_path: /a}\n" }
    #expect(problems(entry(1) + entry(2), limits: limits).isEmpty)
    #expect(
      problems((1...3).map(entry).joined(), limits: limits).map(\.description)
        == ["agents: has 3 entries: at most 2 agents are allowed"])

    limits = DesiredLimits()
    limits.documentBytes = 40
    #expect(problems(entry(1), limits: limits).isEmpty)
    #expect(
      problems(entry(1) + "    # ", limits: limits).map(\.error)
        == ["the document is longer than the 40 bytes allowed"])

    limits = DesiredLimits()
    limits.variables = 1
    limits.variableBytes = 2
    limits.variableNameBytes = 3
    let variables = { (text: String) in
      "- {agent_app_id: a, package_path: /a, environment: {\(text)}}"
    }
    #expect(problems(variables("ABC: de"), limits: limits).isEmpty)
    for (text, words) in [
      ("A: a, B: b", "has 2 variables: at most 1"), ("ABC: def", "a value of 3 bytes: at most 2"),
      ("ABCD: d", "a name of more than 3 bytes"),
    ] {
      #expect(problems(variables(text), limits: limits).first?.error.contains(words) == true)
    }

    limits = DesiredLimits()
    limits.problems = 2
    let many = problems("[1, 2, 3, 4]", limits: limits)
    #expect(many.map(\.path) == ["agents[0]", "agents[1]", ""])
    #expect(many.last?.error == "and 2 more")
    let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: DesiredLimits().documentBytes + 1)
    #expect(throws: DesiredProblems.self) { try DesiredDocument().read(bytes) }
  }

  @Test("Aliases that would spell out endlessly are read in no time")
  func aliases() {
    var document = "a: &a0 [x]\n"
    for level in 1...30 { document += "b\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    #expect(!problems(document + "agents: *a30\n").isEmpty)
    #expect(!problems("agents: [{agent_app_id: *x}]\n").isEmpty)
  }
}

@Suite struct DesiredAgentTests {
  private func read(_ document: String) throws -> [AgentSpec] {
    try DesiredDocument().read(Array(document.utf8))
  }

  @Test("YAML and JSON say the same, at the top or under agents")
  func forms() throws {
    let yaml = """
      agents:
      - agent_app_id: my-agent
        package_url: s3://bucket/my-agent.apkg
        package_sha256: \(String(repeating: "AB", count: 32))
        deployment_id: 2026-11-22
        environment: {GREETING: hello, WORKERS: 4, DEBUG: true, EMPTY: ''}
        memory_mb: 512
        cpu_shares: 1024
        restart: {max: 5, window_sec: 0.5}
      """
    let json = """
      [{"agent_app_id":"my-agent","package_url":"s3://bucket/my-agent.apkg",
      "package_sha256":"\(String(repeating: "ab", count: 32))","deployment_id":"2026-11-22",
      "environment":{"EMPTY":"","DEBUG":true,"WORKERS":4,"GREETING":"hello"},"memory_mb":512,
      "cpu_shares":1.024e3,"restart":{"window_sec":0.5,"max":5}}]
      """
    let (first, second) = (try read(yaml), try read(json))
    #expect(first == second)
    let spec = try #require(first.first)
    #expect(spec.package == .url("s3://bucket/my-agent.apkg"))
    #expect(spec.packageSHA256 == String(repeating: "ab", count: 32))
    #expect(
      spec.environment == ["GREETING": "hello", "WORKERS": "4", "DEBUG": "true", "EMPTY": ""])
    #expect(spec.memoryMegabytes == 512)
    #expect(spec.cpuShares == 1024)
    #expect(spec.restart == AgentSpec.Restart(maximum: 5, window: .seconds(0.5)))
    #expect(spec.variables["WORKER_RESTARTS"] == "5/0.5")
    #expect(spec.variables["PACKAGE_URL"] == "s3://bucket/my-agent.apkg")
    #expect(spec.variables["AGENT_PACKAGE_PATH"] == nil)
  }

  @Test(
    "No agents are said with an empty list", arguments: ["[]", "agents: []", #"{"agents":[]}"#])
  func none(_ document: String) throws { #expect(try read(document).isEmpty) }

  @Test("Agents can share what they have in common")
  func merged() throws {
    let agents = try read(
      """
      - &first {agent_app_id: a, package_path: /a, environment: &common {A: b}}
      - {<<: *first, agent_app_id: b}
      - {agent_app_id: c, package_path: /c, environment: {<<: *common, C: d}}
      """)
    #expect(agents.map(\.agentAppID) == ["a", "b", "c"])
    #expect(agents.map(\.environment) == [["A": "b"], ["A": "b"], ["A": "b", "C": "d"]])
  }

  @Test("A revision is the spec's, whatever the order it was written in")
  func revisions() throws {
    let base = "agent_app_id: a, package_path: /a"
    let variants = [
      base, base + ", memory_mb: 64", base + ", cpu_shares: 64", base + ", deployment_id: d",
      base + ", environment: {A: b}", base + ", environment: {A: c}", base + ", restart: {max: 3}",
      base + ", restart: {max: 4}", "agent_app_id: b, package_path: /a",
      "agent_app_id: a, package_path: /b", "agent_app_id: a, package_url: 'https://h/a'",
    ]
    let revisions = try variants.map { try #require(read("- {\($0)}").first).revision }
    #expect(Set(revisions).count == variants.count)
    #expect(revisions.allSatisfy { $0.utf8.count == 12 && $0.allSatisfy(\.isHexDigit) })
    #expect(
      try read("- {package_path: /a, agent_app_id: a, environment: {}}").first?.revision
        == revisions[0])
  }

  @Test("A spec is read back from its own JSON as it was")
  func roundTrip() throws {
    let documents = [
      "- {agent_app_id: a, package_path: /a}",
      "- {agent_app_id: a, package_url: 'https://u:p@h/a?b', environment: {A: \"é\\x7F\\n\"}}",
      "- {agent_app_id: a, package_path: /a, restart: {max: 0, window_sec: 0.25}, memory_mb: 99}",
    ]
    for document in documents {
      let spec = try #require(read(document).first)
      #expect(try AgentSpec(json: spec.json) == spec)
    }
    for bad in ["[]", "{}", #"{"agent_app_id":"../x","package_path":"/a"}"#] {
      #expect(try AgentSpec(json: json(bad)) == nil)
    }
  }

  @Test("What is shown of a spec holds no secret, and cannot be sent back without one")
  func shown() throws {
    let spec = try #require(
      read(
        "- {agent_app_id: a, package_url: 'https://u:pw@h/a?sig=x', environment: {A: b, API_KEY: k}}"
      ).first)
    #expect(spec.shown["environment"] == ["A": "b", "API_KEY": nil])
    #expect(spec.shown["package_url"] == .some(.null))
    #expect(throws: DesiredProblems.self) {
      try DesiredDocument().readOne(JSONText.encode(spec.shown))
    }
    let plain = try #require(read("- {agent_app_id: a, package_url: 'https://h/a'}").first)
    #expect(plain.shown == plain.json)
  }
}
