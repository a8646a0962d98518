import CPlatform
import Glibc
import LinuxSystem

/// Folders of agents that are gone: there may be much in them, so a thread of its own removes it. What a
/// supervisor that was killed left, the next one removes.
final class RemovedFolders: Sendable {
  /// Their names begin with it, and no agent's id does.
  static let prefix = "~"
  /// One thread at a time.
  private static let turn = Locked(())

  private let folder: String

  private init(in folder: String) { self.folder = folder }

  /// Begins to remove what lies in that folder under such names.
  static func clear(_ folder: String) {
    let removed = RemovedFolders(in: folder)
    // Without a thread they stay until the next time.
    try? DetachedThread.start("removed") { removed.remove() }
  }

  private func remove() {
    Self.turn.withLock { _ in
      guard let folder = try? FolderHandle(folder) else { return }
      for name in folder.names() where name.hasPrefix(Self.prefix) { folder.remove(name) }
    }
  }
}
