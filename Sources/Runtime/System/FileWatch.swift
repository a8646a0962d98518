import CPlatform
import Glibc

/// Tells that something was done to files, or that one came to have their name (inotify(7)). Not of all
/// file systems, and not of what is behind a link: who needs to know for certain looks now and then.
public struct FileWatch: ~Copyable {
  /// Readable when something happened.
  public let descriptor: Int32

  public init() throws(SystemError) {
    descriptor = par_inotify_init()
    guard descriptor >= 0 else { throw SystemError("inotify_init1") }
  }

  deinit { closeDescriptor(descriptor) }

  /// Watches a file and its folder; again after another file has got the name. What cannot be watched is
  /// not.
  public func add(_ path: String) {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    _ = par_inotify_watch_folder(descriptor, folder)
    _ = par_inotify_watch_file(descriptor, path)
  }

  /// Takes note of what happened: not readable any more until something new does.
  public func clear() {
    while case .bytes = readAvailable(descriptor) {}
  }
}
