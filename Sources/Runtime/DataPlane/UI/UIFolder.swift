import CPlatform
import Glibc

/// The folder that `P/ui/` serves, opened once per loop, and files beneath it.
///
/// openat2(2) with RESOLVE_BENEATH: neither `..` nor a symbolic link leads out, whatever the name.
struct UIFolder {
  private var path: String?
  private var descriptor: Int32 = -1

  /// An open regular file; whoever takes it closes it.
  struct File {
    let descriptor: Int32
    let size: Int64
    let modifiedSeconds: Int64
    let modifiedNanoseconds: Int64
  }

  /// nil: not there, not a regular file, not beneath the folder, not readable.
  mutating func open(_ name: String, in folder: String) -> File? {
    guard use(folder) else { return nil }
    // Non-blocking, because opening a FIFO would wait for its other end.
    let file = par_open_beneath(descriptor, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, false)
    guard file >= 0 else { return nil }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      return nil
    }
    return File(
      descriptor: file, size: Int64(status.st_size), modifiedSeconds: Int64(status.st_mtim.tv_sec),
      modifiedNanoseconds: Int64(status.st_mtim.tv_nsec))
  }

  private mutating func use(_ folder: String) -> Bool {
    if path != folder {
      closeFolder()
      descriptor = par_open(folder, O_RDONLY | O_DIRECTORY, 0)
      path = folder
    }
    // A folder that was not there may be by now.
    if descriptor < 0 { path = nil }
    return descriptor >= 0
  }

  mutating func closeFolder() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    path = nil
  }
}

/// The rest of a file that is on its way to a client.
struct FileBody {
  let descriptor: Int32
  var offset: Int64
  var remaining: Int64
}
