import Glibc
import LinuxSystem
import Testing

@testable import AgentPackages

@Suite("Cache eviction")
struct CacheEvictionTests {
  /// Entries of 64 KiB, the first used longest ago, all long enough ago to go.
  func cache(_ entries: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (index, entry) in entries.enumerated() {
      try folder.write("\(entry)/inner/file", [UInt8](repeating: 1, count: 64 << 10))
      var times = [timespec](repeating: timespec(tv_sec: 1_000_000 + index, tv_nsec: 0), count: 2)
      utimensat(AT_FDCWD, "\(folder.path)/\(entry)", &times, 0)
    }
    return folder
  }

  func left(_ folder: TemporaryFolder) -> [String] {
    ["packages", "environments"].flatMap { inner in
      folderNames(folder.path + "/" + inner).filter { !$0.hasSuffix(".lock") }
    }.sorted()
  }

  @Test("what was used longest ago goes first, and only as much as needed")
  func oldest() throws {
    let folder = try cache(["packages/sha256-a", "environments/b", "packages/sha256-c"])
    let eviction = CacheEviction(cacheFolder: folder.path, maximumBytes: 100 << 10)
    #expect(
      eviction.run() == [folder.path + "/packages/sha256-a", folder.path + "/environments/b"])
    #expect(left(folder) == ["sha256-c"])
    #expect(eviction.run().isEmpty)
  }

  @Test("an archive that was downloaded goes like a folder, and so does what its URL had")
  func archives() throws {
    let folder = try TemporaryFolder()
    for (index, name) in ["sha256-a.apkg", "url-b.json", "sha256-c.apkg", "tmp-d"].enumerated() {
      try folder.write("archives/" + name, [UInt8](repeating: 1, count: 64 << 10))
      var times = [timespec](repeating: timespec(tv_sec: 1_000_000 + index, tv_nsec: 0), count: 2)
      utimensat(AT_FDCWD, "\(folder.path)/archives/\(name)", &times, 0)
    }
    let eviction = CacheEviction(cacheFolder: folder.path, maximumBytes: 100 << 10)
    #expect(
      eviction.run().map { $0.split(separator: "/").last } == ["sha256-a.apkg", "url-b.json"])
    #expect(folderNames(folder.path + "/archives").sorted() == ["sha256-c.apkg", "tmp-d"])
  }

  @Test("what a run holds, what is being installed and what was just used stays")
  func held() throws {
    let folder = try cache([
      "packages/sha256-a", "environments/b", "environments/c", "environments/d",
    ])
    let lease = CacheLease(
      package: VerifiedPackage(
        root: folder.path + "/packages/sha256-a", sha256: "a", bytes: 0, files: 0,
        manifest: Manifest(name: "a"), agentEnvironment: [],
        environment: EnvironmentPlan(kind: .hit, folder: folder.path + "/environments/b"),
        warnings: []))
    #expect(lease.count == 2)
    // As if used long ago: only the lock is left to protect them.
    let later = Clock.wallNanoseconds() + 2 * CacheEviction.minimumAge
    let installing = try EnvironmentStore(cacheFolder: folder.path).lock("c") {}
    let eviction = CacheEviction(cacheFolder: folder.path, maximumBytes: 0, now: later)
    #expect(eviction.run() == [folder.path + "/environments/d"])
    #expect(left(folder) == ["b", "c", "sha256-a"])
    withExtendedLifetime((lease, installing)) {}
    let fresh = try cache(["environments/x"])
    utimensat(AT_FDCWD, fresh.path + "/environments/x", nil, 0)
    #expect(CacheEviction(cacheFolder: fresh.path, maximumBytes: 0).run().isEmpty)
  }
}
