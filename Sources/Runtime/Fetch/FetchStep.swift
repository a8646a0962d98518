public import AgentPackages
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// The step of a boot that downloads a package, meant for a process of its own: the only one that
/// opens libcurl. Where it is killed nothing has to be cleaned up but by `discardUnfinished`.
public enum FetchStep {
  /// One request as a JSON line on descriptor 0; progress, retries and the result as JSON lines on
  /// descriptor 1. Returns the process's exit status: 0 after an `ok` line, 1 after a `failure` line.
  public static func run() -> Int32 {
    // A connection that ends while something is sent is an error to be told, not a signal.
    signal(SIGPIPE, SIG_IGN)
    return PackageSteps.run { json, report in
      let request = try FetchRequest(json: json)
      return try fetch(request, environment: processEnvironment(), report: report).json
    }
  }

  /// Downloads a package, or finds it in the cache.
  ///
  /// - Throws: `StepFailure`, whose sentence begins with "Failed to download package: " or
  ///   "SHA256 mismatch: " and holds no query, user-info or credential.
  public static func fetch(
    _ request: FetchRequest, environment: [String: String], report: StepReport = StepReport()
  ) throws -> FetchedPackage {
    do {
      return try Fetch(request, environment: environment, limits: FetchLimits(), report: report)
        .run()
    } catch let failure as StepFailure {
      throw failure.about(request.subject)
    }
  }
}

/// Removes what a fetch step that was killed left in the cache, and what others did.
public func discardUnfinished(cacheFolder: String, runID: String) {
  ArchiveCache(cacheFolder: cacheFolder).discard(runID)
}

/// One run of the step.
struct Fetch {
  let request: FetchRequest
  let environment: [String: String]
  let limits: FetchLimits
  let report: StepReport
  let cache: ArchiveCache
  private let started = Clock.now()
  private let startedWall = Clock.wallNanoseconds()

  init(
    _ request: FetchRequest, environment: [String: String], limits: FetchLimits, report: StepReport
  ) {
    self.request = request
    self.environment = environment
    self.limits = limits
    self.report = report
    cache = ArchiveCache(cacheFolder: request.cacheFolder)
  }

  func run() throws -> FetchedPackage {
    do {
      // A digest says all: no name is looked up, no connection opened, no library loaded.
      if let sha256 = request.sha256, let found = try taken(sha256) { return found }
      return try runWithNetwork()
    } catch let failure as TransferFailure {
      throw failure.stepFailure
    } catch let error as SystemError {
      throw TransferFailure(error, folder: cache.folder).stepFailure
    } catch let failure as StepFailure {
      guard !failure.error.hasPrefix("SHA256 mismatch") else { throw failure }
      throw StepFailure(
        "Failed to download package: \(failure.error)", detail: failure.detail, hint: failure.hint)
    }
  }

  private func taken(_ sha256: String) throws -> FetchedPackage? {
    guard let found = try cache.take(sha256) else { return nil }
    guard found.bytes <= request.maximumBytes else { throw Download.tooLarge(found.bytes, request) }
    return found
  }

  private func runWithNetwork() throws -> FetchedPackage {
    let isS3 = request.url.prefix(5).lowercased() == "s3://"
    let origin: any PackageOrigin =
      isS3
      ? try S3Origin(url: request.url, environment: environment)
      : try HTTPSOrigin(url: request.url)
    let urlKey = try Self.hash(origin.cacheKey)
    try cache.prepare()

    let hasAppeared: () -> Bool = { [cache, request, startedWall] in
      if let sha256 = request.sha256 {
        return access(cache.path(sha256: sha256), R_OK) == 0
      }
      return (cache.record(urlKey)?.modified ?? 0) >= startedWall
    }
    var lastWord = started
    let outcome = try SourceLock.acquire(
      request.sha256 ?? urlKey, in: cache, limits: limits,
      deadline: request.deadline(from: started), hasAppeared: hasAppeared,
      waiting: { bytes in
        guard Clock.now() - lastWord >= limits.progressInterval else { return }
        lastWord = Clock.now()
        report.progress("another boot is downloading it: \(bytes) bytes")
      })
    var lock: SourceLock?
    switch outcome {
    case .held(let held, let waited):
      lock = held
      if waited, hasAppeared(), let found = try shared(urlKey) { return found }
    case .appeared: if let found = try shared(urlKey) { return found }
    case .alone: break
    }
    defer { withExtendedLifetime(lock) { lock = nil } }

    try LibCurl.open()
    let client = HTTPClient(environment: environment, isS3: isS3, limits: limits)
    let partial = try cache.makePartial(request.runID)
    lock?.tell(partial)
    let download = Download(
      request, origin: origin, partial: partial, cache: cache, client: client, limits: limits,
      started: started, report: report)
    let known = request.sha256 == nil ? known(urlKey) : nil
    if try download.run(ifNoneMatch: known?.etag) == .notModified {
      if let known, let found = try taken(known.sha256) { return found }
      // Damaged, and removed: anew.
      _ = try download.run(ifNoneMatch: nil)
    }
    return try keep(partial, urlKey, shown: origin.shown)
  }

  /// What this URL led to the last time, if it is still there and has an ETag.
  private func known(_ urlKey: String) -> ArchiveCache.Record? {
    guard let record = cache.record(urlKey), record.etag != nil,
      access(cache.path(sha256: record.sha256), R_OK) == 0
    else { return nil }
    return record
  }

  /// What another boot has just downloaded. Without a hash that may be older than this boot: where
  /// there is an ETag the server is asked once more.
  private func shared(_ urlKey: String) throws -> FetchedPackage? {
    if let sha256 = request.sha256 { return try taken(sha256) }
    guard let record = cache.record(urlKey), record.etag == nil else { return nil }
    return try taken(record.sha256)
  }

  private func keep(
    _ partial: PartialArchive, _ urlKey: String, shown: String
  ) throws -> FetchedPackage {
    let sha256 = partial.finish()
    if let wanted = request.sha256, wanted != sha256 {
      throw StepFailure(
        "SHA256 mismatch: the package from \(shown) has \(sha256), PACKAGE_SHA256 says \(wanted)",
        hint: "compare the package with what was built, or correct PACKAGE_SHA256;"
          + " docs/errors.md#wrong-hash")
    }
    let path = cache.path(sha256: sha256)
    try partial.keep(as: path)
    // Without it the next boot downloads again; this one has its package.
    try? cache.write(
      ArchiveCache.Record(etag: partial.etag, sha256: sha256), urlKey, runID: request.runID)
    if let maximum = request.cacheMaximumBytes {
      CacheEviction(cacheFolder: request.cacheFolder, maximumBytes: maximum).run()
    }
    return FetchedPackage(path: path, sha256: sha256, bytes: partial.bytes, from: .network)
  }

  static func hash(_ text: String) throws -> String {
    let hash = try SHA256()
    hash.update(Array(text.utf8))
    return hash.finish()
  }
}
