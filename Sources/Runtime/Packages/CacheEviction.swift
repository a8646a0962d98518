import CPlatform
import Glibc
import LinuxSystem

/// Keeps the cache below a size: the archives, packages and environments used longest ago go first.
///
/// One that a run holds a lease on stays, and so does one used within the last ten minutes, which a
/// run may have verified and not leased yet.
package struct CacheEviction {
  /// Nanoseconds.
  static let minimumAge: Int64 = 600 * 1_000_000_000
  /// Entries of a kind that are measured; more of them wait for the next time.
  static let maximumEntries = 4096

  let cacheFolder: String
  let maximumBytes: Int64
  /// Nanoseconds since 1970.
  let now: Int64

  package init(cacheFolder: String, maximumBytes: Int64, now: Int64 = Clock.wallNanoseconds()) {
    self.cacheFolder = cacheFolder
    self.maximumBytes = maximumBytes
    self.now = now
  }

  private struct Entry {
    let path: String
    let lastUse: Int64
    let bytes: Int64
    /// The file whose lock an installation holds, of an environment.
    let installLock: String?
  }

  /// Returns the folders that were removed.
  @discardableResult
  package func run() -> [String] {
    var entries = entries()
    var total = entries.reduce(0) { $0 + $1.bytes }
    entries.sort { $0.lastUse < $1.lastUse }
    var removed: [String] = []
    for entry in entries where total > maximumBytes {
      guard now - entry.lastUse >= Self.minimumAge, remove(entry) else { continue }
      total -= entry.bytes
      removed.append(entry.path)
    }
    return removed
  }

  private func entries() -> [Entry] {
    let packages = cacheFolder + "/packages"
    let environments = cacheFolder + "/environments"
    let archives = cacheFolder + "/archives"
    let stored = folderNames(packages).filter { $0.hasPrefix("sha256-") }
      .map { (packages + "/" + $0, nil as String?) }
    let installed = folderNames(environments).filter { !$0.contains(".") }
      .map { (environments + "/" + $0, (environments + "/" + $0 + ".lock") as String?) }
    // What was downloaded, and which URL had which.
    let downloaded = folderNames(archives)
      .filter { $0.hasPrefix("sha256-") || $0.hasPrefix("url-") }
      .map { (archives + "/" + $0, nil as String?) }
    let all = [stored, installed, downloaded].flatMap { $0.prefix(Self.maximumEntries) }
    return all.compactMap { path, lock in
      guard let opened = try? Descriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
        let status = try? opened.status(), status.isFolder || status.isFile
      else { return nil }
      return Entry(
        path: path, lastUse: status.modified,
        bytes: status.isFile ? status.size : Self.bytes(of: opened, depth: 0), installLock: lock)
    }
  }

  /// Disk space of a tree: whole blocks.
  private static func bytes(of folder: Descriptor, depth: Int) -> Int64 {
    guard depth <= MemberPaths.maximumDepth + 8, let names = try? FileTree.names(in: folder) else {
      return 0
    }
    var total: Int64 = 0
    for name in names {
      var status = stat()
      guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      total += Int64(status.st_blocks) * 512
      if FileStatus(status).isFolder,
        let inner = try? folder.openBeneath(name, O_RDONLY | O_DIRECTORY, noLinks: true)
      {
        total += bytes(of: inner, depth: depth + 1)
      }
    }
    return total
  }

  /// Renamed first, so that no boot finds half a tree; the new name is one that is swept later
  /// should this process die.
  private func remove(_ entry: Entry) -> Bool {
    let lock = entry.installLock.flatMap { try? Descriptor.open($0, O_RDWR | O_CREAT, mode: 0o600) }
    if let lock, par_flock_try(lock.number) != 0 { return false }
    guard let opened = try? Descriptor.open(entry.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
      par_flock_try(opened.number) == 0,
      // Somebody may have used it since it was measured.
      (try? opened.status())?.modified == entry.lastUse
    else { return false }
    let gone = cacheFolder + "/packages/tmp-" + randomHexadecimal(bytes: 8)
    try? makeFolders(cacheFolder + "/packages", mode: 0o700)
    guard rename(entry.path, gone) == 0 else { return false }
    try? FileTree.remove(gone)
    return true
  }
}
