import AgentPackages
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import PackageFetch

/// A fresh cache folder that goes with the test.
final class TemporaryCache: Sendable {
  let path = "/tmp/par-fetch-tests-" + randomHexadecimal(bytes: 8)
  var cache: ArchiveCache { ArchiveCache(cacheFolder: path) }
  var names: [String] { folderNames(path + "/archives").sorted() }

  init() throws { try cache.prepare() }
  deinit { removeTree(path) }

  func request(
    url: String = "https://127.0.0.1:1/a", sha256: String? = nil, maximumBytes: Int64 = 1 << 20,
    timeout: Int64 = 1000
  ) -> FetchRequest {
    FetchRequest(
      url: url, sha256: sha256, maximumBytes: maximumBytes, timeoutMilliseconds: timeout,
      cacheFolder: path, runID: "run-1")
  }

  /// Stores an archive as a download does.
  func store(_ text: String) throws -> String {
    let partial = try cache.makePartial("run-1")
    try Array(text.utf8).withUnsafeBytes { try partial.append($0) }
    let sha256 = partial.finish()
    try partial.keep(as: cache.path(sha256: sha256))
    return sha256
  }
}

@Suite("The cache of archives")
struct ArchiveCacheTests {
  private let folder: TemporaryCache

  init() throws { folder = try TemporaryCache() }

  @Test("an archive is found by its hash, hashed again, and marked as used")
  func take() throws {
    let sha256 = try folder.store("package")
    let path = folder.cache.path(sha256: sha256)
    var old = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
    utimensat(AT_FDCWD, path, &old, 0)
    let found = try #require(try folder.cache.take(sha256))
    #expect(found == FetchedPackage(path: path, sha256: sha256, bytes: 7, from: .cache))
    #expect((FileTree.status(path)?.modified ?? 0) > 1_000_000_000_000)
    #expect(folder.names == ["sha256-\(sha256).apkg"])
  }

  @Test("a damaged one is removed, a link or a folder is none")
  func damaged() throws {
    let sha256 = try folder.store("package")
    let path = folder.cache.path(sha256: sha256)
    truncate(path, 3)
    #expect(try folder.cache.take(sha256) == nil)
    #expect(folder.names == [])
    symlink("/etc/passwd", path)
    #expect(try folder.cache.take(sha256) == nil)
    unlink(path)
    mkdir(path, 0o700)
    #expect(try folder.cache.take(sha256) == nil)
  }

  @Test("a record is what was written, and junk is none")
  func records() throws {
    let sha256 = String(repeating: "a", count: 64)
    for etag in [EntityTag("\"x\\\\y\""), nil] {
      try folder.cache.write(ArchiveCache.Record(etag: etag, sha256: sha256), "k", runID: "r")
      let record = try #require(folder.cache.record("k"))
      #expect(record.etag == etag && record.sha256 == sha256)
      #expect(record.modified > 0)
    }
    #expect(folder.names == ["url-k.json"])
    let path = folder.cache.folder + "/url-k.json"
    let junk = [
      "", "{}", "{\"sha256\":\"../../x\"}", "{\"sha256\":1}",
      "{\"sha256\":\"\(sha256)\",\"x\":\"" + String(repeating: "y", count: 5000) + "\"}",
    ]
    for text in junk {
      let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
      try file.write(Array(text.utf8)[...])
      #expect(folder.cache.record("k") == nil)
    }
  }

