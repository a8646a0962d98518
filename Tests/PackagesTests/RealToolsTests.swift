import Glibc
import Testing

@testable import AgentPackages

/// pip and uv themselves, without any index: a wheel made here, byte by byte.
@Suite("Real installers", .serialized)
struct RealToolsTests {
  static func searchPath() -> String {
    getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
  }
  static let interpreters = InstalledInterpreters(hostPython: nil, searchPath: searchPath())
  /// Those of the two that are here; `PAR_TEST_UV` names a uv outside of `PATH`.
  static let tools: [InstallerTool] = {
    guard let interpreter = interpreters.all.last else { return [] }
    let beside = getenv("PAR_TEST_UV").map { String(cString: $0) }
    let preferences: [InstallerPreference] = [.pip, .uv]
    return preferences.compactMap {
      try? InstallerTool.find(
        $0, interpreter: interpreter, hostPython: beside, searchPath: searchPath())
    }
  }()

  static func wheel(_ name: String, _ version: String, requires: String? = nil) -> [UInt8] {
    let info = "\(name)-\(version).dist-info"
    let requirement = requires.map { "Requires-Dist: \($0)\n" } ?? ""
    let files = [
      ("\(name).py", "version = '\(version)'\n"),
      (
        "\(info)/METADATA",
        "Metadata-Version: 2.1\nName: \(name)\nVersion: \(version)\n\(requirement)"
      ),
      (
        "\(info)/WHEEL",
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
      ),
    ]
    let record = (files.map(\.0) + ["\(info)/RECORD"]).map { "\($0),,\n" }.joined()
    return ArchiveBytes.of(
      (files + [("\(info)/RECORD", record)]).map { ArchiveBytes.Member($0.0, $0.1) })
  }

  struct Setup {
    let package: PackageFolder
    let request: VerifyRequest

    init(_ tool: InstallerTool, requirements: String, host: String) throws {
      package = try PackageFolder(["requirements.txt": requirements])
      let folder = package.temporary
      try folder.write("wheels/par_one-1.0-py3-none-any.whl", wheel("par_one", "1.0"))
      try folder.write("wheels/par_one-2.0-py3-none-any.whl", wheel("par_one", "2.0"))
      try folder.write(
        "wheels/par_two-1.0-py3-none-any.whl", wheel("par_two", "1.0", requires: "par_one>=2"))
      try folder.write("host.txt", host)
      request = VerifyRequest(
        path: package.path, cacheFolder: package.cache,
        hostRequirementsPath: folder.path + "/host.txt",
        hostPython: getenv("PAR_TEST_UV").map { String(cString: $0) },
        installer: tool.kind == .uv ? .uv : .pip, wheelhouse: folder.path + "/wheels",
        wheelhouseOnly: true)
    }
  }

  @Test(
    "the agent's version wins over the host's lower bound; the next boot hits", arguments: tools)
  func installs(tool: InstallerTool) throws {
    let setup = try Setup(tool, requirements: "par_one==1.0\n", host: "par-one>=1\n")
    let package = try PackageSteps.verify(setup.request)
    #expect(package.environment.kind == .miss)
    let installed = try PackageSteps.install(InstallRequest(setup.request, package))
    let run = try ToolRun.start(
      installed.python, ["-c", "import par_one, sys; print(par_one.version, sys.prefix)"],
      folder: "/", environment: [])
    #expect(try run.finish().lastLines == ["1.0 \(installed.folder)"])
    let again = try PackageSteps.verify(setup.request).environment
    #expect(again.kind == .hit && again.python == installed.python)
  }

  @Test("what cannot hold together fails naming both", arguments: tools)
  func conflicts(tool: InstallerTool) throws {
    let setup = try Setup(tool, requirements: "par_one==1.0\n", host: "par_two\n")
    let package = try PackageSteps.verify(setup.request)
    let error = #expect(throws: StepFailure.self) {
      try PackageSteps.install(InstallRequest(setup.request, package))
    }
    let text = error?.error.replacing("_", with: "-") ?? ""
    #expect(
      text.contains("par-one") && text.contains("par-two"),
      "\(error?.error ?? "")\n\(error?.detail ?? "")")
    #expect(FileTree.status(package.environment.folder ?? "") == nil)
  }

  @Test("hashes in requirements.txt are checked, though the host's have none", arguments: tools)
  func hashes(tool: InstallerTool) throws {
    let hash = try SHA256()
    hash.update(Self.wheel("par_one", "1.0"))
    let line = "par_one==1.0 --hash=sha256:\(hash.finish())\n"
    let setup = try Setup(tool, requirements: line, host: "par_one>=1\n")
    let package = try PackageSteps.verify(setup.request)
    #expect(try !PackageSteps.install(InstallRequest(setup.request, package)).reused)
    let wrong = String(line.replacing("sha256:", with: "sha256:0000").dropLast(5)) + "\n"
    let bad = try Setup(tool, requirements: wrong, host: "par_one>=1\n")
    let refused = try PackageSteps.verify(bad.request)
    #expect(throws: StepFailure.self) {
      try PackageSteps.install(InstallRequest(bad.request, refused))
    }
  }

  @Test("what is nowhere is named", arguments: tools)
  func absent(tool: InstallerTool) throws {
    let setup = try Setup(tool, requirements: "par-nowhere>=3\n", host: "")
    let package = try PackageSteps.verify(setup.request)
    let error = #expect(throws: StepFailure.self) {
      try PackageSteps.install(InstallRequest(setup.request, package))
    }
    #expect(
      error?.error.contains("par-nowhere") == true, "\(error?.error ?? "")\n\(error?.detail ?? "")")
  }
}
