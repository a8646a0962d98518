import LinuxSystem
import Glibc
import Testing

@testable import AgentPackages

@Suite("Environment plan")
struct EnvironmentPlanTests {
  /// A machine with a host environment on Python 3.11 and a 3.12 in `PATH`.
  struct Machine {
    let package: PackageFolder
    var request: VerifyRequest
    var searchPath: String { package.temporary.path + "/bin" }

    init(_ files: [String: String] = [:]) throws {
      package = try PackageFolder(files)
      let folder = package.temporary
      let elf = InterpreterTests.elf
      try folder.write("base/python3.11", elf, mode: 0o755)
      try folder.write("bin/python3.12", elf, mode: 0o755)
      try makeFolders(folder.path + "/env/bin")
      symlink("../../base/python3.11", folder.path + "/env/bin/python")
      try folder.write("host.txt", "fastapi\n")
      request = package.request
      request.hostPython = folder.path + "/env/bin/python"
    }

    func plan(runtime: String? = "python3.11") throws -> EnvironmentPlan {
      var manifest = try ManifestReader.read(folder: package.path)
      manifest.runtime = runtime
      return try EnvironmentPlanner(
        request: request, packageRoot: package.path, manifest: manifest, searchPath: searchPath
      ).plan().plan
    }
  }

  @Test("no requirements and the host's version: its own environment, no installer looked for")
  func none() throws {
    var machine = try Machine()
    machine.request.installer = .uv
    let plan = try machine.plan()
    #expect(plan.kind == .none)
    #expect(plan.python == machine.request.hostPython)
    #expect(plan.pythonVersion == "3.11")
    #expect(plan.key == nil)
  }

  @Test("a package whose only surface is ui starts no Python, whatever it says")
  func uiOnly() throws {
    let machine = try Machine([
      "agent.yaml": "name: a\nui: {path: ui}\nentrypoint: m:f\n", "ui/index.html": "x",
      "requirements.txt": "--broken\n",
    ])
    #expect(try machine.plan(runtime: "node20") == EnvironmentPlan(kind: .none))
  }

  @Test("requirements, or another version, need an environment of their own")
  func miss() throws {
    let machine = try Machine()
    let other = try machine.plan(runtime: nil)
    #expect(other.kind == .miss)
    #expect(other.pythonVersion == "3.12")
    #expect(other.folder == machine.package.cache + "/environments/" + (other.key ?? ""))
    #expect(other.python == (other.folder ?? "") + "/bin/python")
    try machine.package.write("requirements.txt", "x\n")
    let own = try machine.plan()
    #expect(own.kind == .miss)
    #expect(own.key != other.key)
    try machine.package.temporary.write(
      "cache/environments/\(own.key ?? "")/bin/python", "", mode: 0o755)
    #expect(try machine.plan().kind == .miss)
    try machine.package.temporary.write("cache/environments/\(own.key ?? "")/.par-complete", "{}")
    #expect(try machine.plan().kind == .hit)
  }

  @Test("uv is found in PATH or beside the host's Python; asked for and absent is an error")
  func installer() throws {
    var machine = try Machine(["requirements.txt": "x\n"])
    machine.request.installer = .auto
    #expect(try machine.plan().installer == "pip")
    machine.request.installer = .uv
    let error = #expect(throws: StepFailure.self) { try machine.plan() }
    #expect(error?.error == "PAR_INSTALLER is uv and uv is not in PATH")
    let uv = try machine.package.temporary.write("env/bin/uv", "", mode: 0o755)
    machine.request.installer = .auto
    #expect(try machine.plan().installerPath == uv)
    machine.request.installer = .pip
    #expect(try machine.plan().installer == "pip")
  }

  @Test("the key follows what decides the content and nothing else")
  func key() throws {
    var machine = try Machine(["requirements.txt": "b\nA_x>=1\n-r in.txt\n", "in.txt": "c\n"])
    let first = try machine.plan().key
    #expect(first?.count == 64)
    try machine.package.write("requirements.txt", "# same\na-x>=1\nb\n-r in.txt\n")
    #expect(try machine.plan().key == first)
    var keys: Set<String?> = [first]
    func changed() throws -> Bool { keys.insert(try machine.plan().key).inserted }
    try machine.package.write("in.txt", "c==2\n")
    #expect(try changed())
    try machine.package.temporary.write("host.txt", "fastapi>=1\n")
    #expect(try changed())
    machine.request.wheelhouse = "/wheels"
    #expect(try changed())
    machine.request.wheelhouseOnly = true
    #expect(try changed())
    try machine.package.temporary.write("base/python3.11", InterpreterTests.elf + "!", mode: 0o755)
    #expect(try changed())
    keys.insert(try machine.plan(runtime: "python3.12").key)
    #expect(keys.count == 7)
  }
}
