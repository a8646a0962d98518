import LinuxSystem
import Glibc
import Testing

@testable import AgentPackages

@Suite("Package store")
struct PackageStoreTests {
  static let limits = ArchiveLimits(unpackedBytes: 1 << 20, files: 100)
  static let members = [
    ArchiveBytes.Member("agent.yaml", "name: a\nentrypoint: m:f\n"),
    ArchiveBytes.Member("src/", ""), ArchiveBytes.Member("src/main.py", "x = 1\n"),
    ArchiveBytes.Member("empty/", ""), ArchiveBytes.Member("run.sh", "#!/bin/sh\n", mode: 0o100755),
    ArchiveBytes.Member("data/a.bin", String(repeating: "0123456789", count: 3000)),
    ArchiveBytes.Member("data/b.bin", String(repeating: "stored", count: 50), deflated: false),
  ]

  struct Setup: Sendable {
    let folder: TemporaryFolder
    let archive: String
    let store: PackageStore
    var packages: [String] { folderNames(folder.path + "/cache/packages") }

    init() throws {
      folder = try TemporaryFolder()
      archive = try folder.write("a.apkg", ArchiveBytes.of(PackageStoreTests.members))
      store = PackageStore(cacheFolder: folder.path + "/cache")
    }

    func unpack(sha256: String? = nil) throws -> PackageStore.Stored {
      try store.store(archiveAt: archive, sha256: sha256, limits: PackageStoreTests.limits)
    }
  }

