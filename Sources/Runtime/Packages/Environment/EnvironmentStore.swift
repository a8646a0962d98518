import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// Installed environments by key: `<cache>/environments/<key>/`.
///
/// An environment knows its own path, so it is built where it stays. It counts only when its
/// marker, written last, is there. A lock per key (`<key>.lock`, flock(2)) lets one boot build while
/// others wait; whoever gets the lock and finds no marker removes what is left and starts anew.
struct EnvironmentStore {
  static let marker = ".par-complete"

  let folder: String

  init(cacheFolder: String) { folder = cacheFolder + "/environments" }

  func folder(of key: String) -> String { folder + "/" + key }

  /// Where the tools put what they need while they build the environment of that key.
  func temporaryFolder(of key: String) -> String { folder(of: key) + ".tmp" }

  /// Removes what is there of an environment. To be called with its lock.
  func discard(_ key: String) throws(SystemError) {
    try FileTree.remove(folder(of: key))
    try FileTree.remove(temporaryFolder(of: key))
  }

  static func isComplete(_ folder: String) -> Bool {
    FileTree.status(folder + "/" + marker)?.isFile == true
      && access(folder + "/bin/python", X_OK) == 0
  }

  /// The lock of a key, waited for.
  func lock(_ key: String, waiting: () -> Void) throws(SystemError) -> Descriptor {
    try makeFolders(folder, mode: 0o700)
    let path = folder(of: key) + ".lock"
    let lock = try Descriptor.open(path, O_RDWR | O_CREAT, mode: 0o600)
    if par_flock_try(lock.number) == 0 { return lock }
    waiting()
    guard par_flock_exclusive(lock.number) == 0 else { throw SystemError("flock", path) }
    return lock
  }

  /// Makes an environment visible.
  static func complete(_ folder: String, content: JSONValue) throws(SystemError) {
    let temporary = folder + "/" + marker + ".tmp"
    let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    try file.write(JSONWriter.pretty(content)[...])
    guard fsync(file.number) == 0 else { throw SystemError("fsync", temporary) }
    guard rename(temporary, folder + "/" + marker) == 0 else {
      throw SystemError("rename", temporary)
    }
  }
}
