import Lifecycle
import RunConfiguration
import Testing

/// A variable, what it is set to (nil: unset), and the effective value as `run_started` shows it.
struct Setting: CustomTestStringConvertible {
  let variable: String
  let value: String?
  let effective: JSONValue

  init(_ variable: String, _ value: String?, _ effective: JSONValue) {
    self.variable = variable
    self.value = value
    self.effective = effective
  }

  var testDescription: String { "\(variable)=\(value ?? "(unset)")" }
}

private let ranges: JSONValue = .array(Configuration.privateRanges.map { .string($0) })

private let defaults: [Setting] = [
  Setting("PACKAGE_URL", nil, nil),
  Setting("PACKAGE_SHA256", nil, nil),
  Setting("DEPLOYMENT_ID", nil, nil),
  Setting("S3_BUCKET", nil, "pixell-agent-packages"),
  Setting("BASE_PATH", nil, "/agents/my-agent"),
  Setting("BIND_ADDRESS", nil, "0.0.0.0"),
  Setting("REST_PORT", nil, 8080),
  Setting("A2A_PORT", nil, 50051),
  Setting("UI_PORT", nil, 3000),
  Setting("MULTIPLEXED", nil, true),
  Setting("MAX_PACKAGE_SIZE_MB", nil, 100),
  Setting("MAX_UNPACKED_SIZE_MB", nil, 1024),
  Setting("MAX_PACKAGE_FILES", nil, 20000),
  Setting("FETCH_TIMEOUT_SEC", nil, .number(60)),
  Setting("INSTALL_TIMEOUT_SEC", nil, .number(300)),
  Setting("LOAD_TIMEOUT_SEC", nil, .number(60)),
  Setting("BOOT_BUDGET_MS", nil, .number(5000)),
  Setting("BOOT_HARD_LIMIT_MULTIPLIER", nil, .number(2)),
  Setting("GRACEFUL_SHUTDOWN_TIMEOUT_SEC", nil, .number(30)),
  Setting("DRAIN_MIN_SEC", nil, .number(1)),
  Setting("STREAM_DRAIN_SEC", nil, .number(15)),
  Setting("HOLD_MAX_REQUESTS", nil, 256),
  Setting("HOLD_MAX_SEC", nil, .number(10)),
  Setting("WORKER_RESTARTS", nil, "3/60"),
  Setting("HEARTBEAT_TIMEOUT_SEC", nil, .number(60)),
  Setting("WHEELHOUSE_DIR", nil, nil),
  Setting("WHEELHOUSE_ONLY", nil, false),
  Setting("PAR_INSTALLER", nil, "auto"),
  Setting("PAR_CACHE_MAX_MB", nil, 4096),
  Setting("BODY_IDLE_TIMEOUT_SEC", nil, .number(60)),
  Setting("UPSTREAM_CONNECT_TIMEOUT_SEC", nil, .number(5)),
  Setting("TRUSTED_PROXIES", nil, ranges),
  Setting("LOG_LEVEL", nil, "info"),
  Setting("LOG_FORMAT", nil, "json"),
  Setting("ACCESS_LOG", nil, false),
  Setting("SLOW_REQUEST_MS", nil, .number(0)),
  Setting("TIMING_HEADER", nil, false),
  Setting("ECS_TASK_PROTECTION", nil, false),
  Setting("PAR_MODE", nil, "agent"),
]

private let longID = String(repeating: "a", count: 128)
private let hash = String(repeating: "0123456789abcdef", count: 4)

