import AgentPackages
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// Keeps several boots from downloading the same package at once: one holds the lock of its key and
/// downloads, the others wait for what it finds (flock(2), which ends with a process that is killed).
///
/// The lock's file names the download, so that those who wait see whether it grows.
final class SourceLock {
  enum Outcome {
    /// This boot downloads. `waited`: another one did before.
    case held(SourceLock, waited: Bool)
    /// What was wanted has appeared.
    case appeared
    /// The other boot does not get on, or the time is over: download without a lock.
    case alone
  }

  private let path: String
  private let file: Descriptor

  private init(path: String, file: Descriptor) {
    self.path = path
    self.file = file
  }

  /// Nobody who waits takes a lock whose file is gone, so it goes before the lock does.
  deinit { unlink(path) }

  /// - Parameters:
  ///   - hasAppeared: whether what the holder downloads is there.
  ///   - waiting: told how many bytes the other boot has.
  static func acquire(
    _ key: String, in cache: ArchiveCache, limits: FetchLimits, deadline: Instant,
    hasAppeared: () -> Bool, waiting: (Int64) -> Void
  ) throws(SystemError) -> Outcome {
    let path = "\(cache.folder)/lock-\(key)"
    var waited = false
    var seen = (name: "", bytes: Int64(-1))
    var lastGrowth = Clock.now()
    while true {
      let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
      if par_flock_try(file.number) == 0 {
        guard ArchiveCache.isStill(file, at: path) else { continue }
        return .held(SourceLock(path: path, file: file), waited: waited)
      }
      // A file system without locks.
      guard errno == EWOULDBLOCK else { return .alone }
      waited = true
      let now = Clock.now()
      let name = String(
        decoding: (try? file.read(at: 0, count: Int(NAME_MAX))) ?? [], as: UTF8.self)
      let bytes = FileTree.status(cache.folder + "/" + name, followLinks: false)?.size ?? 0
      if (name, bytes) != seen {
        seen = (name, bytes)
        lastGrowth = now
      }
      guard now - lastGrowth < limits.neighbourStall, now < deadline else { return .alone }
      waiting(bytes)
      poll(nil, 0, Int32(limits.neighbourPoll.milliseconds))
      if hasAppeared() { return .appeared }
    }
  }

  /// Names the file that grows.
  func tell(_ partial: PartialArchive) {
    let name = partial.path.split(separator: "/").last ?? ""
    ftruncate(file.number, 0)
    _ = Array(name.utf8).withUnsafeBytes { pwrite(file.number, $0.baseAddress, $0.count, 0) }
  }
}
