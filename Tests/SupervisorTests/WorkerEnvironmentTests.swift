import Lifecycle
import LinuxSystem
import RunConfiguration
import Testing

@testable import Supervisor

@Suite("The environment of a worker")
struct WorkerEnvironmentTests {
  private let supervisor = [
    "PATH": "/bin", "HOME": "/root", "LANG": "C.UTF-8", "LC_ALL": "C", "TZ": "UTC",
    "HTTPS_PROXY": "http://proxy:3128", "no_proxy": "localhost", "SSL_CERT_FILE": "/ca.pem",
    "AWS_REGION": "us-east-2", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x",
    "PIP_INDEX_URL": "https://index/simple", "UV_CACHE_DIR": "/uv",
    "SUPERVISOR_TOKEN": "secret-secret-secret", "SUPERVISOR_CONFIG": "/agents.yaml",
    "SUPERVISOR_PORT": "80", "PAR_MODE": "supervisor", "DATABASE_URL": "postgres://all",
    "OPENAI_API_KEY": "sk-everybody", "AGENT_APP_ID": "none", "PACKAGE_URL": "s3://b/none",
    "REST_PORT": "1", "BIND_ADDRESS": "0.0.0.0", "LOG_LEVEL": "debug", "LOG_FORMAT": "text",
    "ACCESS_LOG": "true", "WORKER_RESTARTS": "9/9", "LOAD_TIMEOUT_SEC": "7",
    "TRUSTED_PROXIES": "none", "MALLOC_ARENA_MAX": "2", "EMPTY": "", "USER": "root",
  ]

  private func make(
    _ changes: [String: String] = [:], own: [String: String] = [:], deploymentID: String? = nil,
    package: AgentRelease.Package = .url("https://packages/a.apkg"), port: UInt16? = 8001,
    sockets: [String] = ["rest"], extra: [String: String] = [:]
  ) throws -> [String: String] {
    let environment = supervisor.merging(changes) { $1 }
    let configuration = try SupervisorConfiguration.read(
      environment, userID: 1000, workingFolder: "/"
    ).get()
    let release = AgentRelease(
      agent: "alpha", revision: "0123456789ab", deploymentID: deploymentID, package: package,
      packageSHA256: nil, environment: own)
    let place = WorkerPlaces.Place(
      address: port.map { .port($0) } ?? .unix("/s/1.rest"),
      sockets: sockets.map { ($0, -1) }, environment: extra, confinement: .none, group: nil,
      user: port == nil ? UserIdentity(user: 50_000, group: 50_000) : nil)
    return WorkerEnvironment(supervisor: environment, configuration: configuration).make(
      for: release, at: place, controlDescriptor: 4)
  }

  @Test("tells how long a boot may take, which an agent's own bounds can make longer")
  func bootBounds() throws {
    let configuration = try SupervisorConfiguration.read(
      supervisor, userID: 1000, workingFolder: "/"
    ).get()
    let environment = WorkerEnvironment(supervisor: supervisor, configuration: configuration)
    func more(_ own: [String: String]) -> Interval? {
      let release = AgentRelease(
        agent: "alpha", revision: "0123456789ab", package: .path("/a"), environment: own)
      return environment.bootBounds(of: release).map { $0 - configuration.common.bootBounds }
    }
    #expect(more([:]) == .zero)
    #expect(more(["INSTALL_TIMEOUT_SEC": "1800"]) == .seconds(1500))
    #expect(more(["INSTALL_TIMEOUT_SEC": "soon"]) == nil)
  }

  @Test("has what every program needs, where packages come from, and the settings of a run")
  func shared() throws {
    let environment = try make()
    for name in [
      "PATH", "HOME", "LANG", "LC_ALL", "TZ", "HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE",
      "AWS_REGION", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "PIP_INDEX_URL", "UV_CACHE_DIR",
      "LOG_LEVEL", "WORKER_RESTARTS", "LOAD_TIMEOUT_SEC", "MALLOC_ARENA_MAX",
    ] {
      #expect(environment[name] == supervisor[name], "\(name)")
    }
  }

