import Glibc
import Testing

@testable import AgentPackages

@Suite("Environment installation")
struct EnvironmentInstallTests {
  /// An install request whose uv is a script.
  struct Setup: Sendable {
    let folder: TemporaryFolder
    let request: InstallRequest
    var environment: String { request.plan.folder ?? "" }
    var log: String { folder.path + "/uv.log" }

    /// What the script does as `uv pip install`.
    init(_ script: String = "", requirements: String = "x==1\n") throws {
      folder = try TemporaryFolder()
      try folder.write("package/requirements.txt", requirements)
      let host = try folder.write("host.txt", "fastapi\n")
      let uv = try folder.write("uv", "", mode: 0o755)
      let cache = folder.path + "/cache"
      let key = String(repeating: "ab", count: 32)
      let environment = EnvironmentStore(cacheFolder: cache).folder(of: key)
      request = InstallRequest(
        root: folder.path + "/package", cacheFolder: cache, hostRequirementsPath: host,
        plan: EnvironmentPlan(
          kind: .miss, key: key, python: environment + "/bin/python", pythonVersion: "3.11",
          installer: "uv", installerPath: uv, folder: environment, interpreter: "/bin/true"))
      try become(script)
    }

    func become(_ script: String) throws {
      let text = """
        #!/bin/sh
        echo "$*" >> '\(log)'
        if [ "$1" = venv ]; then
          for last; do :; done
          mkdir "$last" "$last/bin" || exit 9
          : > "$last/bin/python"; chmod +x "$last/bin/python"
          exit 0
        fi
        \(script)
        """
      try folder.write("uv", text, mode: 0o755)
    }

    var runs: [String] {
      let bytes = (try? FileTree.contents(log, limit: 1 << 20)) ?? []
      return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
    var isComplete: Bool { EnvironmentStore.isComplete(environment) }
  }

  @Test("the agent's and the host's requirements are resolved as one set, and told line by line")
  func builds() throws {
    let setup = try Setup("echo Resolved 3 packages; sed 's/^/file: /' \"$7\"")
    var told: [String] = []
    let done = try PackageSteps.install(
      setup.request, report: StepReport(progress: { told.append($0) }))
    #expect(!done.reused)
    #expect(done.python == setup.environment + "/bin/python")
    #expect(try InstalledEnvironment(json: done.json) == done)
    #expect(setup.isComplete)
    #expect(setup.runs.count == 2)
    #expect(setup.runs.last?.contains("-r \(setup.environment)/par-requirements.txt") == true)
    #expect(setup.runs.last?.hasSuffix("-r \(setup.folder.path)/host.txt") == true)
    #expect(told.contains("Resolved 3 packages"))
    let again = try PackageSteps.install(setup.request)
    #expect(again.reused && setup.runs.count == 2)
  }

  @Test("only the wheelhouse: no index, whatever the requirements say")
  func wheelhouse() throws {
    var request = try Setup(requirements: "-i https://x/y\n--pre\nx\n").request
    let setup = try Setup(requirements: "-i https://x/y\n--pre\nx\n")
    request = setup.request
    request.wheelhouse = "/wheels"
    request.wheelhouseOnly = true
    _ = try PackageSteps.install(request)
    #expect(setup.runs.last?.contains("--find-links /wheels --no-index -r") == true)
    let file = try FileTree.contents(setup.environment + "/par-requirements.txt", limit: 4096)
    #expect(String(decoding: file ?? [], as: UTF8.self) == "--pre\nx\n")
  }

  static let failures: [(String, String, String)] = [
    (
      """
      echo '  × No solution found when resolving dependencies:' >&2
      echo '  ╰─▶ Because only x==2 is available and' >&2
      echo '      you require x==1, we can conclude that your requirements are' >&2
      echo '      unsatisfiable.' >&2; exit 1
      """,
      "the requirements cannot be installed: Because only x==2 is available and you require x==1,"
        + " we can conclude that your requirements are unsatisfiable.", "#requirements"
    ),
    (
      "echo 'error: Failed to fetch: x' ; exit 2", "cannot be installed: Failed to fetch: x",
      "#requirements"
    ),
    (
      """
      echo 'error: No solution found when resolving dependencies'
      echo '  cause: Because a depends on b>=2 and you require b==1,'
      echo '         your requirements are unsatisfiable.'
      echo 'hint: other'; exit 1
      """,
      "installed: Because a depends on b>=2 and you require b==1, your requirements are unsatisfiable.",
      "#requirements"
    ),
    ("exit 3", "the requirements cannot be installed: uv ended with status 3", "#requirements"),
    ("kill -9 $$", "/uv was ended by SIGKILL", "#installer"),
    ("for one in \"$4\"; do rm \"$one\"; done", "the environment it made has no", "#installer"),
    (
      "echo 'failed: No space left on device (os error 28)'; exit 2", "the disk is full",
      "#disk-full"
    ),
  ]

