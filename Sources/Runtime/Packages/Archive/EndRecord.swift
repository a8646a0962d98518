import LinuxSystem

/// The end of central directory record (APPNOTE 4.3.16), which must be the file's last 22 bytes.
struct EndRecord {
  let count: Int
  let directoryOffset: Int64
  let directorySize: Int64

  private static let signature: [UInt8] = [0x50, 0x4B, 5, 6]
  /// The record and the longest comment it could have.
  private static let searchBytes: Int64 = 22 + 65_535

  init(_ file: Descriptor, bytes: Int64) throws {
    let fixed = Int64(Archive.endRecordBytes)
    guard bytes >= fixed else { throw ArchiveRefusal("is too short to be a zip archive") }
    guard bytes <= Int64(UInt32.max) else {
      throw ArchiveRefusal("is larger than 4 GiB, which needs ZIP64")
    }
    let tail = try file.read(
      at: max(0, bytes - Self.searchBytes), count: Int(min(bytes, Self.searchBytes)))
    let last = tail.suffix(Archive.endRecordBytes)
    guard last.starts(with: Self.signature) else {
      throw ArchiveRefusal(
        Self.contains(tail)
          ? "has bytes after its end record (a comment counts as such)"
          : "is cut off or is no zip archive: its end record is missing")
    }
    let record = ZipRecord(last)
    guard record.u16(20) == 0 else {
      throw ArchiveRefusal("announces a comment behind its end")
    }
    guard record.u16(4) == 0, record.u16(6) == 0, record.u16(8) == record.u16(10) else {
      throw ArchiveRefusal("is split over several files")
    }
    count = Int(record.u16(10))
    directorySize = Int64(record.u32(12))
    directoryOffset = Int64(record.u32(16))
    guard count != 0xFFFF, directorySize != 0xFFFF_FFFF, directoryOffset != 0xFFFF_FFFF else {
      throw ArchiveRefusal("uses ZIP64, which no agent package needs")
    }
    guard count > 0 else { throw ArchiveRefusal("is empty") }
    let end = directoryOffset + directorySize
    guard end <= bytes - fixed else {
      throw ArchiveRefusal("has a directory that overlaps its end record")
    }
    guard end == bytes - fixed else {
      let between = try file.read(at: end, count: Int(min(4, bytes - fixed - end)))
      switch between {
      case Self.signature: throw ArchiveRefusal("has a second end record")
      case [0x50, 0x4B, 6, 6], [0x50, 0x4B, 6, 7]:
        throw ArchiveRefusal("uses ZIP64, which no agent package needs")
      default: throw ArchiveRefusal("has bytes between its directory and its end record")
      }
    }
  }

  private static func contains(_ bytes: [UInt8]) -> Bool {
    bytes.indices.dropLast(Archive.endRecordBytes - 1).contains {
      bytes[$0...].starts(with: signature)
    }
  }
}
