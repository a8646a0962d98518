import Glibc
import LinuxSystem

/// What an archive may be at most.
struct ArchiveLimits: Sendable {
  var unpackedBytes: Int64
  var files: Int
  /// The central directory is held in memory.
  static let directoryBytes: Int64 = 64 << 20
}

/// A zip archive (APPNOTE 6.3.10) whose directory has been checked as a whole: every member's name,
/// place and headers. No byte of it has been unpacked.
///
/// Accepted is what has one reading only: members follow each other from the first byte to the
/// directory without a gap, the directory runs to the end record, and that is the end of the file.
struct Archive {
  static let endRecordBytes = 22
  static let centralHeaderBytes = 46
  static let localHeaderBytes = 30
  static let descriptorBytes = 16

  let file: Descriptor
  let bytes: Int64
  /// In the order of the directory.
  let members: [ArchiveMember]

  var unpackedBytes: Int64 { members.reduce(0) { $0 + $1.size } }
  var fileCount: Int { members.count { !$0.isFolder } }

  init(_ file: Descriptor, limits: ArchiveLimits) throws {
    self.file = file
    bytes = try file.status().size
    let end = try EndRecord(file, bytes: bytes)
    guard end.count <= limits.files else {
      throw ArchiveRefusal("has \(end.count) members, more than the \(limits.files) allowed")
    }
    guard end.directorySize <= ArchiveLimits.directoryBytes else {
      throw ArchiveRefusal("has a directory of more than \(ArchiveLimits.directoryBytes) bytes")
    }
    let directory = try file.read(at: end.directoryOffset, count: Int(end.directorySize))
    members = try CentralDirectory.read(directory, count: end.count, limits: limits)
    try checkPlaces(directoryOffset: end.directoryOffset)
  }

  /// Where a member's data starts, after its local header.
  func dataOffset(of member: ArchiveMember) throws -> Int64 {
    let header = try file.read(at: member.headerOffset, count: Self.localHeaderBytes)
    guard header.count == Self.localHeaderBytes else {
      throw ArchiveRefusal("is cut off", member: member.path)
    }
    let record = ZipRecord(header[...])
    return member.headerOffset + Int64(Self.localHeaderBytes) + Int64(record.u16(26))
      + Int64(record.u16(28))
  }

  /// Members must tile the file from its first byte to the directory, and each local header must
  /// say what the directory says.
  private func checkPlaces(directoryOffset: Int64) throws {
    var position: Int64 = 0
    for member in members.sorted(by: { $0.headerOffset < $1.headerOffset }) {
      guard member.headerOffset >= position else {
        throw ArchiveRefusal("overlaps another member", member: member.path)
      }
      guard member.headerOffset == position else {
        throw ArchiveRefusal(
          position == 0
            ? "has bytes before its first member" : "has bytes between its members")
      }
      position = try endOfMember(member, directoryOffset: directoryOffset)
      guard position <= directoryOffset else {
        throw ArchiveRefusal("overlaps the directory", member: member.path)
      }
    }
    guard position == directoryOffset else {
      throw ArchiveRefusal(
        position == 0 ? "has bytes before its first member" : "has bytes after its last member")
    }
  }

  /// Compares the local header and returns the offset behind the member's last byte.
  private func endOfMember(_ member: ArchiveMember, directoryOffset: Int64) throws -> Int64 {
    func refuse(_ problem: String) -> ArchiveRefusal {
      ArchiveRefusal(problem, member: member.path)
    }
    let fixed = Self.localHeaderBytes
    let header = try file.read(
      at: member.headerOffset, count: fixed + member.rawName.count)
    guard header.count == fixed + member.rawName.count, header.starts(with: [0x50, 0x4B, 3, 4])
    else { throw refuse("has no local header where the directory says") }
    let record = ZipRecord(header[...])
    let hasDescriptor = member.flags & 8 != 0
    guard record.u16(6) == member.flags else {
      throw refuse("has other flags in its local header than in the directory")
    }
    guard record.u16(8) == (member.isDeflated ? 8 : 0) else {
      throw refuse("has another method in its local header than in the directory")
    }
    guard record.u32(10) == member.time else {
      throw refuse("has another time in its local header than in the directory")
    }
    guard Int(record.u16(26)) == member.rawName.count,
      header[fixed...].elementsEqual(member.rawName)
    else { throw refuse("has another name in its local header than in the directory") }
    let local = (record.u32(14), Int64(record.u32(18)), Int64(record.u32(22)))
    let isSame = local == (member.crc, member.compressedSize, member.size)
    guard isSame || (hasDescriptor && local == (0, 0, 0)) else {
      throw refuse("has another size or checksum in its local header than in the directory")
    }
    let extraLength = Int(record.u16(28))
    let extraOffset = member.headerOffset + Int64(header.count)
    let extra = try file.read(at: extraOffset, count: extraLength)
    guard extra.count == extraLength else { throw refuse("is cut off") }
    try ExtraFields.check(extra[...], member: member.path)
    let end = extraOffset + Int64(extraLength) + member.compressedSize
    guard hasDescriptor else { return end }
    guard end <= directoryOffset else { throw refuse("overlaps the directory") }
    let descriptor = try file.read(at: end, count: Self.descriptorBytes)
    guard descriptor.count == Self.descriptorBytes, descriptor.starts(with: [0x50, 0x4B, 7, 8])
    else { throw refuse("has no data descriptor behind its data") }
    let behind = ZipRecord(descriptor[...])
    guard
      (behind.u32(4), Int64(behind.u32(8)), Int64(behind.u32(12)))
        == (member.crc, member.compressedSize, member.size)
    else {
      throw refuse("has another size or checksum in its data descriptor than in the directory")
    }
    return end + Int64(Self.descriptorBytes)
  }
}
