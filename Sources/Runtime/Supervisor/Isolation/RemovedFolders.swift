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
  static func clear(_ folder: String) { RemovedFolders(in: folder).startThread() }

  private func startThread() {
    var thread = pthread_t()
    let retained = Unmanaged.passRetained(self)
    let started = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        _ = par_thread_name("removed")
        // Balances passRetained of the thread's start.
        Unmanaged<RemovedFolders>.fromOpaque(argument).takeRetainedValue().remove()
        return nil
      }, retained.toOpaque())
    guard started == 0 else { return retained.release() }
    pthread_detach(thread)
  }

  private func remove() {
    Self.turn.withLock { _ in
      guard let folder = try? FolderHandle(folder) else { return }
      for name in folder.names() where name.hasPrefix(Self.prefix) { folder.remove(name) }
    }
  }
}
