import Glibc
import Lifecycle
import LinuxSystem

/// Builds one environment: the agent's requirements and the agent host's, resolved as one set.
struct EnvironmentInstaller {
  /// The installer's last line is told at most this often, in nanoseconds.
  static let progressInterval: Int64 = 200_000_000

  let request: InstallRequest
  let report: StepReport
  private let key: String
  private let folder: String
  private let interpreter: String
  private let tool: InstallerTool

  init(_ request: InstallRequest, report: StepReport) throws(StepFailure) {
    guard let key = request.plan.key, let folder = request.plan.folder,
      let interpreter = request.plan.interpreter, let path = request.plan.installerPath,
      let kind = request.plan.installer.flatMap(InstallerTool.Kind.init(rawValue:))
    else { throw StepFailure("the install request has no plan of an environment to build") }
    self.request = request
    self.report = report
    self.key = key
    self.folder = folder
    self.interpreter = interpreter
    tool = InstallerTool(kind: kind, path: path)
  }

  func install() throws -> InstalledEnvironment {
    do {
      let store = EnvironmentStore(cacheFolder: request.cacheFolder)
      let lock = try store.lock(key) {
        report.progress("waiting for another boot that installs the same environment")
      }
      defer { withExtendedLifetime(lock) {} }
      if EnvironmentStore.isComplete(folder) { return result(reused: true) }
      try store.discard(key)
      // What the tools write beside the environment goes with it, also when they are killed.
      try makeFolders(store.temporaryFolder(of: key), mode: 0o700)
      do { try build(holding: lock) } catch {
        try? store.discard(key)
        throw error
      }
      try? FileTree.remove(store.temporaryFolder(of: key))
      return result(reused: false)
    } catch let error as SystemError {
      throw PackageStore.failure(error, doing: "installing the environment into \(folder)")
    }
  }

  private func result(reused: Bool) -> InstalledEnvironment {
    InstalledEnvironment(
      python: folder + "/bin/python", folder: folder, key: key,
      pythonVersion: request.plan.pythonVersion ?? "", installer: tool.kind.rawValue,
      reused: reused)
  }

  private func build(holding lock: Descriptor) throws {
    let requirements = try Requirements(packageRoot: request.root)
    report.progress("making the environment with \(tool.kind.rawValue)")
    switch tool.kind {
    case .uv:
      try run(
        tool.path, ["venv", "--no-project", "--python", interpreter, folder], lock,
        failing: "uv could not make an environment from \(interpreter)")
    case .pip:
      try run(
        interpreter, ["-m", "venv", folder], lock,
        failing: "\(interpreter) could not make an environment (python3-venv may be missing)")
    }
    try checkPython()
    var lines = requirements.lines
    if requirements.setupScript != nil { lines += try setupRequirements(lock) }
    try install(requirements, lines: lines, lock)
    try checkPython()
    try EnvironmentStore.complete(
      folder,
      content: .members([
        "key": .string(key), "python": .string(request.plan.pythonVersion ?? ""),
        "interpreter": .string(interpreter), "installer": .string(tool.kind.rawValue),
      ]))
  }

  /// A tool that says it worked is not believed.
  private func checkPython() throws(StepFailure) {
    let python = folder + "/bin/python"
    guard access(python, X_OK) != 0 else { return }
    throw StepFailure(
      "\(tool.path) ended without an error, but the environment it made has no \(python)",
      hint: "try it by hand, or set PAR_INSTALLER to the other one; docs/errors.md#installer")
  }

  private func install(_ requirements: Requirements, lines: [String], _ lock: Descriptor) throws {
    let options =
      request.wheelhouseOnly
      ? requirements.options.filter { $0.hasPrefix("--pre") || $0.hasPrefix("--find-links /") }
      : requirements.options
    let own = try write("par-requirements.txt", options + lines)
    var agent = ["-r", own]
    if !requirements.constraints.isEmpty {
      agent += ["-c", try write("par-constraints.txt", requirements.constraints)]
    }
    let host = ["-r", request.hostRequirementsPath]
    let wanted = "the requirements of the package"
    if requirements.hasHashes, tool.kind == .pip {
      // pip wants a hash for everything or for nothing: the agent's own first, then the host's
      // against what is there.
      try runInstaller(["--require-hashes"] + agent, wanted, lock)
      let frozen = try run(
        folder + "/bin/python", ["-m", "pip", "freeze"], lock, failing: "pip freeze failed")
      let pins = try write("par-frozen.txt", frozen.filter { $0.contains("==") })
      try runInstaller(host + ["-c", pins], wanted, lock)
    } else {
      try runInstaller(agent + host, wanted, lock)
    }
  }

  private func write(_ name: String, _ lines: [String]) throws -> String {
    let path = folder + "/" + name
    let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    try file.write(Array(lines.map { $0 + "\n" }.joined().utf8)[...])
    return path
  }

  private func runInstaller(_ arguments: [String], _ what: String, _ lock: Descriptor) throws {
    var wheels: [String] = []
    if let wheelhouse = request.wheelhouse { wheels += ["--find-links", wheelhouse] }
    if request.wheelhouseOnly { wheels.append("--no-index") }
    let python = folder + "/bin/python"
    let compile = compilesAhead
    switch tool.kind {
    case .uv:
      let flags = compile ? ["--compile-bytecode"] : []
      try run(
        tool.path, ["pip", "install", "--python", python] + flags + wheels + arguments, lock,
        failing: nil)
    case .pip:
      let flags = compile ? [] : ["--no-compile"]
      try run(python, ["-m", "pip", "install"] + flags + wheels + arguments, lock, failing: nil)
    }
  }