  @Test("what nobody holds is swept, and records of archives that are gone")
  func sweep() throws {
    let sha256 = try folder.store("package")
    try folder.cache.write(ArchiveCache.Record(etag: nil, sha256: sha256), "kept", runID: "r")
    let other = String(repeating: "0", count: 64)
    try folder.cache.write(ArchiveCache.Record(etag: nil, sha256: other), "gone", runID: "r")
    let held = try folder.cache.makePartial("alive")
    for name in ["tmp-dead-1", "lock-dead"] {
      _ = try Descriptor.open(folder.cache.folder + "/" + name, O_WRONLY | O_CREAT, mode: 0o600)
    }
    folder.cache.sweep()
    #expect(folder.names.count == 3)
    #expect(
      folder.names.contains("url-kept.json") && folder.names.contains { $0.hasPrefix("tmp-alive-") }
    )
    withExtendedLifetime(held) {}
  }

  @Test("discarding removes what that run left, though its process may not be gone yet")
  func discard() throws {
    let ours = try folder.cache.makePartial("run-1")
    let others = try folder.cache.makePartial("run-10")
    PackageFetch.discardUnfinished(cacheFolder: folder.path, runID: "run-1")
    #expect(folder.names.count == 1 && folder.names[0].hasPrefix("tmp-run-10-"))
    withExtendedLifetime((ours, others)) {}
  }

  @Test(
    "a run's name is part of a file's name, whatever it is",
    arguments: [("run-1", "tmp-run-1-"), ("../x/y", "tmp-..xy-"), ("", "tmp--"), ("ä b", "tmp-b-")])
  func prefixes(runID: String, expected: String) {
    #expect(ArchiveCache.temporaryPrefix(runID) == expected)
  }

  @Test("a partial archive is private, and gone when it was not kept")
  func partial() throws {
    var partial: PartialArchive? = try folder.cache.makePartial("r")
    let path = partial?.path ?? ""
    #expect((FileTree.status(path)?.mode ?? 0) & 0o777 == 0o600)
    try Array("abc".utf8).withUnsafeBytes { try partial?.append($0) }
    #expect(partial?.canResume == false)
    partial?.etag = EntityTag("W/\"a\"")
    #expect(partial?.canResume == false)
    partial?.etag = EntityTag("\"a\"")
    #expect(partial?.canResume == true)
    try partial?.reset()
    #expect(partial?.bytes == 0 && partial?.canResume == false)
    #expect(FileTree.status(path)?.size == 0)
    partial = nil
    #expect(folder.names == [])
  }
}

@Suite("One download for several boots")
struct SourceLockTests {
  private let folder: TemporaryCache
  private var limits = FetchLimits()

  init() throws {
    folder = try TemporaryCache()
    limits.neighbourPoll = .milliseconds(1)
    limits.neighbourStall = .milliseconds(30)
  }

  private func acquire(
    timeout: Interval = .seconds(20), hasAppeared: () -> Bool = { false },
    waiting: (Int64) -> Void = { _ in }
  ) throws -> SourceLock.Outcome {
    try SourceLock.acquire(
      "key", in: folder.cache, limits: limits, deadline: Clock.now() + timeout,
      hasAppeared: hasAppeared, waiting: waiting)
  }

  @Test("who is first has it, and its file goes with it")
  func first() throws {
    guard case .held(let lock, let waited) = try acquire() else {
      Issue.record("not held")
      return
    }
    #expect(!waited)
    #expect(folder.names == ["lock-key"])
    withExtendedLifetime(lock) {}
  }

  @Test("a download that does not grow is not waited for")
  func stall() throws {
    guard case .held(let lock, _) = try acquire() else { return }
    let partial = try folder.cache.makePartial("r")
    lock.tell(partial)
    var seen: [Int64] = []
    let began = Clock.now()
    guard case .alone = try acquire(waiting: { seen.append($0) }) else {
      Issue.record("it waited for more than the stall")
      return
    }
    #expect(Clock.now() - began >= limits.neighbourStall)
    #expect(!seen.isEmpty && seen.allSatisfy { $0 == 0 })
    withExtendedLifetime((lock, partial)) {}
  }

