import CZlib
import Glibc
import LinuxSystem

/// An archive's members as files in a folder: written, or compared.
enum PackageTree {
  /// Progress is told every so many bytes.
  static let progressBytes: Int64 = 16 << 20

  /// Fills an empty folder. Files are opened beneath it without following a link and must not be
  /// there yet; modes are 0755 for folders and executables and 0644 for the rest, whatever the umask.
  static func write(_ archive: Archive, into root: Descriptor, report: StepReport) throws {
    let total = archive.unpackedBytes
    var written: Int64 = 0
    var told: Int64 = 0
    var made: Set<[UInt8]> = []
    for member in archive.members {
      try makeFolder(
        of: member.isFolder ? member.path + "/" : member.path, in: root, made: &made)
      if member.isFolder {
        // Two bytes of deflate for nothing at all; still checked.
        try MemberReader.read(member, of: archive) { _ in }
        continue
      }
      let file = try root.openBeneath(
        member.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600, noLinks: true)
      try MemberReader.read(member, of: archive) { piece in
        try file.write(piece)
        written += Int64(piece.count)
        if written - told >= progressBytes {
          told = written
          report.progress("unpacking: \(written) of \(total) bytes")
        }
      }
      guard fchmod(file.number, member.isExecutable ? 0o755 : 0o644) == 0 else {
        throw SystemError("fchmod", member.path)
      }
    }
    guard fchmod(root.number, 0o755) == 0 else { throw SystemError("fchmod") }
  }

  /// Makes the folders above the last slash of a checked path.
  private static func makeFolder(
    of path: String, in root: Descriptor, made: inout Set<[UInt8]>
  ) throws {
    let bytes = Array(path.utf8)
    var parent = root
    var partStart = 0
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "/") {
      let prefix = Array(bytes[..<index])
      defer { partStart = index + 1 }
      // The deepest folder that is known is reopened once, below.
      if made.contains(prefix) { continue }
      if partStart > 0 {
        parent = try root.openBeneath(
          String(decoding: bytes[..<(partStart - 1)], as: UTF8.self), O_RDONLY | O_DIRECTORY,
          noLinks: true)
      }
      let name = String(decoding: bytes[partStart..<index], as: UTF8.self)
      guard mkdirat(parent.number, name, 0o755) == 0 else { throw SystemError("mkdir", path) }
      let folder = try parent.openBeneath(name, O_RDONLY | O_DIRECTORY, noLinks: true)
      guard fchmod(folder.number, 0o755) == 0 else { throw SystemError("fchmod", path) }
      made.insert(prefix)
    }
  }

  /// Whether a folder holds exactly the archive's members, byte for byte (by size and CRC-32), and
  /// nothing else but `__pycache__` folders.
  static func matches(_ archive: Archive, folder: String) throws -> Bool {
    guard let root = try? Descriptor.open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else {
      return false
    }
    var folders: Set<[UInt8]> = []
    var files: Set<[UInt8]> = []
    for member in archive.members {
      let bytes = Array(member.path.utf8)
      for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "/") {
        folders.insert(Array(bytes[..<index]))
      }
      if member.isFolder {
        folders.insert(bytes)
      } else {
        files.insert(bytes)
        guard try matches(member, in: root) else { return false }
      }
    }
    guard try hasNothingElse(root, prefix: [], folders: folders, files: files) else { return false }
    return folders.allSatisfy { path in
      (try? root.openBeneath(
        String(decoding: path, as: UTF8.self), O_RDONLY | O_DIRECTORY, noLinks: true)) != nil
    }
  }

  private static func matches(_ member: ArchiveMember, in root: Descriptor) throws -> Bool {
    guard
      let file = try? root.openBeneath(
        member.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, noLinks: true),
      let status = try? file.status(), status.isFile, status.size == member.size,
      status.mode & 0o7777 == (member.isExecutable ? 0o755 : 0o644)
    else { return false }
    var crc: UInt = 0
    var offset: Int64 = 0
    while offset < member.size {
      let piece = try file.read(at: offset, count: MemberReader.chunkBytes)
      guard !piece.isEmpty else { return false }
      crc = piece.withUnsafeBytes {
        crc32(crc, $0.bindMemory(to: UInt8.self).baseAddress, UInt32($0.count))
      }
      offset += Int64(piece.count)
    }
    return UInt32(truncatingIfNeeded: crc) == member.crc
  }

  private static func hasNothingElse(
    _ folder: Descriptor, prefix: [UInt8], folders: Set<[UInt8]>, files: Set<[UInt8]>
  ) throws -> Bool {
    for name in try FileTree.names(in: folder) {
      let path = prefix + Array(name.utf8)
      if files.contains(path) { continue }
      if folders.contains(path) {
        guard
          let inner = try? folder.openBeneath(
            name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, noLinks: true),
          try hasNothingElse(
            inner, prefix: path + [UInt8(ascii: "/")], folders: folders, files: files)
        else { return false }
        continue
      }
      // Python writes its bytecode beside the sources.
      guard name == "__pycache__" else { return false }
    }
    return true
  }
}
