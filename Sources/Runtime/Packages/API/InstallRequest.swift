public import Lifecycle

/// What the install step is asked: make the environment of a plan that is a miss.
public struct InstallRequest: Sendable, Equatable {
  /// The verified package's folder; its requirements are read there again.
  public var root: String
  public var cacheFolder: String
  public var hostRequirementsPath: String
  public var wheelhouse: String?
  public var wheelhouseOnly: Bool
  public var plan: EnvironmentPlan
  /// As `VerifyRequest.cacheMaximumBytes`.
  public var cacheMaximumBytes: Int64?

  public init(
    root: String, cacheFolder: String, hostRequirementsPath: String, wheelhouse: String? = nil,
    wheelhouseOnly: Bool = false, plan: EnvironmentPlan,
    cacheMaximumBytes: Int64? = nil
  ) {
    self.root = root
    self.cacheFolder = cacheFolder
    self.hostRequirementsPath = hostRequirementsPath
    self.wheelhouse = wheelhouse
    self.wheelhouseOnly = wheelhouseOnly
    self.plan = plan
    self.cacheMaximumBytes = cacheMaximumBytes
  }

  /// What follows from a verified package.
  public init(_ request: VerifyRequest, _ package: VerifiedPackage) {
    let request = request.withAbsolutePaths
    self.init(
      root: package.root, cacheFolder: request.cacheFolder,
      hostRequirementsPath: request.hostRequirementsPath, wheelhouse: request.wheelhouse,
      wheelhouseOnly: request.wheelhouseOnly, plan: package.environment,
      cacheMaximumBytes: request.cacheMaximumBytes)
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "install request")
    root = try fields.text("root")
    cacheFolder = try fields.text("cache_folder")
    hostRequirementsPath = try fields.text("host_requirements")
    wheelhouse = try fields.optionalText("wheelhouse")
    wheelhouseOnly = try fields.flag("wheelhouse_only")
    plan = try EnvironmentPlan(json: try fields.object("plan"))
    cacheMaximumBytes = fields.value["cache_max_bytes"]?.whole
  }

  public var json: JSONValue {
    .members([
      "root": .string(root), "cache_folder": .string(cacheFolder),
      "host_requirements": .string(hostRequirementsPath), "wheelhouse": .optional(wheelhouse),
      "wheelhouse_only": .bool(wheelhouseOnly), "plan": plan.json,
      "cache_max_bytes": cacheMaximumBytes.map(JSONValue.integer) ?? .null,
    ])
  }
}

/// An environment that is complete and visible under its key.
public struct InstalledEnvironment: Sendable, Equatable {
  /// The interpreter to start.
  public var python: String
  public var folder: String
  public var key: String
  /// As `3.11`.
  public var pythonVersion: String
  /// `uv` or `pip`.
  public var installer: String
  /// Another boot had finished it while this one waited for the lock.
  public var reused: Bool

  public init(
    python: String, folder: String, key: String, pythonVersion: String, installer: String,
    reused: Bool
  ) {
    self.python = python
    self.folder = folder
    self.key = key
    self.pythonVersion = pythonVersion
    self.installer = installer
    self.reused = reused
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "installed environment")
    python = try fields.text("python")
    folder = try fields.text("folder")
    key = try fields.text("key")
    pythonVersion = try fields.text("python_version")
    installer = try fields.text("installer")
    reused = try fields.flag("reused")
  }

  public var json: JSONValue {
    .members([
      "python": .string(python), "folder": .string(folder), "key": .string(key),
      "python_version": .string(pythonVersion), "installer": .string(installer),
      "reused": .bool(reused),
    ])
  }
}
