public import Lifecycle

/// One variable of the agent's environment and where it came from.
public struct AgentVariable: Sendable, Equatable {
  public enum Source: String, Sendable, Equatable {
    case dotenv = ".env"
    case manifest = "agent.yaml"
    case deploy = "deploy.json"
    case `operator` = "operator"
  }

  public var name: String
  public var value: String
  public var source: Source

  public init(name: String, value: String, source: Source) {
    self.name = name
    self.value = value
    self.source = source
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "variable")
    name = try fields.text("name")
    value = try fields.text("value")
    source = try fields.choice("source")
  }

  public var json: JSONValue {
    .members([
      "name": .string(name), "value": .string(value), "source": .string(source.rawValue),
    ])
  }
}

/// Which Python runs the agent, and whether something has to be installed first.
public struct EnvironmentPlan: Sendable, Equatable {
  public enum Kind: String, Sendable, Equatable {
    /// Nothing to install: `python` is the host environment's, or nil when no code is to run.
    case none
    /// Installed already under this key.
    case hit
    /// To be installed by the install step; `python` exists afterwards.
    case miss
  }

  public var kind: Kind
  /// 64 hex digits over everything that decides the environment's content.
  public var key: String?
  /// The path to start; nil when the package starts no Python.
  public var python: String?
  /// As `3.11`.
  public var pythonVersion: String?
  /// `uv` or `pip`.
  public var installer: String?
  /// The path of that tool: uv itself, or the interpreter whose `venv` and pip are used.
  public var installerPath: String?
  /// The environment's folder in the cache.
  public var folder: String?
  /// The interpreter the environment is made from: a real path, no shim.
  public var interpreter: String?

  public init(
    kind: Kind, key: String? = nil, python: String? = nil, pythonVersion: String? = nil,
    installer: String? = nil, installerPath: String? = nil, folder: String? = nil,
    interpreter: String? = nil
  ) {
    self.kind = kind
    self.key = key
    self.python = python
    self.pythonVersion = pythonVersion
    self.installer = installer
    self.installerPath = installerPath
    self.folder = folder
    self.interpreter = interpreter
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "environment plan")
    kind = try fields.choice("kind")
    key = try fields.optionalText("key")
    python = try fields.optionalText("python")
    pythonVersion = try fields.optionalText("python_version")
    installer = try fields.optionalText("installer")
    installerPath = try fields.optionalText("installer_path")
    folder = try fields.optionalText("folder")
    interpreter = try fields.optionalText("interpreter")
  }

  public var json: JSONValue {
    .members([
      "kind": .string(kind.rawValue), "key": .optional(key), "python": .optional(python),
      "python_version": .optional(pythonVersion), "installer": .optional(installer),
      "installer_path": .optional(installerPath), "folder": .optional(folder),
      "interpreter": .optional(interpreter),
    ])
  }
}

/// What the verify step found: a package that can be loaded.
public struct VerifiedPackage: Sendable, Equatable {
  /// The package's folder: in the cache, or the folder that was given.
  public var root: String
  /// Of the archive, lower case; nil for a folder.
  public var sha256: String?
  /// Of the archive; for a folder the sum of its files.
  public var bytes: Int64
  /// Regular files.
  public var files: Int
  public var manifest: Manifest
  /// The agent's whole environment, sorted by name.
  public var agentEnvironment: [AgentVariable]
  public var environment: EnvironmentPlan
  public var warnings: [StepWarning]

  public init(
    root: String, sha256: String?, bytes: Int64, files: Int, manifest: Manifest,
    agentEnvironment: [AgentVariable], environment: EnvironmentPlan, warnings: [StepWarning]
  ) {
    self.root = root
    self.sha256 = sha256
    self.bytes = bytes
    self.files = files
    self.manifest = manifest
    self.agentEnvironment = agentEnvironment
    self.environment = environment
    self.warnings = warnings
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "verified package")
    root = try fields.text("root")
    sha256 = try fields.optionalText("sha256")
    bytes = try fields.whole("bytes")
    files = Int(clamping: try fields.whole("files"))
    manifest = try Manifest(json: try fields.object("manifest"))
    agentEnvironment = try fields.list("agent_environment").map(AgentVariable.init(json:))
    environment = try EnvironmentPlan(json: try fields.object("environment"))
    warnings = try fields.list("warnings").map(StepWarning.init(json:))
  }

  public var json: JSONValue {
    .members([
      "root": .string(root), "sha256": .optional(sha256), "bytes": .integer(bytes),
      "files": .integer(Int64(files)), "manifest": manifest.json,
      "agent_environment": .array(agentEnvironment.map(\.json)),
      "environment": environment.json, "warnings": .array(warnings.map(\.json)),
    ])
  }
}