private let good: [Setting] = [
  Setting("AGENT_APP_ID", "a", "a"),
  Setting("AGENT_APP_ID", "4a8c_x.Y-9", "4a8c_x.Y-9"),
  Setting("AGENT_APP_ID", longID, .string(longID)),
  Setting("AGENT_PACKAGE_PATH", "rel/a.apkg", "/work here/rel/a.apkg"),
  Setting("AGENT_PACKAGE_PATH", "./folder/", "/work here/folder"),
  Setting("AGENT_PACKAGE_PATH", ".", "/work here"),
  Setting("AGENT_PACKAGE_PATH", "../up", "/work here/../up"),
  Setting("PACKAGE_SHA256", hash, .string(hash)),
  Setting("PACKAGE_SHA256", hash.uppercased(), .string(hash)),
  Setting("DEPLOYMENT_ID", "déploiement 7", "déploiement 7"),
  Setting("S3_BUCKET", "My_old.bucket-1", "My_old.bucket-1"),
  Setting("BASE_PATH", "/", "/"),
  Setting("BASE_PATH", "a", "/a"),
  Setting("BASE_PATH", "/a/b/", "/a/b"),
  Setting("BASE_PATH", "/~a/B_1.x-y/...", "/~a/B_1.x-y/..."),
  Setting("BIND_ADDRESS", "127.0.0.1", "127.0.0.1"),
  Setting("BIND_ADDRESS", "::", "::"),
  Setting("BIND_ADDRESS", "0:0:0:0:0:0:0:1", "::1"),
  Setting("REST_PORT", "0", 0),
  Setting("REST_PORT", "65535", 65535),
  Setting("REST_PORT", "08081", 8081),
  Setting("REST_PORT", "3000", 3000),
  Setting("A2A_PORT", "1", 1),
  Setting("UI_PORT", "8080", 8080),
  Setting("MULTIPLEXED", "Off", false),
  Setting("MULTIPLEXED", "no", false),
  Setting("MULTIPLEXED", "0", false),
  Setting("MULTIPLEXED", "FALSE", false),
  Setting("ACCESS_LOG", "YES", true),
  Setting("ACCESS_LOG", "on", true),
  Setting("ACCESS_LOG", "1", true),
  Setting("ACCESS_LOG", "1.0", true),
  Setting("ACCESS_LOG", "0.0", false),
  Setting("ACCESS_LOG", "0.01", .number(0.01)),
  Setting("ACCESS_LOG", "0.999", .number(0.999)),
  Setting("SLOW_REQUEST_MS", "0", .number(0)),
  Setting("SLOW_REQUEST_MS", "0.5", .number(0.5)),
  Setting("SLOW_REQUEST_MS", "1000000000", .number(1_000_000_000)),
  Setting("TIMING_HEADER", "True", true),
  Setting("ECS_TASK_PROTECTION", "true", true),
  Setting("WHEELHOUSE_ONLY", "true", true),
  Setting("MAX_PACKAGE_SIZE_MB", "1", 1),
  Setting("MAX_PACKAGE_SIZE_MB", "1073741824", 1_073_741_824),
  Setting("MAX_UNPACKED_SIZE_MB", "7", 7),
  Setting("MAX_PACKAGE_FILES", "10000000", 10_000_000),
  Setting("FETCH_TIMEOUT_SEC", "0.5", .number(0.5)),
  Setting("INSTALL_TIMEOUT_SEC", "1000000000", .number(1_000_000_000)),
  Setting("LOAD_TIMEOUT_SEC", "007.250", .number(7.25)),
  Setting("BOOT_BUDGET_MS", "0.5", .number(0.5)),
  Setting("BOOT_BUDGET_MS", "1000000000", .number(1_000_000_000)),
  Setting("BOOT_HARD_LIMIT_MULTIPLIER", "0", .number(0)),
  Setting("BOOT_HARD_LIMIT_MULTIPLIER", "1", .number(1)),
  Setting("BOOT_HARD_LIMIT_MULTIPLIER", "1000", .number(1000)),
  Setting("GRACEFUL_SHUTDOWN_TIMEOUT_SEC", "0.1", .number(0.1)),
  Setting("DRAIN_MIN_SEC", "0", .number(0)),
  Setting("DRAIN_MIN_SEC", "29.999", .number(29.999)),
  Setting("STREAM_DRAIN_SEC", "0", .number(0)),
  Setting("HOLD_MAX_REQUESTS", "0", 0),
  Setting("HOLD_MAX_REQUESTS", "1000000", 1_000_000),
  Setting("HOLD_MAX_SEC", "0.0", .number(0)),
  Setting("WORKER_RESTARTS", "0/60", "0/60"),
  Setting("HEARTBEAT_TIMEOUT_SEC", "0", .number(0)),
  Setting("HEARTBEAT_TIMEOUT_SEC", "1", .number(1)),
  Setting("HEARTBEAT_TIMEOUT_SEC", "1000000000", .number(1_000_000_000)),
  Setting("WORKER_RESTARTS", "1000000/0.5", "1000000/0.5"),
  Setting("WHEELHOUSE_DIR", "wheels", "/work here/wheels"),
  Setting("WHEELHOUSE_DIR", "/opt/wheelhouse/", "/opt/wheelhouse"),
  Setting("PAR_INSTALLER", "UV", "uv"),
  Setting("PAR_INSTALLER", "pip", "pip"),
  Setting("PAR_CACHE_DIR", "cache", "/work here/cache"),
  Setting("PAR_CACHE_MAX_MB", "1", 1),
  Setting("BODY_IDLE_TIMEOUT_SEC", "1", .number(1)),
  Setting("UPSTREAM_CONNECT_TIMEOUT_SEC", "0.25", .number(0.25)),
  Setting("TRUSTED_PROXIES", "none", []),
  Setting("TRUSTED_PROXIES", "10.0.0.1, FD00::/8", ["10.0.0.1/32", "fd00::/8"]),
  Setting("TRUSTED_PROXIES", "0.0.0.0/0", ["0.0.0.0/0"]),
  Setting("LOG_LEVEL", "WARNING", "warning"),
  Setting("LOG_FORMAT", "text", "text"),
  Setting("PAR_MODE", "supervisor", "supervisor"),
]

