import AgentPackages
import Glibc
import LinuxSystem

/// The writing of a state, one system call after the other: killed between any two of them, it leaves
/// the old file or the new one.
struct StateWrite {
  private enum Step { case make, write, sync, name, syncFolder, done }

  private let temporary: String
  private let final: String
  private let directory: Descriptor
  private let bytes: [UInt8]
  private var step = Step.make
  private var file: Descriptor?
  /// Whether the new content has the file's name.
  private(set) var isNamed = false

  init(folder: String, directory: Descriptor, bytes: [UInt8]) {
    temporary = "\(folder)/\(StateFile.temporaryName)"
    final = "\(folder)/\(StateFile.name)"
    self.directory = directory
    self.bytes = bytes
  }

  /// Makes the next step; false when that was the last one.
  mutating func next() throws(SystemError) -> Bool {
    switch step {
    case .make:
      // What a writer that was killed left. It may have any mode, and be a link.
      unlink(temporary)
      file = try Descriptor.open(
        temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
      step = .write
    case .write:
      try file?.write(bytes[...])
      step = .sync
    case .sync:
      // Without it the name could come to the disk before the content.
      if let file, fsync(file.number) != 0 { throw SystemError("fsync", temporary) }
      file = nil
      step = .name
    case .name:
      guard rename(temporary, final) == 0 else { throw SystemError("rename", final) }
      isNamed = true
      step = .syncFolder
    case .syncFolder:
      // A file system that cannot do this for folders says EINVAL, and needs it not.
      guard fsync(directory.number) == 0 || errno == EINVAL else {
        throw SystemError("fsync", final)
      }
      step = .done
    case .done: return false
    }
    return step != .done
  }
}