  @Test(
    "a failure is one sentence, the tool's last lines its detail, and nothing stays",
    arguments: failures)
  func fails(script: String, sentence: String, anchor: String) throws {
    let setup = try Setup(script)
    let error = #expect(throws: StepFailure.self) { try PackageSteps.install(setup.request) }
    #expect(error?.error.contains(sentence) == true, "\(error?.error ?? "")")
    #expect(error?.hint?.contains(anchor) == true)
    #expect(FileTree.status(setup.environment) == nil)
    try setup.become("")
    #expect(try !PackageSteps.install(setup.request).reused)
  }

  @Test("what a tool leaves running is not waited for, whatever it keeps open")
  func leavesRunning() throws {
    let setup = try Setup("sleep 1000 & echo \"left $!\"")
    var left: pid_t?
    let report = StepReport(progress: {
      if $0.hasPrefix("left ") { left = pid_t($0.dropFirst(5)) }
    })
    #expect(try !PackageSteps.install(setup.request, report: report).reused)
    let pid = try #require(left)
    #expect(kill(pid, SIGKILL) == 0, "it lives, and the installation is over")
  }

  @Test("pip's conflict names who asked for what")
  func pipConflict() {
    let lines = [
      "ERROR: Cannot install a and b==1 because these package versions have conflicting dependencies.",
      "The conflict is caused by:", "    The user requested b==1", "    a 1.0 depends on b>=2", "",
    ]
    let sentence = ResolverOutput.sentence(lines, tool: .pip, status: 1)
    #expect(sentence.contains("Cannot install a and b==1"))
    #expect(sentence.contains("(The user requested b==1; a 1.0 depends on b>=2)"))
    #expect(
      ResolverOutput.sentence(
        ["ERROR: Could not find a version", "ERROR: No matching distribution found for zz==9"],
        tool: .pip, status: 1)
        == "the requirements cannot be installed: No matching distribution found for zz==9")
  }

  @Test("eight boots at once build once; the others wait and use it")
  func concurrency() throws {
    let setup = try Setup()
    let results = inParallel(8) { _ in try PackageSteps.install(setup.request).reused }
    #expect(results.count { (try? $0.get()) == false } == 1)
    #expect(results.count { (try? $0.get()) == true } == 7)
    #expect(setup.runs.count == 2)
  }

  @Test("killed in the middle: not visible, and the next boot builds it anew")
  func killed() async throws {
    let setup = try Setup("touch \"$5/../half\"; kill -9 $PPID; while :; do :; done")
    let json = String(decoding: JSONText.of(setup.request), as: UTF8.self)
    await #expect(processExitsWith: .signal(SIGKILL)) { [json = json as String] in
      _ = try PackageSteps.install(JSONText.request(json))
    }
    #expect(FileTree.status(setup.environment) != nil)
    #expect(!setup.isComplete)
    try setup.become("")
    #expect(try !PackageSteps.install(setup.request).reused)
    #expect(FileTree.status(setup.environment + "/bin/half") == nil)
  }

  @Test("a tool's endless output is held in bounds, escapes removed")
  func bounds() throws {
    let run = try ToolRun.start(
      "/bin/sh",
      [
        "-c",
        "yes 0123456789 | head -5000; head -c 9000 /dev/zero | tr '\\0' a; printf '\\n\\033[31mred\\033[0m\\n'",
      ],
      folder: "/", environment: ["PATH=/usr/bin:/bin"])
    let result = try run.finish()
    #expect(result.lastLines.count == ToolRun.keptLines)
    #expect(result.lastLines.last == "red")
    #expect(result.lastLines.dropLast().last?.utf8.count == ToolRun.keptLineBytes)
  }
}
