internal import CPlatform
import Glibc

/// An open folder, beneath which names are looked up without following links: what the owner of a
/// folder puts there cannot lead elsewhere. Owns its descriptor.
public struct FolderHandle: ~Copyable {
  public let descriptor: Int32

  /// Opens a folder; the last part of the path must be no link.
  public init(_ path: String) throws(SystemError) {
    descriptor = par_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
    guard descriptor >= 0 else { throw SystemError("open", path) }
  }

  private init(owning descriptor: Int32) { self.descriptor = descriptor }

  deinit { closeDescriptor(descriptor) }

  /// Opens a folder of that name, and makes it when it is not there.
  ///
  /// - Throws: ENOTDIR or ELOOP when something else has the name.
  public func folder(_ name: String, mode: UInt32 = 0o700) throws(SystemError) -> FolderHandle {
    if mkdirat(descriptor, name, mode) < 0, errno != EEXIST { throw SystemError("mkdir", name) }
    let opened = par_open_at(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
    guard opened >= 0 else { throw SystemError("open", name) }
    return FolderHandle(owning: opened)
  }

  /// Gives what has that name another one; false when it keeps it.
  public func rename(_ name: String, to other: String) -> Bool {
    renameat(descriptor, name, descriptor, other) == 0
  }

  /// How many folders, one in the other, are open at once while they are removed.
  static let openDepth = 100
  /// How what lies deeper is called on its way out, beside what is removed.
  private static let deep = "~deep-"

  /// Removes what has that name, with all that is in it, however deep that is; what cannot be removed
  /// stays. Whoever may write there cannot lead it anywhere else meanwhile.
  public func remove(_ name: String) {
    var left = [name]
    var moved = 0
    while let next = left.popLast() {
      let before = moved
      remove(next, at: 0, &moved, top: descriptor)
      guard moved > before else { continue }
      left += (before..<moved).map { "\(Self.deep)\($0)" }
    }
  }

  private func remove(_ name: String, at depth: Int, _ moved: inout Int, top: Int32) {
    if unlinkat(descriptor, name, 0) == 0 || errno == ENOENT { return }
    if depth == Self.openDepth {
      if renameat(descriptor, name, top, "\(Self.deep)\(moved)") == 0 { moved += 1 }
      return
    }
    let opened = par_open_at(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
    if opened >= 0 {
      let inner = FolderHandle(owning: opened)
      for entry in inner.names() { inner.remove(entry, at: depth + 1, &moved, top: top) }
    }
    _ = unlinkat(descriptor, name, AT_REMOVEDIR)
  }

  /// The names in it, without `.` and `..`.
  public func names() -> [String] { folderNames("/proc/self/fd/\(descriptor)") }

  /// Gives the folder itself to a user and group, with a mode, whatever the umask.
  public func own(_ identity: UserIdentity, mode: UInt32) throws(SystemError) {
    guard fchown(descriptor, identity.user, identity.group) == 0 else { throw SystemError("chown") }
    guard fchmod(descriptor, mode) == 0 else { throw SystemError("chmod") }
  }

  /// Who it belongs to, and its mode.
  public func owner() throws(SystemError) -> (identity: UserIdentity, mode: UInt32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError("stat") }
    return (UserIdentity(user: status.st_uid, group: status.st_gid), status.st_mode & 0o7777)
  }
}
