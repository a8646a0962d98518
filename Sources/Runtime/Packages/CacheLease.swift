import CPlatform
import Glibc
import LinuxSystem

/// Holds what a run uses in the cache, so that no other run's eviction removes it: a shared lock on
/// each folder, and its time of last use. Ends with the last reference, or with the process.
///
/// Folders outside the cache, as a package folder used in place, may be named too.
public final class CacheLease: Sendable {
  private let folders: [Descriptor]

  /// What a loaded package uses. A folder that cannot be locked is left out: the file system may not
  /// know locks, and then nobody evicts there either.
  public init(package: VerifiedPackage) {
    folders = [package.root, package.environment.folder].compactMap { path in
      guard let path, let folder = try? Descriptor.open(path, O_RDONLY | O_DIRECTORY),
        par_flock_shared_try(folder.number) == 0
      else { return nil }
      if path != package.root || package.sha256 != nil { futimens(folder.number, nil) }
      return folder
    }
  }

  /// How many folders are held.
  public var count: Int { folders.count }
}