  @Test("one that grows is waited for until what it brings has appeared")
  func growth() throws {
    guard case .held(let lock, _) = try acquire() else { return }
    let partial = try folder.cache.makePartial("r")
    lock.tell(partial)
    var looks = 0
    let outcome = try acquire(
      hasAppeared: {
        looks += 1
        return looks >= 100
      },
      waiting: { _ in [UInt8(1)].withUnsafeBytes { bytes in try? partial.append(bytes) } })
    guard case .appeared = outcome else {
      Issue.record("\(looks) looks")
      return
    }
    #expect(partial.bytes >= 99)
    withExtendedLifetime(lock) {}
  }

  @Test("and never beyond the time-out of the whole")
  func timeout() throws {
    guard case .held(let lock, _) = try acquire() else { return }
    let partial = try folder.cache.makePartial("r")
    lock.tell(partial)
    let outcome = try acquire(
      timeout: .milliseconds(50),
      waiting: { _ in [UInt8(1)].withUnsafeBytes { bytes in try? partial.append(bytes) } })
    guard case .alone = outcome else {
      Issue.record("held")
      return
    }
    withExtendedLifetime(lock) {}
  }

  @Test("who waited until its end knows it")
  func handOver() throws {
    var first: SourceLock.Outcome? = try acquire()
    let second = try acquire(waiting: { _ in first = nil })
    guard case .held(let lock, let waited) = second else {
      Issue.record("not held")
      return
    }
    #expect(waited && first == nil)
    #expect(folder.names == ["lock-key"])
    withExtendedLifetime(lock) {}
  }
}

@Suite("The fetch step")
struct FetchStepTests {
  @Test("every message survives the way through JSON")
  func roundTrips() throws {
    let folder = try TemporaryCache()
    var request = folder.request()
    #expect(try FetchRequest(json: request.json) == request)
    request.sha256 = String(repeating: "a", count: 64)
    request.cacheMaximumBytes = 5
    request.subject = .config
    #expect(try FetchRequest(json: request.json) == request)
    let package = FetchedPackage(path: "/p", sha256: "s", bytes: 1, from: .network)
    #expect(try FetchedPackage(json: package.json) == package)
    let retry = StepRetry(attempt: 2, error: "e", delayMilliseconds: 3)
    #expect(try StepRetry(json: retry.json) == retry)
    #expect(throws: StepFailure.self) { try FetchRequest(json: .members(["url": "x"])) }
  }

  @Test("what is said of a supervisor's config does not speak of packages")
  func subjects() {
    let failure = TransferFailure("the package changed while it was downloaded", .source)
    #expect(
      failure.stepFailure.about(.config)
        == StepFailure(
          "Failed to download the config: the config changed while it was downloaded",
          hint: "correct SUPERVISOR_CONFIG; docs/errors.md#package-source"))
    #expect(failure.stepFailure.about(.package) == failure.stepFailure)
  }

  @Test("a pinned archive in the cache is all that is needed")
  func pinned() throws {
    let folder = try TemporaryCache()
    let sha256 = try folder.store("package")
    let found = try FetchStep.fetch(folder.request(url: "x", sha256: sha256), environment: [:])
    #expect(found.from == .cache && found.bytes == 7)
    #expect(throws: StepFailure.self) {
      try FetchStep.fetch(
        folder.request(url: "x", sha256: sha256, maximumBytes: 6), environment: [:])
    }
  }

  @Test("each failure begins with the words that operators look for, and names a paragraph")
  func failures() throws {
    let folder = try TemporaryCache()
    for url in [
      "https://127.0.0.1:1/a?secret=1", "http://h/", "s3://b", "s3://b/k", "https://", "x",
    ] {
      let failure = #expect(throws: StepFailure.self) {
        try FetchStep.fetch(folder.request(url: url, timeout: 300), environment: [:])
      }
      #expect(failure?.error.hasPrefix("Failed to download package: ") == true)
      #expect(failure?.hint?.contains("docs/errors.md#") == true)
      #expect(failure?.error.contains("secret") == false)
    }
    #expect(folder.names == [])
  }
}
