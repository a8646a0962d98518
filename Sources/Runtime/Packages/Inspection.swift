import Glibc
public import Lifecycle
import LinuxSystem

/// What is in a package and whether it would boot. None of its code is run; an archive is unpacked
/// into a temporary folder that is removed again.
///
/// Of the environment only names and sources are told, never values.
public struct Inspection: Sendable {
  /// What would stop a boot, each as the boot itself would say it.
  public private(set) var problems: [StepFailure] = []
  public private(set) var warnings: [StepWarning] = []
  public private(set) var manifest: Manifest?
  public private(set) var plan: EnvironmentPlan?
  public private(set) var sha256: String?
  public private(set) var bytes: Int64 = 0
  public private(set) var files = 0
  /// `ui.path`'s folder, relative to the package.
  public private(set) var uiFolder: String?
  /// Requirements as they would be given to the installer.
  public private(set) var requirements: [String] = []
  /// The command that would install them; nil when nothing is to be installed.
  public private(set) var installerCommand: String?
  /// Names and sources, sorted by name, of what the package itself sets.
  public private(set) var environment: [(name: String, source: AgentVariable.Source)] = []
  /// How many more variables come from the operator.
  public private(set) var operatorVariables = 0
  public let path: String

  public var wouldBoot: Bool { problems.isEmpty }

  /// Looks at a package with the settings a boot would have.
  public init(_ request: VerifyRequest) {
    path = request.path
    let request = request.withAbsolutePaths
    let temporary = Self.temporaryFolder()
    defer { try? FileTree.remove(temporary) }
    var elsewhere = request
    elsewhere.cacheFolder = temporary
    guard
      let source = attempt({ try PackageSource.open(elsewhere, report: StepReport()) })
    else { return }
    (sha256, bytes, files) = (source.sha256, source.bytes, source.files)
    guard let manifest = attempt({ try ManifestReader.read(folder: source.root) }) else { return }
    self.manifest = manifest
    uiFolder = manifest.uiFolder.map { folder in
      folder == source.root ? "." : String(folder.dropFirst(source.root.count + 1))
    }
    let operatorEnvironment = AgentEnvironment.ofProcess()
    if let merged = attempt({
      try AgentEnvironment(
        packageRoot: source.root, manifest: manifest, operatorEnvironment: operatorEnvironment)
    }) {
      warnings += merged.warnings
      environment = merged.variables.filter { $0.source != .operator }
        .map { ($0.name, $0.source) }
      operatorVariables = merged.variables.count - environment.count
    }
    let searchPath = operatorEnvironment.first { $0.name == "PATH" }?.text ?? "/usr/bin:/bin"
    let planner = EnvironmentPlanner(
      request: request, packageRoot: source.root, manifest: manifest, searchPath: searchPath)
    if let planned = attempt({ try planner.plan() }) {
      plan = planned.plan
      requirements = planned.requirements?.lines ?? []
      warnings += planned.warnings
      installerCommand = Self.command(planned.plan, request)
    }
  }

  private mutating func attempt<Value>(_ body: () throws -> Value) -> Value? {
    do { return try body() } catch {
      problems.append((error as? StepFailure) ?? StepFailure("\(error)"))
      return nil
    }
  }

  private static func temporaryFolder() -> String {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    return (base.hasPrefix("/") ? base : "/tmp") + "/par-inspect-" + randomHexadecimal(bytes: 8)
  }

  private static func command(_ plan: EnvironmentPlan, _ request: VerifyRequest) -> String? {
    guard plan.kind != .none, let installer = plan.installer, let python = plan.python else {
      return nil
    }
    var words =
      installer == "uv"
      ? ["uv", "pip", "install", "--python", python] : [python, "-m", "pip", "install"]
    if let wheelhouse = request.wheelhouse { words += ["--find-links", wheelhouse] }
    if request.wheelhouseOnly { words.append("--no-index") }
    words += ["-r", "requirements.txt", "-r", request.hostRequirementsPath]
    return words.joined(separator: " ")
  }
}

extension Inspection {
  private var surfaces: [(name: String, target: String)] {
    guard let manifest else { return [] }
    let targets: [(String, String?)] = [
      ("rest.entry", manifest.restEntry), ("http_server", manifest.httpServer),
      ("a2a.service", manifest.a2aService), ("a2a.entry", manifest.a2aEntry),
      ("a2a.http_server", manifest.a2aHTTPServer), ("ui", uiFolder ?? manifest.uiPath),
      ("entrypoint", manifest.entrypoint),
    ]
    return targets.compactMap { name, target in target.map { (name, $0) } }
  }

  public var json: JSONValue {
    .members([
      "path": .string(path), "would_boot": .bool(wouldBoot), "sha256": .optional(sha256),
      "bytes": .integer(bytes), "files": .integer(Int64(files)),
      "name": .optional(manifest?.name), "version": .optional(manifest?.version),
      "surfaces": .object(surfaces.map { JSONMember($0.name, .string($0.target)) }),
      "runtime": .optional(manifest?.runtime), "python": .optional(plan?.interpreter),
      "python_version": .optional(plan?.pythonVersion),
      "environment_kind": .optional(plan?.kind.rawValue), "environment_key": .optional(plan?.key),
      "installer": .optional(plan?.installer), "installer_command": .optional(installerCommand),
      "requirements": .array(requirements.map(JSONValue.string)),
      "environment": .array(
        environment.map {
          .members(["name": .string($0.name), "source": .string($0.source.rawValue)])
        }),
      "operator_variables": .integer(Int64(operatorVariables)),
      "ignored_keys": .array((manifest?.ignoredKeys ?? []).map(JSONValue.string)),
      "warnings": .array(warnings.map(\.json)), "problems": .array(problems.map(\.json)),
    ])
  }

  /// The same for a person, with a line break at the end.
  public var text: String {
    var lines: [String] = []
    func add(_ label: String, _ value: String?) {
      guard let value, !value.isEmpty else { return }
      lines.append(label + String(repeating: " ", count: max(1, 14 - label.count)) + value)
    }
    add("package", path)
    add("sha256", sha256)
    add("size", bytes > 0 ? "\(bytes) bytes, \(files) files" : nil)
    if let manifest { add("agent", "\(manifest.name) \(manifest.version)") }
    for surface in surfaces { add(surface.name, surface.target) }
    add("runtime", manifest?.runtime)
    if let plan, manifest != nil {
      let python = plan.interpreter.map { "\($0) (\(plan.pythonVersion ?? "?"))" }
      add("python", python ?? "none is started")
      switch plan.kind {
      case .none: add("environment", plan.python == nil ? "none" : "the agent host's own")
      case .hit: add("environment", "installed already, \(plan.folder ?? "")")
      case .miss: add("environment", "to be installed, \(plan.folder ?? "")")
      }
    }
    add("installs with", installerCommand)
    for requirement in requirements { add("requires", requirement) }
    for variable in environment {
      add("variable", "\(variable.name) (\(variable.source.rawValue))")
    }
    if manifest != nil { add("operator", "\(operatorVariables) variables") }
    for key in manifest?.ignoredKeys ?? [] { add("ignored key", key) }
    for warning in warnings { add("warning", "\(warning.code): \(warning.message)") }
    for problem in problems {
      add("problem", problem.error)
      add("", problem.hint)
    }
    lines.append(wouldBoot ? "This package would boot." : "This package would not boot.")
    return lines.joined(separator: "\n") + "\n"
  }
}
