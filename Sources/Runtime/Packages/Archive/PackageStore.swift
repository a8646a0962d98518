import CPlatform
import Glibc
import LinuxSystem

/// Unpacked packages by the SHA-256 of their archive: `<cache>/packages/sha256-<hex>/`.
///
/// A folder under its final name is complete: it is filled under a temporary name, verified while
/// it is written, and renamed. Several processes share a store without a lock: whoever renames
/// first wins and the others use that folder.
struct PackageStore: Sendable {
  /// Kept free beside the archive's own size, for folders and rounding to blocks.
  static let spareBytes: Int64 = 1 << 20
  static let blockBytes: Int64 = 4096

  let folder: String
  /// Bytes an unprivileged user may still write on the file system of an open folder.
  var freeBytes: @Sendable (Descriptor) throws -> Int64 = { try $0.freeBytes() }

  init(cacheFolder: String) { folder = cacheFolder + "/packages" }

  struct Stored: Equatable {
    let root: String
    let sha256: String
    let bytes: Int64
    let files: Int
    /// It was there already, and is what the archive says.
    let wasThere: Bool
  }

  /// Hashes, compares, checks and unpacks an archive; returns where it is.
  ///
  /// - Parameters:
  ///   - name: what sentences call it; nil: its path.
  ///   - known: its SHA-256, when it was downloaded into the cache a moment ago. It need not be
  ///     computed again then, and an archive that is refused is removed.
  func store(
    archiveAt path: String, named name: String? = nil, sha256 wanted: String?,
    known: String? = nil, limits: ArchiveLimits, report: StepReport = StepReport()
  ) throws -> Stored {
    let name = name ?? path
    let file = try Self.open(path)
    let before = try file.status()
    let sha256: String
    if let known {
      sha256 = known.lowercased()
    } else {
      report.progress("hashing \(before.size) bytes")
      sha256 = try SHA256.hash(of: file)
    }
    if let wanted, wanted.lowercased() != sha256 {
      throw StepFailure(
        "SHA256 mismatch: the package \(name) has \(sha256), PACKAGE_SHA256 says"
          + " \(wanted.lowercased())",
        hint: "compare the package with what was built, or correct PACKAGE_SHA256;"
          + " docs/errors.md#wrong-hash")
    }
    do {
      let archive = try Archive(file, limits: limits)
      return try place(archive, sha256: sha256, report: report) {
        guard try Self.isUnchanged(file, since: before, sha256: sha256) else {
          throw StepFailure(
            "the package \(name) changed while it was read",
            hint: "write a package under another name and rename it into place;"
              + " docs/errors.md#package-changed")
        }
      }
    } catch let refusal as ArchiveRefusal {
      // One that was downloaded is in our own cache; it is not to be found there again.
      if known != nil { unlink(path) }
      throw StepFailure(
        "the package \(name) is refused: \(refusal)",
        hint: "build the package again with pixell build; docs/errors.md#refused-archive")
    } catch let error as SystemError {
      throw Self.failure(error, doing: "unpacking the package into \(folder)")
    }
  }

  static func open(_ path: String) throws(StepFailure) -> Descriptor {
    do {
      let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
      guard try file.status().isFile else {
        throw StepFailure(
          "the package \(path) is no regular file",
          hint: "name an .apkg file or a package folder; docs/errors.md#no-package")
      }
      return file
    } catch let failure as StepFailure {
      throw failure
    } catch {
      throw StepFailure(
        "the package \(path) cannot be read (\((error as? SystemError)?.reason ?? "\(error)"))",
        hint: "check the path and its permissions; docs/errors.md#no-package")
    }
  }

  /// A rename, an unlink or another boot that uses the archive changes a file's times alone: then its
  /// bytes decide.
  private static func isUnchanged(
    _ file: Descriptor, since before: FileStatus, sha256: String
  ) throws -> Bool {
    let now = try file.status()
    if now == before { return true }
    return try now.size == before.size && SHA256.hash(of: file) == sha256
  }

  static func failure(_ error: SystemError, doing what: String) -> StepFailure {
    if error.number == ENOSPC || error.number == EDQUOT || error.number == EFBIG {
      return StepFailure(
        "the disk is full: \(what) failed (\(error))",
        hint: "free some space or set PAR_CACHE_DIR to another disk; docs/errors.md#disk-full")
    }
    return StepFailure(
      "\(what) failed (\(error))",
      hint: "check that PAR_CACHE_DIR is a folder this user may write;"
        + " docs/errors.md#cache-folder")
  }

