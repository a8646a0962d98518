import Lifecycle
import Testing

@testable import RunConfiguration

private let rows = VariableSection.allCases.flatMap(\.rows)
private let ownRows = VariableSection.allCases.filter(\.isOwn).flatMap(\.rows)

/// Names that the sources set, drop or speak of, but do not read.
private let notRead: Set<String> = [
  // Told to the installers, or kept from them.
  "CONDA_PREFIX", "NO_COLOR", "PIP_CACHE_DIR", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_INPUT",
  "PIP_PREFIX", "PIP_TARGET", "PIP_USER", "UV_CACHE_DIR", "UV_NO_PROGRESS",
  "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_PYTHON_DOWNLOADS", "VIRTUAL_ENV",
  // Passed on to workers.
  "CURL_CA_BUNDLE", "HTTP_PROXY", "MALLOC_ARENA_MAX", "REQUESTS_CA_BUNDLE",
  // Named as what is no credential here, and what is no secret.
  "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "SSH_AUTH_SOCK",
  // What a terminal says of itself to `trace`.
  "COLUMNS", "TERM",
  // What the agent host tells the program (sd_notify(3)).
  "X_PAR_A2A", "X_PAR_FAILURE", "X_PAR_WARNING",
]

/// The literals of a source that can only be variables' names, and what is looked up by name.
private func namesRead(in source: String) -> Set<String> {
  var names: Set<String> = []
  let pieces = source.split(separator: "\"", omittingEmptySubsequences: false)
  for (before, piece) in zip(pieces, pieces.dropFirst()) where !piece.isEmpty {
    let isCapital = piece.utf8.allSatisfy {
      (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
    }
    let isWhole = piece.first != "_" && piece.last != "_" && piece.contains("_")
    let isLookedUp = before.hasSuffix("nvironment[") || before.hasSuffix("getenv(")
    if isCapital && isWhole || isLookedUp { names.insert(String(piece)) }
  }
  return names
}

@Suite("The table of variables")
struct VariableTableTests {
  @Test("has one row for each variable")
  func once() {
    let names = rows.flatMap(\.names)
    #expect(Set(names).count == names.count)
    #expect(Configuration.variables == ownRows.flatMap(\.names))
    #expect(ownRows.allSatisfy { $0.names.count == 1 })
  }

  @Test("has a row for every variable that a source reads, and no other")
  func sources() throws {
    var read: Set<String> = []
    var text = ""
    for path in Repository.files(beneath: "Sources", ending: ".swift") {
      // The machine and the data plane read no variable; gRPC's statuses look like some.
      guard !path.contains("/VariableSection"), !path.hasPrefix("Sources/Lifecycle/"),
        !path.hasPrefix("Sources/Runtime/DataPlane/")
      else { continue }
      let source = try #require(Repository.text(path))
      read.formUnion(namesRead(in: source))
      text += source
    }
    let names = Set(rows.flatMap(\.names))
    #expect(read.subtracting(names).subtracting(notRead) == [])
    #expect(names.filter { !text.contains("\"\($0)\"") } == [], "nothing reads it")
    #expect(notRead.filter { !text.contains("\"\($0)\"") } == [], "nothing names it any more")
  }

  @Test("has the default that holds", arguments: Configuration.variables)
  func defaults(_ name: String) throws {
    let row = try #require(ownRows.first { $0.names == [name] })
    let effective = try read().get().redacted[name]
    switch name {
    // What has a sentence for a default, each with what the sentence says.
    case "AGENT_APP_ID":
      #expect(row.default == "required")
      #expect(read([name: nil]).problems.map(\.variable) == [name])
    case "AGENT_PACKAGE_PATH": #expect(row.default == "–")
    case "BASE_PATH":
      #expect(row.default == "`/agents/` and the id")
      #expect(effective == "/agents/my-agent")
    case "TRUSTED_PROXIES":
      #expect(row.default == "loopback, private, link-local and unique local addresses")
      #expect(effective == .array(Configuration.privateRanges.map { .string($0) }))
    case "PAR_CACHE_DIR":
      #expect(row.default.hasPrefix("the first there is of: `$CACHE_DIRECTORY`, as root"))
    case "DRAIN_MIN_SEC":
      #expect(
        row.default
          == "after SIGTERM 1, or a tenth of the deadline when that is shorter; after SIGINT 0")
      #expect(effective == .number(1))
      let short = try read(["GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "5"]).get()
      #expect(short.drainMinimum == .milliseconds(500))
      #expect(short.interruptDrainMinimum == .zero)
    case "STREAM_DRAIN_SEC":
      #expect(row.default == "half the deadline")
      let long = try read(["GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "50"]).get()
      #expect(long.streamDrain == .seconds(25))
    default:
      let plain = VariableTable.plain(row.default)
      // Setting the default changes nothing; it is what an unset variable means.
      let value = plain == "–" ? nil : plain
      #expect(try read([name: value]).get().redacted[name] == effective)
      #expect(value != nil || effective == .null)
    }
  }

  @Test("names every word of a choice")
  func choices() throws {
    func expect<Choice: CaseIterable & RawRepresentable<String>>(_ name: String, _: Choice.Type) {
      let row = ownRows.first { $0.names == [name] }
      for choice in Choice.allCases {
        #expect(row?.meaning.contains("`\(choice.rawValue)`") == true, "\(name): \(choice)")
      }
    }
    expect("PAR_INSTALLER", Configuration.Installer.self)
    expect("LOG_LEVEL", LogLevel.self)
    expect("LOG_FORMAT", Configuration.LogFormat.self)
    expect("PAR_MODE", Configuration.Mode.self)
  }

  @Test("has the bounds that the rules have")
  func bounds() {
    func meaning(_ name: String) -> String {
      ownRows.first { $0.names == [name] }?.meaning ?? ""
    }
    #expect(meaning("MAX_PACKAGE_FILES").contains("from 1 to 10,000,000:"))
    #expect(meaning("HOLD_MAX_REQUESTS").contains("from 0 to 1,000,000:"))
    #expect(meaning("BOOT_BUDGET_MS").contains("at most 1,000,000,000:"))
    #expect(meaning("BOOT_HARD_LIMIT_MULTIPLIER").contains("from 1 to 1000:"))
    #expect(meaning("WORKER_RESTARTS").contains("up to 1,000,000)"))
    #expect(meaning("TRUSTED_PROXIES").contains("Up to 1024 addresses"))
  }

  @Test(
    "has the numbers of the targets that read for themselves",
    arguments: [
      (
        "LISTEN_FDS", "up to 64 listening", "ControlPlane/ServiceEnvironment",
        "descriptorLimit = 64"
      ),
      ("LISTEN_FDS", "from descriptor 3 on", "ControlPlane/ServiceEnvironment", "Int32 = 3\n"),
      ("AWS_REGION", "`us-east-1`", "Fetch/S3/S3Source", #"defaultRegion = "us-east-1""#),
      ("TMPDIR", "`/tmp`", "Controller/RunFolder", #"environment["TMPDIR"], "/tmp"]"#),
      ("PATH", "`/usr/bin:/bin`", "Packages/PackageSteps", #"?? "/usr/bin:/bin""#),
    ])
  func others(name: String, words: String, file: String, code: String) throws {
    let row = try #require(rows.first { $0.names.contains(name) })
    #expect("\(row.default) \(row.meaning)".contains(words))
    #expect(try #require(Repository.text("Sources/Runtime/\(file).swift")).contains(code))
  }

  @Test("is read with the bounds that docs/configuration.md has by hand")
  func kinds() throws {
    let page = try #require(Repository.text("docs/configuration.md"))
    let seconds = VariableRow.grouped(Int64(EnvironmentReader.maximumSeconds))
    #expect(page.contains("decimal number of seconds (`…_SEC`, at most \(seconds))"))
    let unit = VariableRow.grouped(EnvironmentReader.megabyte)
    let most = VariableRow.grouped(EnvironmentReader.maximumMegabytes)
    #expect(page.contains("whole number of units of \(unit) bytes (`…_MB`), from 1 to \(most) |"))
  }

  @Test("is one line a cell, without what would end one")
  func cells() {
    for cell in rows.flatMap({ $0.names + [$0.default, $0.meaning] }) {
      #expect(!cell.isEmpty && !cell.contains { $0.isNewline || $0 == "|" }, "\(cell)")
      #expect(cell.filter { $0 == "`" }.count.isMultiple(of: 2), "\(cell)")
    }
  }

  @Test("is for a terminal no wider than 100 columns, and without marks")
  func terminal() {
    let text = VariableTable.text(.text)
    for line in text.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
    #expect(text.filter { "`[]|".contains($0) } == "")
    #expect(text.contains("\n  REST_PORT (default: 8080)\n      0 to 65535; 0 is any free port,"))
    #expect(text.contains("docs/packages.md#downloads\n"))
    for row in rows { #expect(text.contains("\n  \(row.names.joined(separator: ", "))")) }
  }

  @Test(
    "has Markdown's marks for the page alone",
    arguments: [
      ("`a` or `b`", "a or b"), ("see [x.md](x.md#y).", "see docs/x.md#y."),
      ("([a](a.md)) and [b](b.md#c)", "(docs/a.md) and docs/b.md#c"), ("[1] (2)", "[1] (2)"),
      ("–", "–"),
    ])
  func plain(markdown: String, text: String) {
    #expect(VariableTable.plain(markdown) == text)
  }

  @Test("is what docs/configuration.md has between its markers (else: make docs)")
  func page() throws {
    let page = try #require(Repository.text("docs/configuration.md"))
    let stale = VariableSection.allCases.filter {
      !page.contains(VariableTable.markdown($0))
        || $0.isOwn && !page.contains("\n## \($0.title)\n\n<!-- variables:")
    }
    #expect(stale == [], "make docs writes their tables anew; their titles are by hand")
    let markers = page.split(separator: "\n").filter { $0.hasPrefix("<!-- variables: ") }
    #expect(markers.count == VariableSection.allCases.count)
  }
}