@Suite("A good configuration")
struct GoodValueTests {
  @Test("has a default for every variable that is unset", arguments: defaults)
  func defaultValue(_ setting: Setting) throws {
    let configuration = try read().get()
    #expect(configuration.redacted[setting.variable] == setting.effective)
  }

  @Test("takes an empty value for an unset one", arguments: defaults)
  func empty(_ setting: Setting) throws {
    let configuration = try read([setting.variable: ""]).get()
    #expect(configuration.redacted[setting.variable] == setting.effective)
  }

  @Test("has the value that was set", arguments: good)
  func value(_ setting: Setting) throws {
    let configuration = try read([setting.variable: setting.value]).get()
    #expect(configuration.redacted[setting.variable] == setting.effective)
  }

  @Test("shows every variable, in their order, and each has a row in these tables")
  func everyVariable() throws {
    let shown = try read().get().redacted.members?.map(\.name)
    #expect(shown == Configuration.variables)
    #expect(Set((defaults + good).map(\.variable)) == Set(Configuration.variables))
  }

  @Test("ignores variables it does not know")
  func unknown() throws {
    #expect(try read(["REST_PORTS": "abc", "PATH": ""]).get() == read().get())
  }

  @Test("counts sizes in units of 1,048,576 bytes")
  func sizes() throws {
    let configuration = try read(["MAX_PACKAGE_SIZE_MB": "3"]).get()
    #expect(configuration.maxPackageBytes == 3_145_728)
    #expect(configuration.maxUnpackedBytes == 1_073_741_824)
    #expect(configuration.cacheMaxBytes == 4_294_967_296)
  }

  @Test("limits a boot to the budget times the multiplier, or not at all")
  func hardLimit() throws {
    #expect(try read().get().hardLimit == .seconds(10))
    #expect(try read(["BOOT_BUDGET_MS": "400.5"]).get().hardLimit == .milliseconds(801))
    #expect(try read(["BOOT_HARD_LIMIT_MULTIPLIER": "0.0"]).get().hardLimit == nil)
    let largest = try read([
      "BOOT_BUDGET_MS": "1000000000", "BOOT_HARD_LIMIT_MULTIPLIER": "1000",
    ]).get()
    #expect(largest.hardLimit == .seconds(1_000_000_000))
  }

  @Test("has an empty base path for the root")
  func rootBasePath() throws {
    #expect(try read(["BASE_PATH": "/"]).get().basePath == "")
  }
}

@Suite("The drain's times")
struct DrainTimeTests {
  @Test(
    "by default follow the deadline",
    arguments: [("30", 1.0, 15.0), ("10", 1.0, 5.0), ("5", 0.5, 2.5), ("0.1", 0.01, 0.05)])
  func defaults(_ deadline: String, _ minimum: Double, _ streams: Double) throws {
    let configuration = try read(["GRACEFUL_SHUTDOWN_TIMEOUT_SEC": deadline]).get()
    #expect(configuration.drainMinimum == .seconds(minimum))
    #expect(configuration.interruptDrainMinimum == .zero)
    #expect(configuration.streamDrain == .seconds(streams))
  }