  @Test("has nothing of the supervisor's own, above all not its token, nor of other agents'")
  func kept() throws {
    let environment = try make()
    let names = environment.keys
    #expect(names.filter { $0.hasPrefix("SUPERVISOR_") } == [])
    for name in ["PAR_MODE", "DATABASE_URL", "OPENAI_API_KEY", "ACCESS_LOG", "LISTEN_PID"] {
      #expect(environment[name] == nil, "\(name)")
    }
    #expect(environment.values.allSatisfy { !$0.contains("secret-secret") })
  }

  @Test("names the agent, its package and where it listens")
  func decided() throws {
    let environment = try make(deploymentID: "d-1")
    let expected = [
      "AGENT_APP_ID": "alpha", "BASE_PATH": "/agents/alpha", "REST_PORT": "8001",
      "A2A_PORT": "0", "MULTIPLEXED": "true", "LOG_FORMAT": "json", "BIND_ADDRESS": "127.0.0.1",
      "PACKAGE_URL": "https://packages/a.apkg", "DEPLOYMENT_ID": "d-1", "PAR_CONTROL_FD": "4",
      "LISTEN_FDS": "1", "LISTEN_FDNAMES": "rest", "TRUSTED_PROXIES": "127.0.0.0/8",
    ]
    for (name, value) in expected { #expect(environment[name] == value, "\(name)") }
    let isolated = try make(
      package: .path("/p.apkg"), port: nil, sockets: ["rest", "a2a"],
      extra: ["HOME": "/agents/alpha/home"])
    #expect(isolated["AGENT_PACKAGE_PATH"] == "/p.apkg" && isolated["PACKAGE_URL"] == nil)
    #expect(isolated["REST_PORT"] == "0" && isolated["LISTEN_FDNAMES"] == "rest:a2a")
    #expect(isolated["HOME"] == "/agents/alpha/home" && isolated["USER"] == nil)
  }

  @Test("has the entry's own words, but none that the supervisor decides")
  func entry() throws {
    let environment = try make(own: [
      "DATABASE_URL": "postgres://mine", "LOG_LEVEL": "warning", "REST_PORT": "9",
      "LOG_FORMAT": "text", "SUPERVISOR_TOKEN": "x", "LISTEN_PID": "1", "NOTIFY_SOCKET": "/x",
      "BASE_PATH": "/", "PAR_CONTROL_FD": "0",
    ])
    #expect(environment["DATABASE_URL"] == "postgres://mine")
    #expect(environment["LOG_LEVEL"] == "warning")
    #expect(environment["REST_PORT"] == "8001" && environment["BASE_PATH"] == "/agents/alpha")
    #expect(environment["LOG_FORMAT"] == "json" && environment["PAR_CONTROL_FD"] == "4")
    for name in ["SUPERVISOR_TOKEN", "LISTEN_PID", "NOTIFY_SOCKET"] {
      #expect(environment[name] == nil, "\(name)")
    }
  }

  @Test(
    "gives a worker less time for its drain than the supervisor has, and lets it serve a little longer",
    arguments: [
      (nil, nil, "28.000", "1.250"), ("10", nil, "9.000", "1.250"), ("1", nil, "0.900", "0.350"),
      ("30", "12", "28.000", "12.250"), ("10", "9", "9.000", "8.100"),
    ] as [(String?, String?, String, String)])
  func drain(timeout: String?, minimum: String?, deadline: String, serves: String) throws {
    var changes: [String: String] = [:]
    changes["GRACEFUL_SHUTDOWN_TIMEOUT_SEC"] = timeout
    changes["DRAIN_MIN_SEC"] = minimum
    let environment = try make(changes)
    #expect(environment["GRACEFUL_SHUTDOWN_TIMEOUT_SEC"] == deadline)
    #expect(environment["DRAIN_MIN_SEC"] == serves)
    // An agent with a deadline of its own has the usual rest of it.
    let own = try make(changes, own: ["GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "0.5"])
    #expect(own["GRACEFUL_SHUTDOWN_TIMEOUT_SEC"] == "0.5" && own["DRAIN_MIN_SEC"] == nil)
  }

  @Test("is one that run accepts")
  func accepted() throws {
    let environment = try make()
    let read = Configuration.read(
      environment, packageArgument: nil, userID: 1000, workingFolder: "/")
    #expect(try read.get().agentAppID == "alpha")
  }
}
