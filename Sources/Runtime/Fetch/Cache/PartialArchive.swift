import AgentPackages
import Glibc
import LinuxSystem

/// A package on its way: a temporary file in the cache, and the hash of what is in it so far.
///
/// The file is locked for as long as it is open, so that nobody sweeps it, and removed with the last
/// reference unless it was kept.
final class PartialArchive {
  let path: String
  let file: Descriptor
  private(set) var bytes: Int64 = 0
  /// Of the answer that the bytes are from.
  var etag: EntityTag?
  /// Bytes of the whole, when the server said so.
  var total: Int64?
  private var hash: SHA256
  private var isKept = false

  init(path: String, file: Descriptor) throws(StepFailure) {
    self.path = path
    self.file = file
    hash = try SHA256()
  }

  deinit { if !isKept { unlink(path) } }

  /// Another attempt may go on where this one ended (RFC 9110 section 13.1.5).
  var canResume: Bool { bytes > 0 && etag?.isStrong == true }

  func append(_ more: UnsafeRawBufferPointer) throws(SystemError) {
    try file.write(more)
    hash.update(more)
    bytes += Int64(more.count)
  }

  /// Starts again.
  func reset() throws {
    etag = nil
    total = nil
    guard bytes > 0 else { return }
    guard ftruncate(file.number, 0) == 0, lseek(file.number, 0, SEEK_SET) == 0 else {
      throw SystemError("ftruncate", path)
    }
    bytes = 0
    hash = try SHA256()
  }

  /// Of the whole: 64 lower-case hex digits. Once.
  func finish() -> String { hash.finish() }

  /// Gives it its final name.
  func keep(as final: String) throws(SystemError) {
    guard rename(path, final) == 0 else { throw SystemError("rename", final) }
    isKept = true
  }
}