  @Test("apply to both signals when the minimum is set")
  func explicit() throws {
    let configuration = try read(["DRAIN_MIN_SEC": "12"]).get()
    #expect(configuration.drainMinimum == .seconds(12))
    #expect(configuration.interruptDrainMinimum == .seconds(12))
  }
}

@Suite("The package")
struct PackageSourceTests {
  @Test("is the argument's before the path's before the URL's")
  func precedence() throws {
    let url = "https://example.com/a.apkg?X-Amz-Signature=0123456789"
    #expect(
      try read(["PACKAGE_URL": url], argument: "b").get().package == .path("/work here/b"))
    #expect(try read(["PACKAGE_URL": url]).get().package == .path("/packages/a.apkg"))
    let fromURL = try read(["PACKAGE_URL": url, "AGENT_PACKAGE_PATH": ""]).get()
    #expect(fromURL.package == .url(url))
    #expect(fromURL.redacted["PACKAGE_URL"] == "https://example.com/a.apkg")
  }

  @Test(
    "can be an S3 object or an https URL",
    arguments: [
      "s3://pixell-agent-packages/a/b.apkg", "S3://b/k", "s3://b/k?versionId=é #1",
      "s3://b/\(String(repeating: "k", count: 1024))", "https://example.com",
      "HTTPS://user:pass@example.com:8443/a%20b?c=d#e", "https://[::1]:443/a",
      "https://[fd00::1]/", "https://127.0.0.1:65535/a",
      "https://a/" + PackageSourceTests.long(8182),
    ])
  func url(_ url: String) throws {
    let configuration = try read(["PACKAGE_URL": url, "AGENT_PACKAGE_PATH": nil]).get()
    #expect(configuration.package == .url(url))
  }

  static func long(_ count: Int) -> String { String(repeating: "a", count: count) }
}

@Suite("The cache folder")
struct CacheFolderTests {
  static let homes = ["XDG_CACHE_HOME": "/xdg", "HOME": "/home/me", "TMPDIR": "/t"]

  @Test(
    "is the first that is known",
    arguments: [
      (["PAR_CACHE_DIR": "/own/", "CACHE_DIRECTORY": "/systemd"], UInt32(0), "/own"),
      (["CACHE_DIRECTORY": "/systemd:/second"], 0, "/systemd"),
      (["CACHE_DIRECTORY": "relative"], 0, "/var/cache/par"),
      ([:], 0, "/var/cache/par"),
      ([:], 1000, "/xdg/par"),
      (["XDG_CACHE_HOME": "relative"], 1000, "/home/me/.cache/par"),
      (["XDG_CACHE_HOME": "", "HOME": "/"], 1000, "/.cache/par"),
    ])
  func resolved(_ changes: [String: String], _ userID: UInt32, _ path: String) throws {
    let all = Self.homes.merging(changes) { $1 }.mapValues { Optional($0) }
    let folder = try read(all, userID: userID).get().cacheFolder
    #expect(folder.path == path)
    #expect(!folder.mustBePrivate)
  }

  @Test(
    "is a private one of the user's among temporary files when there is no home",
    arguments: [(["TMPDIR": "/t/"], "/t/par-cache-7"), ([:], "/tmp/par-cache-7")])
  func temporary(_ environment: [String: String], _ path: String) throws {
    let folder = try read(environment.mapValues { Optional($0) }, userID: 7).get().cacheFolder
    #expect(folder.path == path)
    #expect(folder.mustBePrivate)
  }

  @Test("needs nothing from the caller but the environment")
  func surroundings() throws {
    let configuration = try Configuration.read(smallest, packageArgument: "x").get()
    guard case .path(let path) = configuration.package else {
      Issue.record("not a path")
      return
    }
    #expect(path.hasPrefix("/") && path.hasSuffix("/x"))
    #expect(configuration.cacheFolder.path.hasPrefix("/"))
  }
}
