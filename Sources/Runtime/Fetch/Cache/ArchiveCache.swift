import AgentPackages
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// Downloaded packages by content: `<cache>/archives/sha256-<hex>.apkg`, and beside them what was
/// found under which URL: `url-<hash of its cache key>.json` with the ETag and the hash.
///
/// A file under its final name is complete and never changes. Whoever takes it hashes it again; a
/// damaged one is removed. `tmp-<run>-<random>` are downloads on their way, `lock-<key>` keep
/// several boots from downloading the same at once; both are swept when their owner is gone.
struct ArchiveCache: Sendable {
  static let maximumRecordBytes = 4096
  /// Kept free beside the archive's own size.
  static let spareBytes: Int64 = 1 << 20

  let folder: String
  /// Bytes that may still be written on the file system of an open folder or file.
  var freeBytes: @Sendable (Descriptor) -> Int64? = { try? $0.freeBytes() }

  init(cacheFolder: String) { folder = cacheFolder + "/archives" }

  func path(sha256: String) -> String { "\(folder)/sha256-\(sha256).apkg" }

  // MARK: - What is there

  /// The archive with that hash, hashed now and marked as used now, or nil.
  func take(_ sha256: String) throws(StepFailure) -> FetchedPackage? {
    let path = path(sha256: sha256)
    guard let file = try? Descriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
      let status = try? file.status(), status.isFile
    else { return nil }
    // Before the hashing, so that nobody evicts it meanwhile.
    futimens(file.number, nil)
    guard try hash(file) == sha256 else {
      unlink(path)
      return nil
    }
    return FetchedPackage(path: path, sha256: sha256, bytes: status.size, from: .cache)
  }

  /// nil when it cannot be read.
  private func hash(_ file: Descriptor) throws(StepFailure) -> String? {
    do {
      return try SHA256.hash(of: file)
    } catch let failure as StepFailure {
      throw failure
    } catch {
      return nil
    }
  }

  // MARK: - What was found under a URL

  struct Record: Equatable {
    var etag: EntityTag?
    var sha256: String
    /// Nanoseconds since 1970 at which it was written.
    var modified: Int64 = 0
  }

  func record(_ key: String) -> Record? {
    let path = "\(folder)/url-\(key).json"
    guard let bytes = try? FileTree.contents(path, limit: Self.maximumRecordBytes),
      let json = try? JSONReader.decode(bytes), let sha256 = json["sha256"]?.text,
      Self.isHash(sha256), let status = FileTree.status(path)
    else { return nil }
    return Record(
      etag: EntityTag(json["etag"]?.text), sha256: sha256, modified: status.modified)
  }

  func write(_ record: Record, _ key: String, runID: String) throws(SystemError) {
    let (temporary, file) = try makeTemporary(runID)
    let json = JSONValue.members([
      "etag": .optional(record.etag?.text), "sha256": .string(record.sha256),
    ])
    do throws(SystemError) {
      try file.write(JSONWriter.encode(json)[...])
      let final = "\(folder)/url-\(key).json"
      guard rename(temporary, final) == 0 else { throw SystemError("rename", final) }
    } catch {
      unlink(temporary)
      throw error
    }
  }

  static func isHash(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  // MARK: - Temporary files

  func prepare() throws(SystemError) {
    try makeFolders(folder, mode: 0o700)
    sweep()
  }

  func makePartial(_ runID: String) throws -> PartialArchive {
    let (path, file) = try makeTemporary(runID)
    return try PartialArchive(path: path, file: file)
  }

  private func makeTemporary(_ runID: String) throws(SystemError) -> (path: String, Descriptor) {
    while true {
      let path = "\(folder)/\(Self.temporaryPrefix(runID))\(randomHexadecimal(bytes: 8))"
      let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
      let isLocked = par_flock_try(file.number) == 0
      // A file system without locks: nobody can sweep there either.
      if !isLocked, errno != EWOULDBLOCK { return (path, file) }
      // Before it is locked a sweeper may take it for a dead run's; then another one is made.
      if isLocked, Self.isStill(file, at: path) { return (path, file) }
      unlink(path)
    }
  }

  static func temporaryPrefix(_ runID: String) -> String {
    let name = runID.unicodeScalars.filter {
      $0.isASCII
        && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_.".contains(Character($0)))
    }
    return "tmp-\(String(String.UnicodeScalarView(name)).prefix(100))-"
  }

  /// Removes what processes that ended left behind (their locks ended with them), and records of
  /// archives that are gone.
  func sweep() {
    for name in folderNames(folder) {
      let path = folder + "/" + name
      if name.hasPrefix("url-"), name.hasSuffix(".json") {
        let record = record(String(name.dropFirst(4).dropLast(5)))
        if record.map({ access(self.path(sha256: $0.sha256), F_OK) != 0 }) ?? true { unlink(path) }
      }
      guard name.hasPrefix("tmp-") || name.hasPrefix("lock-") else { continue }
      guard let left = try? Descriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) else {
        continue
      }
      if par_flock_try(left.number) == 0, Self.isStill(left, at: path) { unlink(path) }
    }
  }

  /// Removes what one run left behind, whose processes were killed.
  func discard(_ runID: String) {
    for name in folderNames(folder) where name.hasPrefix(Self.temporaryPrefix(runID)) {
      unlink(folder + "/" + name)
    }
    sweep()
  }

  /// Whether the path still names this open file.
  static func isStill(_ file: Descriptor, at path: String) -> Bool {
    guard let there = FileTree.status(path, followLinks: false), let ours = try? file.status()
    else {
      return false
    }
    return there.inode == ours.inode && there.device == ours.device
  }
}
