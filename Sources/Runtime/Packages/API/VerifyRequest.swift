public import Lifecycle

/// Which tool installs requirements (`PAR_INSTALLER`).
public enum InstallerPreference: String, Sendable, Equatable {
  /// uv when it is found, else pip.
  case auto
  case uv
  case pip
}

/// What the verify step is asked: which package, and within which limits.
public struct VerifyRequest: Sendable, Equatable {
  /// An `.apkg` file or an unpacked package folder.
  public var path: String
  /// What sentences call the package; nil: its path.
  public var name: String?
  /// What the archive's SHA-256 must be: 64 hex digits, either case.
  public var sha256: String?
  /// The archive's SHA-256 when it was computed while it was downloaded, or a moment ago: it is not
  /// hashed again. Only for a file that nobody else writes.
  public var archiveSHA256: String?
  /// Where packages and environments are kept by content; made when missing.
  public var cacheFolder: String
  /// Bytes of all members together, unpacked.
  public var maximumUnpackedBytes: Int64
  /// Members of an archive, folders included.
  public var maximumFiles: Int
  /// The agent host's own `requirements.txt`.
  public var hostRequirementsPath: String
  /// The Python of the environment in which the agent host is already installed, when there is one.
  public var hostPython: String?
  public var installer: InstallerPreference
  /// A folder of wheels offered to the installer.
  public var wheelhouse: String?
  /// No index at all: only the wheelhouse.
  public var wheelhouseOnly: Bool
  /// After something was added to the cache, what was used longest ago is removed down to this
  /// (`PAR_CACHE_MAX_MB`). nil: nothing is removed; set it only when runs hold a `CacheLease`.
  public var cacheMaximumBytes: Int64?

  public init(
    path: String, name: String? = nil, sha256: String? = nil, archiveSHA256: String? = nil,
    cacheFolder: String,
    maximumUnpackedBytes: Int64 = 1024 << 20, maximumFiles: Int = 20_000,
    hostRequirementsPath: String, hostPython: String? = nil,
    installer: InstallerPreference = .auto, wheelhouse: String? = nil, wheelhouseOnly: Bool = false,
    cacheMaximumBytes: Int64? = nil
  ) {
    self.path = path
    self.name = name
    self.sha256 = sha256
    self.archiveSHA256 = archiveSHA256
    self.cacheFolder = cacheFolder
    self.maximumUnpackedBytes = maximumUnpackedBytes
    self.maximumFiles = maximumFiles
    self.hostRequirementsPath = hostRequirementsPath
    self.hostPython = hostPython
    self.installer = installer
    self.wheelhouse = wheelhouse
    self.wheelhouseOnly = wheelhouseOnly
    self.cacheMaximumBytes = cacheMaximumBytes
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "verify request")
    path = try fields.text("path")
    name = try fields.optionalText("name")
    sha256 = try fields.optionalText("sha256")
    archiveSHA256 = try fields.optionalText("archive_sha256")
    cacheFolder = try fields.text("cache_folder")
    maximumUnpackedBytes = try fields.whole("max_unpacked_bytes")
    maximumFiles = Int(clamping: try fields.whole("max_files"))
    hostRequirementsPath = try fields.text("host_requirements")
    hostPython = try fields.optionalText("host_python")
    installer = try fields.choice("installer")
    wheelhouse = try fields.optionalText("wheelhouse")
    wheelhouseOnly = try fields.flag("wheelhouse_only")
    cacheMaximumBytes = fields.value["cache_max_bytes"]?.whole
  }

  public var json: JSONValue {
    .members([
      "path": .string(path), "name": .optional(name), "sha256": .optional(sha256),
      "archive_sha256": .optional(archiveSHA256), "cache_folder": .string(cacheFolder),
      "max_unpacked_bytes": .integer(maximumUnpackedBytes),
      "max_files": .integer(Int64(maximumFiles)),
      "host_requirements": .string(hostRequirementsPath), "host_python": .optional(hostPython),
      "installer": .string(installer.rawValue), "wheelhouse": .optional(wheelhouse),
      "wheelhouse_only": .bool(wheelhouseOnly),
      "cache_max_bytes": cacheMaximumBytes.map(JSONValue.integer) ?? .null,
    ])
  }
}

extension VerifyRequest {
  /// Tools run in other folders, and an environment knows its own path. The package's path is kept
  /// as it was written, because sentences name it.
  var withAbsolutePaths: VerifyRequest {
    var copy = self
    copy.cacheFolder = FileTree.absolute(cacheFolder)
    copy.hostRequirementsPath = FileTree.absolute(hostRequirementsPath)
    copy.hostPython = hostPython.map(FileTree.absolute)
    copy.wheelhouse = wheelhouse.map(FileTree.absolute)
    return copy
  }
}
