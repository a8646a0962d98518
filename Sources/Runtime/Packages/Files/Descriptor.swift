import CPlatform
import Glibc
package import LinuxSystem

/// An open file, closed once when the last reference goes.
package final class Descriptor: Sendable {
  package let number: Int32

  package init(owning number: Int32) { self.number = number }
  deinit { close(number) }

  /// Opens a path, with `O_CLOEXEC`.
  package static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(SystemError)
    -> Descriptor
  {
    let number = par_open(path, flags, mode)
    guard number >= 0 else { throw SystemError("open", path) }
    return Descriptor(owning: number)
  }

  /// Opens a path that must stay beneath this folder, whatever links are on the way (openat2(2)).
  func openBeneath(
    _ path: String, _ flags: Int32, mode: UInt32 = 0, noLinks: Bool = false
  ) throws(SystemError) -> Descriptor {
    let opened = par_open_beneath(number, path, flags, mode, noLinks)
    guard opened >= 0 else { throw SystemError("open", path) }
    return Descriptor(owning: opened)
  }

  package func status() throws(SystemError) -> FileStatus {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw SystemError("fstat") }
    return FileStatus(status)
  }

  /// Bytes that an unprivileged user may still write on this file's or folder's file system.
  package func freeBytes() throws(SystemError) -> Int64 {
    var status = statvfs()
    guard fstatvfs(number, &status) == 0 else { throw SystemError("fstatvfs") }
    return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// Reads up to `count` bytes at an offset; fewer only at the end of the file.
  package func read(at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let got = bytes.withUnsafeMutableBytes { buffer in
        pread(
          number, buffer.baseAddress.map { $0 + filled }, count - filled, Int(offset) + filled)
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw SystemError("read") }
      if got == 0 { break }
      filled += got
    }
    bytes.removeLast(count - filled)
    return bytes
  }

  package func write(_ bytes: ArraySlice<UInt8>) throws(SystemError) {
    try bytes.withUnsafeBytes { buffer in
      Result { () throws(SystemError) in try write(buffer) }
    }.get()
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var written = 0
    while written < bytes.count {
      let put = Glibc.write(
        number, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      if put < 0 && errno == EINTR { continue }
      guard put >= 0 else { throw SystemError("write") }
      written += put
    }
  }
}

/// What fstat(2) says about a file, as far as it matters here.
package struct FileStatus: Equatable {
  package let device: UInt64
  package let inode: UInt64
  package let mode: UInt32
  package let size: Int64
  /// Nanoseconds since 1970.
  package let modified: Int64
  package let changed: Int64

  init(_ status: stat) {
    var status = status
    var modified: Int64 = 0
    var changed: Int64 = 0
    _ = par_stat_mtime_ns(&status, &modified, &changed)
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    mode = UInt32(status.st_mode)
    size = Int64(status.st_size)
    self.modified = modified
    self.changed = changed
  }

  package var isFile: Bool { mode & 0o170000 == 0o100000 }
  var isFolder: Bool { mode & 0o170000 == 0o040000 }
  var isExecutable: Bool { mode & 0o111 != 0 }
}
