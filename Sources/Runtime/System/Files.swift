import CPlatform
import Glibc

/// What stat(2) says of a path; links are followed.
public enum FileKind: Sendable, Equatable {
  case file(bytes: Int64)
  case folder
  case other
  case missing

  public init(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      self = .missing
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file(bytes: Int64(status.st_size))
    case S_IFDIR: self = .folder
    default: self = .other
    }
  }
}

/// The path with links, `.` and `..` resolved (realpath(3)), or nil when it is not there.
public func resolvedPath(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}

/// Makes a folder and those above it, each with `mode` (the umask applies); one that exists is left
/// as it is.
public func makeFolders(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
  if mkdir(path, mode) == 0 || (errno == EEXIST && FileKind(path) == .folder) { return }
  guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
    throw SystemError("mkdir", path)
  }
  try makeFolders(String(path[..<slash]), mode: mode)
  guard mkdir(path, mode) == 0 || errno == EEXIST else { throw SystemError("mkdir", path) }
}

/// Makes a folder that only this user can enter, or finds that it is one: no link, of this user,
/// mode 0700.
public func makePrivateFolder(_ path: String) -> Bool {
  if mkdir(path, 0o700) == 0 { return true }
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    && status.st_uid == geteuid() && status.st_mode & 0o077 == 0
}

/// The names in a folder, without `.` and `..`; none when it cannot be read.
public func folderNames(_ path: String) -> [String] {
  guard let folder = opendir(path) else { return [] }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names
}

/// Removes a file or a folder with all that is in it; links are removed, not followed. What cannot
/// be removed stays.
public func removeTree(_ path: String) {
  var status = stat()
  guard lstat(path, &status) == 0 else { return }
  guard status.st_mode & S_IFMT == S_IFDIR else {
    unlink(path)
    return
  }
  for name in folderNames(path) { removeTree(path + "/" + name) }
  rmdir(path)
}

/// `count` random bytes as lower-case hexadecimal digits (getrandom(2)).
public func randomHexadecimal(bytes count: Int) -> String {
  var generator = SystemRandomNumberGenerator()
  let digits = Array("0123456789abcdef")
  return String(
    (0..<count * 2).map { _ in digits[Int(generator.next(upperBound: UInt32(16)))] })
}