  @Test("the hash is compared in either case, and a wrong one says so")
  func hash() throws {
    let setup = try Setup()
    let stored = try setup.unpack()
    #expect(stored.root.hasSuffix("/packages/sha256-" + stored.sha256))
    #expect(try setup.unpack(sha256: stored.sha256.uppercased()).wasThere)
    let error = #expect(throws: StepFailure.self) {
      try setup.unpack(sha256: String(repeating: "0", count: 64))
    }
    #expect(error?.error.hasPrefix("SHA256 mismatch: ") == true)
    #expect(error?.hint?.contains("#wrong-hash") == true)
  }

  @Test("a refused archive goes when it was downloaded, and stays when it is somebody's own")
  func refusedDownload() throws {
    let setup = try Setup()
    Self.write(setup.archive, "no archive")
    #expect(throws: StepFailure.self) { try setup.unpack() }
    #expect(access(setup.archive, F_OK) == 0)
    #expect(throws: StepFailure.self) {
      try setup.store.store(
        archiveAt: setup.archive, sha256: nil, known: String(repeating: "0", count: 64),
        limits: Self.limits)
    }
    #expect(access(setup.archive, F_OK) != 0)
  }

  static let tampers: [(String, @Sendable (String) -> Void)] = [
    ("a byte changed", { write($0 + "/src/main.py", "x = 2\n") }),
    ("a file longer", { write($0 + "/src/main.py", "x = 1\n\n") }),
    ("a file gone", { unlink($0 + "/run.sh") }),
    ("a folder gone", { rmdir($0 + "/empty") }),
    ("a file more", { write($0 + "/src/new.py", "") }),
    (
      "a file more in a folder more",
      {
        mkdir($0 + "/new", 0o755); write($0 + "/new/x", "")
      }
    ),
    (
      "a link instead of a file",
      {
        unlink($0 + "/run.sh"); symlink("/bin/sh", $0 + "/run.sh")
      }
    ),
    (
      "a link instead of a folder",
      {
        rmdir($0 + "/empty"); symlink("/tmp", $0 + "/empty")
      }
    ),
    ("another mode", { chmod($0 + "/src/main.py", 0o755) }),
    (
      "a file instead of the whole",
      {
        try? FileTree.remove($0); write($0, "x")
      }
    ),
  ]

  private static func write(_ path: String, _ text: String) {
    let file = try? Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    try? file?.write(Array(text.utf8)[...])
  }

  @Test("a tree in the cache that was changed is replaced", arguments: tampers)
  func tampered(name: String, change: @Sendable (String) -> Void) throws {
    let setup = try Setup()
    let root = try setup.unpack().root
    change(root)
    let again = try setup.unpack()
    #expect(again.root == root && !again.wasThere)
    #expect(try setup.unpack().wasThere)
    #expect(setup.packages.count == 1)
  }

  @Test("Python's bytecode beside the sources is no change")
  func bytecode() throws {
    let setup = try Setup()
    let root = try setup.unpack().root
    mkdir(root + "/src/__pycache__", 0o755)
    Self.write(root + "/src/__pycache__/main.cpython-311.pyc", "x")
    #expect(try setup.unpack().wasThere)
  }

  @Test("free space is looked at before anything is written")
  func space() throws {
    var setup = try Setup()
    let error = #expect(throws: StepFailure.self) {
      var store = setup.store
      store.freeBytes = { _ in 20_000 }
      _ = try store.store(archiveAt: setup.archive, sha256: nil, limits: Self.limits)
    }
    #expect(error?.error.contains("of which 20000 are free") == true)
    #expect(error?.hint?.contains("#disk-full") == true)
    #expect(setup.packages.isEmpty)
    setup = try Setup()
    #expect(try !setup.unpack().wasThere)
  }

  @Test("what a dead run left is swept; what a living one fills is not")
  func sweep() throws {
    let setup = try Setup()
    try setup.folder.write("cache/packages/tmp-dead/half", "x")
    let living = try setup.store.folderForTests()
    _ = try setup.unpack()
    #expect(setup.packages.count == 2)
    #expect(FileTree.status(living.path) != nil)
  }

  @Test("a package that is absent, a folder with a hash, no regular file: one sentence each")
  func noPackage() throws {
    let setup = try Setup()
    func failure(_ path: String, sha256: String? = nil) -> String? {
      let request = VerifyRequest(
        path: path, sha256: sha256, cacheFolder: setup.folder.path + "/cache",
        hostRequirementsPath: "")
      return #expect(throws: StepFailure.self) {
        try PackageSource.open(request, report: StepReport())
      }?
      .error
    }
    #expect(failure("/nowhere/x.apkg")?.contains("cannot be found (No such file") == true)
    #expect(
      failure(setup.folder.path, sha256: "00")?.contains("is a folder, which has no hash") == true)
    #expect(failure("/dev/null")?.contains("is no regular file") == true)
  }

  @Test("killed in the middle: nothing visible, and the next boot sweeps")
  func killed() async throws {
    let setup = try Setup()
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [archive = setup.archive as String, cache = setup.folder.path + "/cache" as String] in
      var store = PackageStore(cacheFolder: cache)
      store.freeBytes = { _ in Int64(kill(getpid(), SIGKILL)) }
      _ = try store.store(archiveAt: archive, sha256: nil, limits: PackageStoreTests.limits)
    }
    #expect(setup.packages.allSatisfy { $0.hasPrefix("tmp-") } && setup.packages.count == 1)
    #expect(try !setup.unpack().wasThere)
    #expect(setup.packages.count == 1)
  }

  @Test("a disk that fills up while unpacking: one sentence, nothing visible")
  func full() async throws {
    let setup = try Setup()
    await #expect(processExitsWith: .success) {
      [archive = setup.archive as String, cache = setup.folder.path + "/cache" as String] in
      // Stands in for a full disk: write(2) fails behind this many bytes of a file.
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 10_000, rlim_max: 10_000)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let error = #expect(throws: StepFailure.self) {
        try PackageStore(cacheFolder: cache).store(
          archiveAt: archive, sha256: nil, limits: PackageStoreTests.limits)
      }
      #expect(error?.error.hasPrefix("the disk is full: ") == true)
    }
    #expect(setup.packages.isEmpty)
  }

  @Test("a cache that cannot be written is one sentence")
  func cacheFolder() throws {
    let setup = try Setup()
    let error = #expect(throws: StepFailure.self) {
      try PackageStore(cacheFolder: setup.archive).store(
        archiveAt: setup.archive, sha256: nil, limits: Self.limits)
    }
    #expect(error?.error.contains("(mkdir ") == true)
    #expect(error?.hint?.contains("#cache-folder") == true)
  }

  @Test("sixteen boots at once share one tree and leave nothing else")
  func concurrency() throws {
    let setup = try Setup()
    let results = inParallel(16) { _ in try setup.unpack().root }
    #expect(results.count == 16)
    #expect(Set(results.compactMap { try? $0.get() }).count == 1)
    #expect(results.allSatisfy { (try? $0.get()) != nil })
    #expect(setup.packages.count == 1)
  }

  @Test("sixteen boots at once replace a changed tree and agree on it")
  func concurrentReplacement() throws {
    let setup = try Setup()
    let root = try setup.unpack().root
    Self.write(root + "/src/main.py", "x = 2\n")
    let results = inParallel(16) { _ in try setup.unpack().root }
    #expect(results.allSatisfy { (try? $0.get()) == root })
    #expect(setup.packages.count == 1)
    #expect(try setup.unpack().wasThere)
  }

  @Test("three thousand mutations of a good archive: refused or harmless, nothing outside")
  func mutations() throws {
    let setup = try Setup()
    let good = ArchiveBytes.of(Self.members)
    var generator = SeededGenerator(state: 0x5EED)
    var accepted = 0
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let at = Int.random(in: 0..<bytes.count, using: &generator)
        // Headers are where it matters: most changes go there.
        let place =
          Bool.random(using: &generator) ? at : bytes.count - 1 - at % min(bytes.count, 500)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
        case 2: bytes.remove(at: place)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        default:
          bytes.removeSubrange(
            place..<min(bytes.count, place + Int.random(in: 1...30, using: &generator)))
        }
        if bytes.isEmpty { bytes = [0] }
      }
      let path = try setup.folder.write("m.apkg", bytes)
      do {
        let stored = try setup.store.store(archiveAt: path, sha256: nil, limits: Self.limits)
        accepted += 1
        try FileTree.remove(stored.root)
      } catch is StepFailure {}
    }
    #expect(setup.packages.isEmpty)
    #expect(Set(folderNames(setup.folder.path)) == ["a.apkg", "m.apkg", "cache"])
    #expect(folderNames(setup.folder.path + "/cache") == ["packages"])
    #expect(accepted < 3000)
  }
}

extension PackageStore {
  /// A temporary folder as a living run has it, kept locked by the caller.
  func folderForTests() throws -> (path: String, folder: Descriptor) {
    try makeFolders(folder)
    return try makeTemporary()
  }
}

/// SplitMix64: the same numbers in each run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