  /// The first import compiles what it needs, a third of what is installed, and keeps it. Only
  /// where Python was told not to keep it is everything compiled now.
  private var compilesAhead: Bool {
    AgentEnvironment.ofProcess().contains {
      $0.name == "PYTHONDONTWRITEBYTECODE" && !$0.text.isEmpty
    }
  }

  /// What a hand-written `setup.py` requires, from the metadata setuptools writes for it. The
  /// project itself is not built and not installed.
  private func setupRequirements(_ lock: Descriptor) throws -> [String] {
    report.progress("asking setup.py for its requirements")
    try runInstaller(["setuptools"], "setuptools", lock)
    let metadata = folder + "/par-egg-info"
    try makeFolders(metadata)
    try run(
      folder + "/bin/python", ["-B", "setup.py", "-q", "egg_info", "--egg-base", metadata], lock,
      folder: request.root, failing: "setup.py of the package could not tell its requirements")
    let name = folderNames(metadata).first { $0.hasSuffix(".egg-info") } ?? ""
    let bytes = try FileTree.contents(
      "\(metadata)/\(name)/requires.txt", limit: Requirements.maximumFileBytes)
    return Self.requirements(ofEggInfo: String(decoding: bytes ?? [], as: UTF8.self))
  }

  /// `requires.txt` of setuptools: lines, then `[extra]` or `[:marker]` sections; extras are left out.
  static func requirements(ofEggInfo text: String) -> [String] {
    var marker: Substring? = ""
    var lines: [String] = []
    for line in text.split(whereSeparator: \.isNewline) where !line.isEmpty {
      if line.hasPrefix("["), line.hasSuffix("]") {
        let section = line.dropFirst().dropLast()
        marker = section.hasPrefix(":") ? section.dropFirst() : nil
      } else if let marker {
        lines.append(marker.isEmpty ? String(line) : "\(line) ; \(marker)")
      }
    }
    return lines
  }

  /// Runs a tool; its last lines go into the failure. `failing` nil: the lines themselves say what
  /// did not fit.
  @discardableResult
  private func run(
    _ path: String, _ arguments: [String], _ lock: Descriptor, folder workFolder: String? = nil,
    failing sentence: String?
  ) throws -> [String] {
    let started: ToolRun
    do {
      started = try ToolRun.start(
        path, arguments, folder: workFolder ?? parent, environment: environment, held: lock)
    } catch {
      throw StepFailure(
        "\(path) cannot be executed (\(error.reason))", hint: "docs/errors.md#installer")
    }
    var told = -Self.progressInterval
    let result = try started.finish { line in
      let now = Clock.now().nanoseconds
      guard now - told >= Self.progressInterval else { return }
      told = now
      report.progress(line)
    }
    guard result.status != 0 else { return result.lastLines }
    let detail = result.lastLines.joined(separator: "\n")
    if result.lastLines.contains(where: { $0.contains("No space left on device") }) {
      throw StepFailure(
        "the disk is full: the environment cannot be installed into \(parent)", detail: detail,
        hint: "free some space or set PAR_CACHE_DIR to another disk; docs/errors.md#disk-full")
    }
    if result.status > 128 {
      throw StepFailure(
        "\(path) was ended by \(SignalSource.name(Int32(clamping: result.status - 128)))",
        detail: detail, hint: "look at memory and its limits; docs/errors.md#installer")
    }
    if let sentence {
      throw StepFailure(
        "\(sentence), status \(result.status)", detail: detail, hint: "docs/errors.md#installer"
      )
    }
    throw StepFailure(
      ResolverOutput.sentence(result.lastLines, tool: tool.kind, status: result.status),
      detail: detail,
      hint: "correct requirements.txt; the agent host's own requirements are lower bounds;"
        + " docs/errors.md#requirements")
  }

  private var parent: String { EnvironmentStore(cacheFolder: request.cacheFolder).folder }

  /// The operator's environment, without what would point the tool at another Python.
  private var environment: [String] {
    let dropped: Set<String> = [
      "VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "CONDA_PREFIX", "UV_PYTHON",
      "UV_PROJECT_ENVIRONMENT", "PIP_TARGET", "PIP_PREFIX", "PIP_USER",
    ]
    var set = [
      "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1",
      "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1",
      "PYTHONNOUSERSITE": "1",
      "TMPDIR": EnvironmentStore(cacheFolder: request.cacheFolder).temporaryFolder(of: key),
    ]
    let present = AgentEnvironment.ofProcess()
    if !present.contains(where: { $0.name == "HOME" }) {
      // Without a home the tools have no place for their caches.
      set["UV_CACHE_DIR"] = request.cacheFolder + "/uv"
      set["PIP_CACHE_DIR"] = request.cacheFolder + "/pip"
    }
    let kept = present.filter { !dropped.contains($0.name) && set[$0.name] == nil }
    return kept.map { "\($0.name)=\($0.text)" } + set.map { "\($0.key)=\($0.value)" }
  }
}
