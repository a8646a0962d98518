import RunConfiguration
import Testing

/// A variable, a value that must be refused, and words its sentence must have.
struct Mistake: CustomTestStringConvertible {
  let variable: String
  let value: String
  let words: String

  init(_ variable: String, _ value: String, _ words: String) {
    self.variable = variable
    self.value = value
    self.words = words
  }

  var testDescription: String { "\(variable)=\(value.prefix(40))" }
}

private func every(_ variables: [String], _ values: [String], _ words: String) -> [Mistake] {
  variables.flatMap { variable in values.map { Mistake(variable, $0, words) } }
}

private let notWhole = [
  "abc", "-1", "+1", "1.5", "1e3", "0x10", " 1", "1 ", "1\n", "1,000", "1_000", "٣", "１", "½",
  "9223372036854775808", "18446744073709551617", "99999999999999999999999999",
]
private let notDecimal = [
  "abc", "-1", "+1", "1e3", "0x10", " 1", "1 ", "1s", ".5", "5.", ".", "1.2.3", "1,5", "nan",
  "inf", "infinity", "٣", "1000000000.1", "99999999999999999999999999",
]
private let times = [
  "FETCH_TIMEOUT_SEC", "INSTALL_TIMEOUT_SEC", "LOAD_TIMEOUT_SEC", "GRACEFUL_SHUTDOWN_TIMEOUT_SEC",
  "BODY_IDLE_TIMEOUT_SEC", "UPSTREAM_CONNECT_TIMEOUT_SEC",
]
private let zeroTimes = ["DRAIN_MIN_SEC", "STREAM_DRAIN_SEC", "HOLD_MAX_SEC"]
private let ports = ["REST_PORT", "A2A_PORT", "UI_PORT"]
private let sizes = ["MAX_PACKAGE_SIZE_MB", "MAX_UNPACKED_SIZE_MB", "PAR_CACHE_MAX_MB"]
private let flags = [
  "MULTIPLEXED", "WHEELHOUSE_ONLY", "TIMING_HEADER", "ECS_TASK_PROTECTION",
]

private let numbers: [Mistake] =
  every(ports, notWhole + ["65536"], "a whole number from 0 to 65535")
  + every(sizes, notWhole + ["0", "1073741825"], "a whole number from 1 to 1073741824")
  + every(["MAX_PACKAGE_FILES"], notWhole + ["0", "10000001"], "from 1 to 10000000")
  + every(["HOLD_MAX_REQUESTS"], notWhole + ["1000001"], "from 0 to 1000000")
  + every(times, notDecimal + ["0", "0.0", "0.0000000001"], "number of seconds above 0")
  + every(zeroTimes, notDecimal, "number of seconds from 0 to 1000000000")
  + every(["BOOT_BUDGET_MS"], notDecimal + ["0", "0.0000001"], "number of milliseconds above 0")
  + every(
    ["BOOT_HARD_LIMIT_MULTIPLIER"], notDecimal + ["0.5", "0.999", "1000.1"],
    "0 (no hard limit) or a decimal number from 1 to 1000")
  + every(
    ["HEARTBEAT_TIMEOUT_SEC"], notDecimal + ["0.5", "0.999"],
    "0 (off) or a decimal number of seconds from 1 to 1000000000")
  + every(
    ["WORKER_RESTARTS"],
    ["3", "3/", "/60", "3/60/1", "-1/60", "3/0", "3/-1", "1.5/60", "3 / 60", "1000001/60", "a/b"],
    "restarts/seconds")
  + every(["SLOW_REQUEST_MS"], notDecimal, "number of milliseconds from 0 to 1000000000")
  + every(
    ["ACCESS_LOG"], ["2", "1.01", "-0.1", ".5", "1e-3", "1%", "0,1", "t", "00.5.0"],
    "or a decimal number from 0 to 1")
  + every(flags, ["2", "t", "y", "enabled", " true", "true ", "null", "00"], "true, 1, yes, on")

