import AgentPackages
public import Lifecycle

/// What the fetch step is asked: where the package is, and within which limits.
public struct FetchRequest: Sendable, Equatable {
  /// What is downloaded, for the sentences about it.
  public enum Subject: String, Sendable {
    case package
    /// A supervisor's list of agents.
    case config
  }

  public var subject: Subject
  /// `https://…` or `s3://bucket/key`, as the operator wrote it. Never shown with its query or
  /// user-info.
  public var url: String
  /// What the archive's SHA-256 must be: 64 hex digits, lower case.
  public var sha256: String?
  /// Bytes of the archive.
  public var maximumBytes: Int64
  /// For all attempts and waits together. The step gives up `lastWord` earlier.
  public var timeoutMilliseconds: Int64
  /// Where packages are kept by content; an absolute path, made when missing.
  public var cacheFolder: String
  /// Names this run's temporary files.
  public var runID: String
  /// After a download, what was used longest ago is removed down to this. nil: nothing is removed.
  public var cacheMaximumBytes: Int64?

  /// Who started the step ends it at the time-out: until then it has to have said what kept it.
  static let lastWord = Interval.milliseconds(250)

  var timeout: Interval { .milliseconds(timeoutMilliseconds) }

  /// When the step gives up.
  func deadline(from started: Instant) -> Instant {
    started + max(timeout - Self.lastWord, timeout * 0.5)
  }

  public init(
    url: String, sha256: String? = nil, maximumBytes: Int64, timeoutMilliseconds: Int64,
    cacheFolder: String, runID: String, cacheMaximumBytes: Int64? = nil,
    subject: Subject = .package
  ) {
    self.subject = subject
    self.url = url
    self.sha256 = sha256
    self.maximumBytes = maximumBytes
    self.timeoutMilliseconds = timeoutMilliseconds
    self.cacheFolder = cacheFolder
    self.runID = runID
    self.cacheMaximumBytes = cacheMaximumBytes
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "fetch request")
    subject = json["subject"] == nil ? .package : try fields.choice("subject")
    url = try fields.text("url")
    sha256 = try fields.optionalText("sha256")?.lowercased()
    maximumBytes = try fields.whole("max_bytes")
    timeoutMilliseconds = try fields.whole("timeout_ms")
    cacheFolder = try fields.text("cache_folder")
    runID = try fields.text("run_id")
    cacheMaximumBytes = fields.value["cache_max_bytes"]?.whole
  }

  public var json: JSONValue {
    .members([
      "subject": .string(subject.rawValue), "url": .string(url), "sha256": .optional(sha256),
      "max_bytes": .integer(maximumBytes),
      "timeout_ms": .integer(timeoutMilliseconds), "cache_folder": .string(cacheFolder),
      "run_id": .string(runID),
      "cache_max_bytes": cacheMaximumBytes.map(JSONValue.integer) ?? .null,
    ])
  }
}
