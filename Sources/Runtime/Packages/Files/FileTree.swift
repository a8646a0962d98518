import CPlatform
import Glibc
package import LinuxSystem

/// Operations on whole paths and folders.
package enum FileTree {
  package static func status(_ path: String, followLinks: Bool = true) -> FileStatus? {
    var status = stat()
    let result = followLinks ? stat(path, &status) : lstat(path, &status)
    return result == 0 ? FileStatus(status) : nil
  }

  /// The path from the root; one that is relative starts at the current folder.
  package static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let current = resolvedPath(".") else { return path }
    return current + "/" + path
  }

  /// The names in an open folder, without `.` and `..`, in no order.
  static func names(in folder: Descriptor) throws(SystemError) -> [String] {
    let copy = par_open_beneath(folder.number, ".", O_RDONLY | O_DIRECTORY, 0, true)
    guard copy >= 0 else { throw SystemError("open") }
    guard let stream = fdopendir(copy) else {
      close(copy)
      throw SystemError("fdopendir")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Removes a file or a whole folder without following a link; what is gone already is no error.
  static func remove(_ path: String) throws(SystemError) {
    let slash = path.lastIndex(of: "/")
    let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    guard let folder = try? Descriptor.open(parent, O_RDONLY | O_DIRECTORY) else { return }
    try remove(name, in: folder)
  }

  static func remove(_ name: String, in folder: Descriptor) throws(SystemError) {
    if unlinkat(folder.number, name, 0) == 0 || errno == ENOENT { return }
    guard errno == EISDIR || errno == EPERM else { throw SystemError("unlink", name) }
    // A folder whose owner may not write or search cannot be emptied.
    fchmodat(folder.number, name, 0o700, 0)
    let inner = try folder.openBeneath(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, noLinks: true)
    for child in try names(in: inner) { try remove(child, in: inner) }
    guard unlinkat(folder.number, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
      throw SystemError("rmdir", name)
    }
  }

  /// A whole small file, or nil when it is no readable regular file.
  /// - Throws: `EFBIG` when it is longer than `limit` bytes.
  package static func contents(_ path: String, limit: Int) throws(SystemError) -> [UInt8]? {
    guard let file = try? Descriptor.open(path, O_RDONLY | O_NONBLOCK) else { return nil }
    return try contents(of: file, path, limit: limit)
  }

  static func contents(
    beneath root: Descriptor, _ path: String, limit: Int
  ) throws(SystemError) -> [UInt8]? {
    guard let file = try? root.openBeneath(path, O_RDONLY | O_NONBLOCK) else { return nil }
    return try contents(of: file, path, limit: limit)
  }

  private static func contents(
    of file: Descriptor, _ path: String, limit: Int
  ) throws(SystemError) -> [UInt8]? {
    guard try file.status().isFile else { return nil }
    let bytes = try file.read(at: 0, count: limit + 1)
    guard bytes.count <= limit else { throw SystemError("read", path, number: EFBIG) }
    return bytes
  }
}