private let words: [Mistake] = [
  Mistake("AGENT_APP_ID", " ", "1 to 128 letters, digits"),
  Mistake("AGENT_APP_ID", "-a", "starting with a letter or digit"),
  Mistake("AGENT_APP_ID", ".", "starting with a letter or digit"),
  Mistake("AGENT_APP_ID", "a/b", "letters, digits"),
  Mistake("AGENT_APP_ID", "a b", "letters, digits"),
  Mistake("AGENT_APP_ID", "agént", "letters, digits"),
  Mistake("AGENT_APP_ID", "a\n", #""a\u{a}""#),
  Mistake("AGENT_APP_ID", String(repeating: "a", count: 129), "…\""),
  Mistake("PACKAGE_URL", "file:///a.apkg", "file:// URLs are not allowed"),
  Mistake("PACKAGE_URL", "FILE://a", "file:// URLs are not allowed"),
  Mistake("PACKAGE_URL", "file:/a", "file:// URLs are not allowed"),
  Mistake("PACKAGE_URL", "http://example.com/a", "no other scheme is allowed"),
  Mistake("PACKAGE_URL", "ftp://example.com/a", "no other scheme is allowed"),
  Mistake("PACKAGE_URL", " https://example.com/a", "s3://bucket/key or an https:// URL"),
  Mistake("PACKAGE_URL", "example.com/a.apkg", "s3://bucket/key or an https:// URL"),
  Mistake("PACKAGE_URL", "/a.apkg", "s3://bucket/key or an https:// URL"),
  Mistake("PACKAGE_URL", "https:/example.com", "s3://bucket/key or an https:// URL"),
  Mistake("PACKAGE_URL", "https://", "an https:// URL with a host"),
  Mistake("PACKAGE_URL", "https:///a", "an https:// URL with a host"),
  Mistake("PACKAGE_URL", "https://user@/a", "an https:// URL with a host"),
  Mistake("PACKAGE_URL", "https://a@b@host/a", "one @ at most"),
  Mistake("PACKAGE_URL", "https://[::1/a", "an https:// URL with a host"),
  Mistake("PACKAGE_URL", "https://[1.2.3.4]/a", "an https:// URL with a host"),
  Mistake("PACKAGE_URL", "https://a:0/", "from 1 to 65535"),
  Mistake("PACKAGE_URL", "https://a:65536/", "from 1 to 65535"),
  Mistake("PACKAGE_URL", "https://a:b/", "from 1 to 65535"),
  Mistake("PACKAGE_URL", "https://a/b c", "percent-encoded"),
  Mistake("PACKAGE_URL", "https://a/é", "percent-encoded"),
  Mistake("PACKAGE_URL", "https://a/\n", "percent-encoded"),
  Mistake("PACKAGE_URL", "https://a/" + String(repeating: "a", count: 8183), "8192 bytes"),
  Mistake("PACKAGE_URL", "s3://bucket", "s3://bucket/key"),
  Mistake("PACKAGE_URL", "s3://bucket/", "s3://bucket/key"),
  Mistake("PACKAGE_URL", "s3:///key", "s3://bucket/key"),
  Mistake("PACKAGE_URL", "s3://bu cket/key", "s3://bucket/key"),
  Mistake("PACKAGE_URL", "s3://b/" + String(repeating: "k", count: 1025), "1024 bytes"),
  Mistake("PACKAGE_URL", "s3://b/k\u{7}", "control characters"),
  Mistake("AGENT_PACKAGE_PATH", "file:///a.apkg", "file:// URLs are not allowed"),
  Mistake("AGENT_PACKAGE_PATH", "s3://b/k", "a URL goes into PACKAGE_URL"),
  Mistake("PACKAGE_SHA256", "abc", "64 hexadecimal digits"),
  Mistake("PACKAGE_SHA256", String(repeating: "g", count: 64), "64 hexadecimal digits"),
  Mistake("PACKAGE_SHA256", String(repeating: "a", count: 65), "64 hexadecimal digits"),
  Mistake("PACKAGE_SHA256", "sha256:" + String(repeating: "a", count: 64), "64 hexadecimal"),
  Mistake("DEPLOYMENT_ID", "a\tb", "without control characters"),
  Mistake("DEPLOYMENT_ID", "a\u{85}b", "without control characters"),
  Mistake("DEPLOYMENT_ID", String(repeating: "a", count: 513), "at most 512 bytes"),
  Mistake("S3_BUCKET", "a/b", "a bucket's name"),
  Mistake("S3_BUCKET", "s3://a", "a bucket's name"),
  Mistake("S3_BUCKET", String(repeating: "a", count: 256), "at most 255"),
  Mistake("BASE_PATH", "//", "without //"),
  Mistake("BASE_PATH", "/a//b", "without //"),
  Mistake("BASE_PATH", "/a//", "without //"),
  Mistake("BASE_PATH", "/a/../b", "without . and .. segments"),
  Mistake("BASE_PATH", ".", "without . and .. segments"),
  Mistake("BASE_PATH", "/a b", "letters, digits and"),
  Mistake("BASE_PATH", "/a%20b", "letters, digits and"),
  Mistake("BASE_PATH", "/agents/${AGENT_APP_ID}", "letters, digits and"),
  Mistake("BASE_PATH", "/é", "letters, digits and"),
  Mistake("BASE_PATH", "/" + String(repeating: "a", count: 1024), "at most 1024 bytes"),
  Mistake("BIND_ADDRESS", "localhost", "an IPv4 or IPv6 address"),
  Mistake("BIND_ADDRESS", "0.0.0.0:80", "an IPv4 or IPv6 address"),
  Mistake("BIND_ADDRESS", "256.0.0.1", "an IPv4 or IPv6 address"),
  Mistake("BIND_ADDRESS", "[::1]", "an IPv4 or IPv6 address"),
  Mistake("BIND_ADDRESS", "*", "an IPv4 or IPv6 address"),
  Mistake("DRAIN_MIN_SEC", "30", "less than GRACEFUL_SHUTDOWN_TIMEOUT_SEC, which is 30"),
  Mistake("DRAIN_MIN_SEC", "31", "less than GRACEFUL_SHUTDOWN_TIMEOUT_SEC, which is 30"),
  Mistake("PAR_INSTALLER", "conda", "auto, uv or pip"),
  Mistake("PAR_MODE", "worker", "agent or supervisor"),
  Mistake("LOG_LEVEL", "warn", "debug, info, warning or error"),
  Mistake("LOG_FORMAT", "JSON ", "json or text"),
  Mistake("TRUSTED_PROXIES", "10.0.0.0/33", "no range such as 10.0.0.0/8"),
  Mistake("TRUSTED_PROXIES", "10.0.0.0/-1", "no range such as 10.0.0.0/8"),
  Mistake("TRUSTED_PROXIES", "10.0.0.0/8/8", "no range such as 10.0.0.0/8"),
  Mistake("TRUSTED_PROXIES", "::/129", "no range such as 10.0.0.0/8"),
  Mistake("TRUSTED_PROXIES", "10.0.0.0/8,", "names \"\""),
  Mistake("TRUSTED_PROXIES", "10.0.0.0/8,proxy.example", "names \"proxy.example\""),
  Mistake("TRUSTED_PROXIES", "10.1.2.3/8", "10.0.0.0/8 has none"),
  Mistake("TRUSTED_PROXIES", "fd00::1/9", "fd00::/9 has none"),
  Mistake("TRUSTED_PROXIES", String(repeating: "::1,", count: 1024) + "::1", "at most 1024"),
]

@Suite("A bad value")
struct BadValueTests {
  @Test("is one problem that names the variable, the value and the rule", arguments: numbers)
  func number(_ mistake: Mistake) { check(mistake) }

  @Test("of a text is one problem that names the rule", arguments: words)
  func text(_ mistake: Mistake) { check(mistake) }

  private func check(_ mistake: Mistake) {
    let problems = read([mistake.variable: mistake.value]).problems
    #expect(problems.map(\.variable) == [mistake.variable])
    for problem in problems {
      #expect(problem.error.hasPrefix(mistake.variable))
      #expect(problem.error.contains(mistake.words), "\(problem.error)")
      #expect(problem.hint.contains("docs/errors.md#"))
      #expect(!problem.error.utf8.contains { $0 < 0x20 })
      #expect(problem.error.utf8.count < 600)
    }
  }

  @Test("and every other mistake are reported together, in the order of the variables")
  func together() {
    var environment = Dictionary(
      uniqueKeysWithValues: Configuration.variables.map { ($0, "\u{1}") })
    for free in ["WHEELHOUSE_DIR", "PAR_CACHE_DIR", "AGENT_PACKAGE_PATH"] {
      environment[free] = nil
    }
    let problems = Configuration.read(environment, packageArgument: nil).problems
    let expected = Configuration.variables.filter { environment[$0] != nil }
    #expect(problems.map(\.variable) == expected)
  }

  @Test("leaves what the log of the refusal needs")
  func log() throws {
    let bad = ["REST_PORT": "x", "LOG_FORMAT": "Text", "DEPLOYMENT_ID": "d"]
    guard case .failure(let all) = read(bad.mapValues { Optional($0) }) else {
      Issue.record("not refused")
      return
    }
    #expect(all.agentAppID == "my-agent" && all.deploymentID == "d" && all.logFormat == .text)
    guard case .failure(let none) = read(["AGENT_APP_ID": "/", "LOG_FORMAT": "xml"]) else {
      Issue.record("not refused")
      return
    }
    #expect(none.agentAppID == nil && none.deploymentID == nil && none.logFormat == .json)
  }

  @Test("does not show what is secret about a URL")
  func secretURL() {
    for url in [
      "http://me:hunter22@host/a?X-Amz-Signature=abc", "https://me:hunter22@/a?X-Amz-Signature=abc",
      "me:hunter22@host?X-Amz-Signature=abc", "https://me:h?hunter22@host:x/a?X-Amz-Signature=abc",
    ] {
      let problems = read(["PACKAGE_URL": url]).problems
      #expect(problems.count == 1)
      #expect(!problems.contains { $0.error.contains("hunter") || $0.error.contains("Signature") })
    }
  }

  @Test("does not show what stands in a secret variable as well")
  func secretValue() {
    let problems = read(["BASE_PATH": "my secret!", "API_TOKEN": "my secret!"]).problems
    #expect(problems.map(\.error).first?.hasPrefix("BASE_PATH is \"***\": ") == true)
  }
}

@Suite("A missing value")
struct MissingValueTests {
  @Test("of AGENT_APP_ID is a problem, unset or empty", arguments: [nil, ""])
  func agentAppID(_ value: String?) {
    let problems = read(["AGENT_APP_ID": value]).problems
    #expect(problems.map(\.error) == ["AGENT_APP_ID missing or empty"])
  }

  @Test("of the package is one problem")
  func package() {
    let problems = read(["AGENT_PACKAGE_PATH": nil]).problems
    #expect(problems.map(\.variable) == ["PACKAGE_URL"])
    #expect(problems.first?.error.contains("no package is named") == true)
  }

  @Test("of an argument of run is a problem of PACKAGE", arguments: ["", "file:///a", "s3://b/k"])
  func argument(_ argument: String) {
    #expect(read(argument: argument).problems.map(\.variable) == ["PACKAGE"])
  }
}

@Suite("Ports")
struct PortTests {
  @Test(
    "that are alike are a problem of the later one",
    arguments: [
      (["REST_PORT": "50051"], ["A2A_PORT"]),
      (["REST_PORT": "9000", "A2A_PORT": "9000"], ["A2A_PORT"]),
      (["UI_PORT": "8080", "MULTIPLEXED": "false"], ["UI_PORT"]),
      (["A2A_PORT": "3000", "MULTIPLEXED": "false"], ["UI_PORT"]),
      (
        ["REST_PORT": "7", "A2A_PORT": "7", "UI_PORT": "7", "MULTIPLEXED": "0"],
        ["A2A_PORT", "UI_PORT"]
      ),
    ])
  func alike(_ changes: [String: String], _ variables: [String]) {
    #expect(read(changes.mapValues { Optional($0) }).problems.map(\.variable) == variables)
  }

  @Test(
    "may be alike when they are 0 or the UI's is not opened",
    arguments: [
      ["REST_PORT": "0", "A2A_PORT": "0", "UI_PORT": "0", "MULTIPLEXED": "false"],
      ["UI_PORT": "8080"], ["UI_PORT": "50051", "MULTIPLEXED": "true"],
    ])
  func free(_ changes: [String: String]) {
    #expect(read(changes.mapValues { Optional($0) }).problems.isEmpty)
  }

  @Test("are compared only when they are good themselves")
  func noCascade() {
    let bad = ["REST_PORT": "50051", "A2A_PORT": "x", "UI_PORT": "50051", "MULTIPLEXED": "perhaps"]
    let problems = read(bad.mapValues { Optional($0) }).problems
    #expect(problems.map(\.variable) == ["A2A_PORT", "MULTIPLEXED"])
  }
}

@Suite("Warnings")
struct WarningTests {
  @Test("are not given for a plain configuration")
  func none() throws {
    #expect(try read().get().warnings.isEmpty)
    let usual = try read([
      "AGENT_PACKAGE_PATH": nil, "PACKAGE_URL": "s3://pixell-agent-packages/a.apkg",
    ]).get()
    #expect(usual.warnings.isEmpty)
  }

  @Test(
    "name what cannot hold together",
    arguments: [
      (["AGENT_PACKAGE_PATH": "", "PACKAGE_URL": "s3://other/a"], "bucket_differs", "other"),
      (["BOOT_BUDGET_MS": "5"], "limit_short", "BOOT_BUDGET_MS"),
      (["GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "0.5"], "limit_short", "0.5 s"),
      (["STREAM_DRAIN_SEC": "60"], "limit_short", "STREAM_DRAIN_SEC"),
      (["WHEELHOUSE_ONLY": "true"], "wheelhouse_missing", "WHEELHOUSE_DIR"),
    ])
  func warning(_ changes: [String: String], _ code: String, _ words: String) throws {
    let warnings = try read(changes.mapValues { Optional($0) }).get().warnings
    #expect(warnings.map(\.code) == [code])
    #expect(warnings.first?.message.contains(words) == true)
  }
}