  private func place(
    _ archive: Archive, sha256: String, report: StepReport, checkUnchanged: () throws -> Void
  ) throws -> Stored {
    try makeFolders(folder, mode: 0o700)
    sweep()
    let final = folder + "/sha256-" + sha256
    func stored(_ wasThere: Bool) -> Stored {
      Stored(
        root: final, sha256: sha256, bytes: archive.bytes, files: archive.fileCount,
        wasThere: wasThere)
    }
    if FileTree.status(final, followLinks: false) != nil {
      report.progress("checking the unpacked package in the cache")
      if try PackageTree.matches(archive, folder: final) { return stored(true) }
      report.progress("replacing the unpacked package, which was changed")
    }
    let temporary = try makeTemporary()
    defer { discard(temporary) }
    try checkSpace(archive, in: temporary.folder)
    try PackageTree.write(archive, into: temporary.folder, report: report)
    try checkUnchanged()
    while par_rename_noreplace(temporary.path, final) != 0 {
      guard errno == EEXIST || errno == ENOTEMPTY else { throw SystemError("rename", final) }
      if try PackageTree.matches(archive, folder: final) { return stored(true) }
      // The changed tree has the temporary name now, and goes unless an agent runs in it.
      if par_rename_exchange(temporary.path, final) == 0 { return stored(false) }
      guard errno == ENOENT else { throw SystemError("rename", final) }
    }
    return stored(false)
  }

  private func checkSpace(_ archive: Archive, in folder: Descriptor) throws {
    let blocks = Self.blockBytes * Int64(archive.members.count)
    let needed = archive.unpackedBytes + blocks + Self.spareBytes
    let free = try freeBytes(folder)
    guard free >= needed else {
      throw StepFailure(
        "not enough space: the package needs \(needed) bytes in \(self.folder), of which \(free)"
          + " are free",
        hint: "free some space or set PAR_CACHE_DIR to another disk; docs/errors.md#disk-full")
    }
  }

  /// A fresh folder, locked for as long as it is open, so that nobody sweeps it.
  func makeTemporary() throws -> (path: String, folder: Descriptor) {
    while true {
      let path = folder + "/tmp-" + randomHexadecimal(bytes: 8)
      guard mkdir(path, 0o700) == 0 else { throw SystemError("mkdir", path) }
      // Before it is locked a sweeper may take it for a dead run's; then another one is made.
      let opened: Descriptor
      do throws(SystemError) { opened = try Descriptor.open(path, O_RDONLY | O_DIRECTORY) } catch {
        guard error.number == ENOENT else { throw error }
        continue
      }
      guard par_flock_exclusive(opened.number) == 0 else { throw SystemError("flock", path) }
      if let there = FileTree.status(path), there.inode == (try opened.status()).inode {
        return (path, opened)
      }
    }
  }

  /// Removes what runs that died left behind: their lock, or lease, ended with them.
  func sweep() {
    for name in folderNames(folder) where name.hasPrefix("tmp-") {
      removeUnlessUsed(path: folder + "/" + name)
    }
  }

  /// Removes what stands under a temporary name: our own unfinished tree, or one that it replaced.
  private func discard(_ temporary: (path: String, folder: Descriptor)) {
    let own = try? temporary.folder.status().inode
    if let there = FileTree.status(temporary.path), there.inode == own {
      try? FileTree.remove(temporary.path)
    } else {
      // A boot that put that tree there a moment ago lets go of it soon; an agent in it does not.
      removeUnlessUsed(path: temporary.path, attempts: Self.discardAttempts)
    }
  }

  /// How often a replaced tree is tried, 5 ms apart, before it is left to the next sweep.
  static let discardAttempts = 40

  private func removeUnlessUsed(path: String, attempts: Int = 1) {
    do throws(SystemError) {
      let left = try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      for attempt in 1...attempts {
        if par_flock_try(left.number) == 0 { return try FileTree.remove(path) }
        if attempt < attempts { poll(nil, 0, 5) }
      }
    } catch {
      // What is no folder is nobody's package; anything else stays for the next sweep.
      if error.number == ENOTDIR || error.number == ELOOP { try? FileTree.remove(path) }
    }
  }
}
