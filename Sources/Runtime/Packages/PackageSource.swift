import CPlatform
import Glibc
import LinuxSystem

/// A package as a folder that can be read: an archive unpacked into the cache, or a folder in place.
struct PackageSource {
  let root: String
  let sha256: String?
  let bytes: Int64
  let files: Int
  /// It was not in the cache before.
  let isNew: Bool

  static func open(_ request: VerifyRequest, report: StepReport) throws -> PackageSource {
    let path = request.path
    guard let status = FileTree.status(path) else {
      throw StepFailure(
        "the package \(path) cannot be found (\(SystemError("stat").reason))",
        hint: "check the path; docs/errors.md#no-package")
    }
    if status.isFolder { return try folder(path, request) }
    let stored = try PackageStore(cacheFolder: request.cacheFolder).store(
      archiveAt: path, named: request.name ?? path, sha256: request.sha256,
      known: request.archiveSHA256,
      limits: ArchiveLimits(
        unpackedBytes: request.maximumUnpackedBytes, files: request.maximumFiles),
      report: report)
    // The cache folder may be named through a link; the agent's imports and the UI are not.
    return PackageSource(
      root: resolvedPath(stored.root) ?? stored.root, sha256: stored.sha256,
      bytes: stored.bytes, files: stored.files,
      isNew: !stored.wasThere)
  }

  private static func folder(_ path: String, _ request: VerifyRequest) throws -> PackageSource {
    guard request.sha256 == nil else {
      throw StepFailure(
        "PACKAGE_SHA256 is set and the package \(path) is a folder, which has no hash",
        hint: "name the .apkg file, or unset PACKAGE_SHA256; docs/errors.md#wrong-hash")
    }
    guard let root = resolvedPath(path),
      let opened = try? Descriptor.open(root, O_RDONLY | O_DIRECTORY)
    else {
      throw StepFailure(
        "the package folder \(path) cannot be read (\(SystemError("open").reason))",
        hint: "check its permissions; docs/errors.md#no-package")
    }
    var counter = FolderCounter(limit: request.maximumFiles)
    counter.count(opened, depth: 0)
    return PackageSource(
      root: root, sha256: nil, bytes: counter.bytes, files: counter.files,
      isNew: false)
  }
}

/// Regular files of a folder and their bytes, for the log; stops counting at a limit.
private struct FolderCounter {
  let limit: Int
  var files = 0
  var bytes: Int64 = 0

  init(limit: Int) { self.limit = limit }

  mutating func count(_ folder: Descriptor, depth: Int) {
    guard depth < MemberPaths.maximumDepth, let names = try? FileTree.names(in: folder) else {
      return
    }
    for name in names where files < limit {
      var status = stat()
      guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      let found = FileStatus(status)
      if found.isFile {
        files += 1
        bytes += found.size
      } else if found.isFolder,
        let inner = try? folder.openBeneath(name, O_RDONLY | O_DIRECTORY, noLinks: true)
      {
        count(inner, depth: depth + 1)
      }
    }
  }
}
