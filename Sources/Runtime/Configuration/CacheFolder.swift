/// Where packages and environments are kept by content.
public struct CacheFolder: Sendable, Equatable {
  /// Absolute.
  public let path: String
  /// True for the folder in `$TMPDIR`, whose name others can guess: whoever makes it must refuse
  /// one that is a link, that another user owns, or that others can enter (mode 0700).
  public let mustBePrivate: Bool

  /// `PAR_CACHE_DIR`, else `$CACHE_DIRECTORY` (systemd.exec(5): a list, the first counts), as root
  /// `/var/cache/par`, `$XDG_CACHE_HOME/par`, `$HOME/.cache/par`, else a folder in `$TMPDIR`.
  ///
  /// The variables that are not ours count only when they are absolute, as the XDG base directory
  /// specification asks.
  static func resolve(
    _ environment: [String: String], userID: UInt32, workingFolder: String
  ) -> CacheFolder {
    func absolute(_ name: String) -> String? {
      environment[name].flatMap { $0.hasPrefix("/") ? FolderPath.trimmed($0) : nil }
    }
    func open(_ path: String) -> CacheFolder { CacheFolder(path: path, mustBePrivate: false) }

    if let own = environment["PAR_CACHE_DIR"], !own.isEmpty {
      return open(FolderPath.absolute(own, in: workingFolder))
    }
    let listed = environment["CACHE_DIRECTORY"]?.split(separator: ":").first { $0.hasPrefix("/") }
    if let listed { return open(FolderPath.trimmed(String(listed))) }
    if userID == 0 { return open("/var/cache/par") }
    if let xdg = absolute("XDG_CACHE_HOME") { return open(FolderPath.joined(xdg, "par")) }
    if let home = absolute("HOME") { return open(FolderPath.joined(home, ".cache/par")) }
    let temporary = absolute("TMPDIR") ?? "/tmp"
    return CacheFolder(
      path: FolderPath.joined(temporary, "par-cache-\(userID)"), mustBePrivate: true)
  }
}

/// Paths as text. Nothing is looked up: links and `..` stay what they are.
enum FolderPath {
  /// Without slashes at the end, but for `/` itself.
  static func trimmed(_ path: String) -> String {
    var path = Substring(path)
    while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }

  static func joined(_ folder: String, _ name: String) -> String {
    folder == "/" ? "/" + name : folder + "/" + name
  }

  /// Children run in other folders: a relative path means the one the program was started in.
  static func absolute(_ path: String, in folder: String) -> String {
    guard !path.hasPrefix("/") else { return trimmed(path) }
    var relative = Substring(path)
    while relative.hasPrefix("./") {
      relative = relative.dropFirst(2)
      while relative.hasPrefix("/") { relative.removeFirst() }
    }
    if relative.isEmpty || relative == "." { return trimmed(folder) }
    return trimmed(joined(trimmed(folder), String(relative)))
  }
}
