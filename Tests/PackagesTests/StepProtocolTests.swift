import CPlatform
import Glibc
import Lifecycle
import Testing

@testable import AgentPackages

@Suite("Step protocol")
struct StepProtocolTests {
  /// Runs a step in a process of its own, with its request and its answer in files.
  private func run(_ request: String, _ step: String) async throws -> [JSONValue] {
    let folder = try TemporaryFolder()
    let input = try folder.write("in", request)
    let output = folder.path + "/out"
    let result = await #expect(processExitsWith: .exitCode(step == "verify" ? 0 : 1)) {
      [input = input as String, output = output as String, step = step as String] in
      dup2(par_open(input, O_RDONLY, 0), 0)
      dup2(par_open(output, O_WRONLY | O_CREAT | O_TRUNC, 0o600), 1)
      let status = step == "verify" ? PackageSteps.runVerify() : PackageSteps.runInstall()
      exit(status)
    }
    _ = result
    let bytes = try FileTree.contents(output, limit: 1 << 20) ?? []
    return try bytes.split(separator: 0x0A).map { try JSONReader.decode($0) }
  }

  @Test("one request line in; progress, then the result as the last line")
  func verify() async throws {
    let package = try PackageFolder(["agent.yaml": "name: a\nui: {path: .}\n", "index.html": "x"])
    let request = String(decoding: JSONWriter.encode(package.request.json), as: UTF8.self)
    let lines = try await run(request + "\nmore\n", "verify")
    #expect(lines.dropLast().allSatisfy { $0["progress"]?.text != nil })
    let verified = try VerifiedPackage(json: lines.last?["ok"] ?? .null)
    #expect(verified.root == package.path)
    #expect(verified.sha256 == nil)
    #expect(verified.files == 2)
    #expect(verified.environment == EnvironmentPlan(kind: .none))
    #expect(verified.agentEnvironment.contains { $0.name == "PATH" && $0.source == .operator })
  }

  @Test(
    "a failure is the last line, with its sentence", arguments: ["{}", "", "[", "{\"root\":1}"])
  func failure(request: String) async throws {
    let lines = try await run(request, "install")
    #expect(lines.count == 1)
    let failure = try StepFailure(json: lines.last?["failure"] ?? .null)
    #expect(!failure.error.isEmpty)
  }

  @Test("every message survives the way through JSON")
  func roundTrips() throws {
    let request = VerifyRequest(
      path: "/a", sha256: "00", cacheFolder: "/c", maximumUnpackedBytes: 1 << 40, maximumFiles: 3,
      hostRequirementsPath: "/h", hostPython: "/p", installer: .uv, wheelhouse: "/w",
      wheelhouseOnly: true)
    #expect(try VerifyRequest(json: request.json) == request)
    let bare = VerifyRequest(path: "/a", cacheFolder: "/c", hostRequirementsPath: "/h")
    #expect(try VerifyRequest(json: bare.json) == bare)
    let plan = EnvironmentPlan(
      kind: .miss, key: "k", python: "/p", pythonVersion: "3.11", installer: "uv",
      installerPath: "/u", folder: "/f", interpreter: "/i")
    let package = VerifiedPackage(
      root: "/r", sha256: nil, bytes: 1, files: 2, manifest: Manifest(name: "a", uiPath: "ui"),
      agentEnvironment: [AgentVariable(name: "A", value: "b", source: .deploy)],
      environment: plan, warnings: [StepWarning(code: "c", message: "m")])
    #expect(try VerifiedPackage(json: package.json) == package)
    let install = InstallRequest(request, package)
    #expect(try InstallRequest(json: install.json) == install)
    let failure = StepFailure("e", detail: "d", hint: nil)
    #expect(try StepFailure(json: failure.json) == failure)
  }
}
