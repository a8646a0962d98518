import Lifecycle
import Testing

@testable import RunConfiguration

private func read(
  _ environment: [String: String] = [:], userID: UInt32 = 1000
) -> Result<SupervisorConfiguration, ConfigurationProblems> {
  SupervisorConfiguration.read(environment, userID: userID, workingFolder: "/work")
}

@Suite("A supervisor's configuration")
struct SupervisorConfigurationTests {
  @Test("has the defaults of its table")
  func defaults() throws {
    let configuration = try read().get()
    #expect(configuration.port == 80 && configuration.a2aPort == 50051)
    #expect(configuration.config == nil && configuration.token == nil)
    #expect(configuration.pollInterval == .seconds(30))
    #expect(configuration.workerPortBase == 8001)
    #expect(configuration.surge && !configuration.workerTCP)
    #expect(configuration.ignored == [] && configuration.warnings == [])
    for row in VariableSection.supervisorRows {
      let name = row.names[0]
      let plain = VariableTable.plain(row.default)
      guard name != "SUPERVISOR_STATE_DIR" else { continue }
      let set = try read([name: plain == "–" ? "" : plain]).get()
      #expect(set == configuration, "\(name)")
    }
  }

  @Test(
    "reads every variable",
    arguments: [
      ("SUPERVISOR_PORT", "0", "0"), ("SUPERVISOR_CONFIG", "agents.yaml", "\"/work/agents.yaml\""),
      ("SUPERVISOR_CONFIG", "s3://bucket/agents.yaml", "\"s3://bucket/agents.yaml\""),
      (
        "SUPERVISOR_CONFIG", "https://user:pass@host/a.json?key=1", "\"https://host/a.json\""
      ),
      ("SUPERVISOR_CONFIG_POLL_SEC", "0", "0"), ("SUPERVISOR_CONFIG_POLL_SEC", "1.5", "1.5"),
      ("SUPERVISOR_STATE_DIR", "state/", "\"/work/state\""),
      ("SUPERVISOR_TOKEN", "0123456789abcdef", "\"***\""),
      ("SUPERVISOR_WORKER_PORT_BASE", "65535", "65535"),
      ("SUPERVISOR_WORKER_TCP", "on", "true"), ("SUPERVISOR_SURGE", "0", "false"),
    ])
  func values(name: String, value: String, shown: String) throws {
    let redacted = try read([name: value]).get().redacted
    #expect(
      String(decoding: JSONWriter.encode(redacted[name] ?? .null), as: UTF8.self) == shown)
  }

  @Test(
    "refuses what is no good, with a sentence that shows no secret",
    arguments: [
      ("SUPERVISOR_PORT", "65536", "65536"), ("SUPERVISOR_PORT", "50051", "A2A_PORT"),
      ("SUPERVISOR_CONFIG", "ftp://host/a", "it must be a path, or"),
      ("SUPERVISOR_CONFIG", "file:///a", "write the path alone"),
      ("SUPERVISOR_CONFIG_POLL_SEC", "0.5", "from 1 to"),
      ("SUPERVISOR_TOKEN", "two words here", "without blanks"),
      ("SUPERVISOR_TOKEN", String(repeating: "x", count: 4097), "1 to 4096"),
      ("SUPERVISOR_WORKER_PORT_BASE", "0", "from 1 to 65535"),
      ("SUPERVISOR_WORKER_TCP", "maybe", "true"), ("SUPERVISOR_SURGE", "2", "true"),
      ("GRACEFUL_SHUTDOWN_TIMEOUT_SEC", "0", "above 0"),
    ])
  func mistakes(name: String, value: String, words: String) {
    guard case .failure(let problems) = read([name: value]) else {
      Issue.record("it is good")
      return
    }
    #expect(problems.problems.map(\.variable) == [name])
    #expect(problems.problems[0].error.contains(words))
    #expect(name != "SUPERVISOR_TOKEN" || !problems.problems[0].error.contains(value))
  }

  @Test("tells all problems together")
  func together() {
    guard
      case .failure(let problems) = read([
        "SUPERVISOR_PORT": "x", "SUPERVISOR_SURGE": "x", "DRAIN_MIN_SEC": "x",
      ])
    else {
      Issue.record("it is good")
      return
    }
    #expect(
      Set(problems.problems.map(\.variable))
        == ["SUPERVISOR_PORT", "SUPERVISOR_SURGE", "DRAIN_MIN_SEC"])
  }

  @Test("takes no notice of what each agent has for itself, good or bad, and says so")
  func ignored() throws {
    let configuration = try read([
      "AGENT_APP_ID": "..", "BASE_PATH": "//", "PACKAGE_URL": "file:///x", "PACKAGE_SHA256": "x",
      "REST_PORT": "x", "UI_PORT": "x", "MULTIPLEXED": "x", "DEPLOYMENT_ID": "d",
      "AGENT_PACKAGE_PATH": "",
    ]).get()
    #expect(
      configuration.ignored == [
        "AGENT_APP_ID", "BASE_PATH", "DEPLOYMENT_ID", "MULTIPLEXED", "PACKAGE_SHA256",
        "PACKAGE_URL", "REST_PORT", "UI_PORT",
      ])
    #expect(configuration.warnings.map(\.code) == ["ignored"])
  }

  @Test("warns of a token that may be guessed")
  func shortToken() throws {
    #expect(
      try read(["SUPERVISOR_TOKEN": "0123456789abcde"]).get().warnings[0].code == "token_short")
    #expect(try read(["SUPERVISOR_TOKEN": "0123456789abcdef"]).get().warnings == [])
  }

  @Test(
    "keeps its state in the first folder there is of",
    arguments: [
      (["SUPERVISOR_STATE_DIR": "/own", "STATE_DIRECTORY": "/s"], 0, "/own"),
      (["STATE_DIRECTORY": "rel:/s/:/t"], 0, "/s"), ([:], 0, "/var/lib/par"),
      (["XDG_STATE_HOME": "/x", "HOME": "/h"], 1000, "/x/par"),
      (["XDG_STATE_HOME": "x", "HOME": "/h"], 1000, "/h/.local/state/par"),
      (["TMPDIR": "/t"], 1000, "/t/par-state-1000"), ([:], 1000, "/tmp/par-state-1000"),
    ] as [([String: String], UInt32, String)])
  func state(environment: [String: String], user: UInt32, folder: String) throws {
    #expect(try read(environment, userID: user).get().stateFolder == folder)
  }

  @Test(
    "leaves itself a part of the time to drain",
    arguments: [("30", 28.0), ("20", 18), ("10", 9), ("1", 0.9)])
  func deadline(timeout: String, worker: Double) throws {
    let configuration = try read(["GRACEFUL_SHUTDOWN_TIMEOUT_SEC": timeout]).get()
    #expect(configuration.workerShutdownTimeout == .seconds(worker))
  }
}
