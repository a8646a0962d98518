import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// Decides which Python runs an agent and under which key its environment is found.
struct EnvironmentPlanner {
  /// Changes whenever the way environments are built does, so that old ones are not used.
  static let format = "par-environment-1"

  let request: VerifyRequest
  let packageRoot: String
  let manifest: Manifest
  let searchPath: String

  func plan() throws -> (
    plan: EnvironmentPlan, requirements: Requirements?, warnings: [StepWarning]
  ) {
    guard manifest.needsPython else { return (EnvironmentPlan(kind: .none), nil, []) }
    let wanted = try InstalledInterpreters.wantedMinor(manifest.runtime)
    let installed = InstalledInterpreters(
      hostPython: request.hostPython, searchPath: searchPath, wanted: wanted)
    let (interpreter, warning) = try installed.choose(minor: wanted)
    let requirements = try Requirements(packageRoot: packageRoot)
    let warnings = (warning.map { [$0] } ?? []) + requirements.warnings
    if requirements.isEmpty, interpreter.isHost, let python = request.hostPython {
      let plan = EnvironmentPlan(
        kind: .none, python: python, pythonVersion: interpreter.version,
        interpreter: interpreter.path)
      return (plan, requirements, warnings)
    }
    let tool = try InstallerTool.find(
      request.installer, interpreter: interpreter, hostPython: request.hostPython,
      searchPath: searchPath)
    let key = try Self.key(
      requirements: requirements, hostRequirementsPath: request.hostRequirementsPath,
      interpreter: interpreter, installer: tool.kind, wheelhouse: request.wheelhouse,
      wheelhouseOnly: request.wheelhouseOnly)
    let folder = EnvironmentStore(cacheFolder: request.cacheFolder).folder(of: key)
    let plan = EnvironmentPlan(
      kind: EnvironmentStore.isComplete(folder) ? .hit : .miss, key: key,
      python: folder + "/bin/python", pythonVersion: interpreter.version,
      installer: tool.kind.rawValue, installerPath: tool.path, folder: folder,
      interpreter: interpreter.path)
    return (plan, requirements, warnings)
  }

  /// SHA-256 over everything that decides what is in the environment.
  static func key(
    requirements: Requirements, hostRequirementsPath: String, interpreter: Interpreter,
    installer: InstallerTool.Kind, wheelhouse: String?, wheelhouseOnly: Bool
  ) throws -> String {
    guard
      let host = try FileTree.contents(
        hostRequirementsPath, limit: Requirements.maximumFileBytes)
    else {
      throw StepFailure(
        "the agent host's requirements \(hostRequirementsPath) cannot be read",
        hint: "the installation is incomplete; docs/errors.md#installation")
    }
    let hash = try SHA256()
    // Each part with its length, so that no two lists of parts are the same bytes.
    func add(_ part: some Collection<UInt8>) {
      hash.update(Array("\(part.count):".utf8))
      hash.update(part)
    }
    add(Self.format.utf8)
    for line in requirements.normalised { add(line.utf8) }
    add(requirements.setupScript ?? [])
    add(host)
    add(interpreter.identity.utf8)
    add(installer.rawValue.utf8)
    add((wheelhouse ?? "").utf8)
    add(wheelhouseOnly ? "only".utf8 : "".utf8)
    add(platform.utf8)
    return hash.finish()
  }

  /// As `linux x86_64 glibc-2.36`.
  static var platform: String {
    var name = utsname()
    uname(&name)
    let machine = withUnsafeBytes(of: &name.machine) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return "linux \(machine) glibc-\(String(cString: par_libc_version()))"
  }
}
