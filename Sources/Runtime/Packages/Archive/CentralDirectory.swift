/// Reads the central directory (APPNOTE 4.3.12) and checks all that a single header can tell.
enum CentralDirectory {
  static func read(
    _ bytes: [UInt8], count: Int, limits: ArchiveLimits
  ) throws(ArchiveRefusal) -> [ArchiveMember] {
    var members: [ArchiveMember] = []
    var paths = MemberPaths()
    var rest = bytes[...]
    var total: Int64 = 0
    for _ in 0..<count {
      let member = try readHeader(&rest)
      try paths.insert(member.path, isFolder: member.isFolder)
      total += member.size
      guard total <= limits.unpackedBytes else {
        throw ArchiveRefusal(
          "unpacks to more than the \(limits.unpackedBytes) bytes allowed (MAX_UNPACKED_SIZE_MB)")
      }
      members.append(member)
    }
    guard rest.isEmpty else {
      throw ArchiveRefusal("has more in its directory than its end record says")
    }
    return members
  }

  private static func readHeader(_ rest: inout ArraySlice<UInt8>) throws(ArchiveRefusal)
    -> ArchiveMember
  {
    let fixed = Archive.centralHeaderBytes
    guard rest.count >= fixed, rest.starts(with: [0x50, 0x4B, 1, 2]) else {
      throw ArchiveRefusal("has a directory that is damaged or shorter than its end record says")
    }
    let record = ZipRecord(rest.prefix(fixed))
    let lengths = (Int(record.u16(28)), Int(record.u16(30)), Int(record.u16(32)))
    guard rest.count >= fixed + lengths.0 + lengths.1 + lengths.2 else {
      throw ArchiveRefusal("has a directory that is cut off")
    }
    let rawName = Array(rest.dropFirst(fixed).prefix(lengths.0))
    let extra = rest.dropFirst(fixed + lengths.0).prefix(lengths.1)
    rest = rest.dropFirst(fixed + lengths.0 + lengths.1 + lengths.2)

    let (path, isFolder) = try MemberPaths.check(rawName)
    func refuse(_ problem: String) -> ArchiveRefusal { ArchiveRefusal(problem, member: path) }
    let flags = record.u16(8)
    guard flags & 0x2041 == 0 else { throw refuse("is encrypted") }
    guard flags & ~(0x0002 | 0x0004 | 0x0008 | 0x0800) == 0 else {
      throw refuse("uses a zip feature that is not supported (flags \(flags))")
    }
    guard flags & 0x0800 != 0 || rawName.allSatisfy({ $0 < 0x80 }) else {
      throw refuse("has a name outside ASCII that is not marked as UTF-8")
    }
    let method = record.u16(10)
    guard method == 0 || method == 8 else {
      throw refuse("is packed with method \(method); only stored and deflated are accepted")
    }
    let (compressed, size) = (Int64(record.u32(20)), Int64(record.u32(24)))
    let offset = Int64(record.u32(42))
    guard compressed != 0xFFFF_FFFF, size != 0xFFFF_FFFF, offset != 0xFFFF_FFFF else {
      throw refuse("uses ZIP64, which no agent package needs")
    }
    guard record.u16(34) == 0 else { throw refuse("lies in another file of a split archive") }
    guard method == 8 || compressed == size else {
      throw refuse("is stored, yet its two sizes differ")
    }
    try ExtraFields.check(extra, member: path)
    let attributes = record.u32(38)
    let mode = attributes >> 16
    try checkMode(mode, isFolder: isFolder, isDOSFolder: attributes & 0x10 != 0, path: path)
    if isFolder {
      guard size == 0, record.u32(16) == 0 else { throw refuse("is a folder with content") }
    }
    return ArchiveMember(
      path: path, isFolder: isFolder, isExecutable: !isFolder && mode & 0o111 != 0,
      isDeflated: method == 8, crc: record.u32(16), compressedSize: compressed, size: size,
      headerOffset: offset, flags: flags, time: record.u32(12), rawName: rawName)
  }

  /// The upper half of the external attributes is st_mode, whoever made the archive: unpackers
  /// differ in whether they look at the maker, so it is always checked. No type bits are accepted.
  private static func checkMode(
    _ mode: UInt32, isFolder: Bool, isDOSFolder: Bool, path: String
  ) throws(ArchiveRefusal) {
    func refuse(_ problem: String) -> ArchiveRefusal { ArchiveRefusal(problem, member: path) }
    switch mode & 0o170000 {
    case 0: break
    case 0o100000:
      if isFolder { throw refuse("is named as a folder and marked as a file") }
    case 0o040000:
      if !isFolder { throw refuse("is named as a file and marked as a folder") }
    case 0o120000: throw refuse("is a symbolic link")
    default: throw refuse("is a device, a pipe or a socket")
    }
    guard mode & 0o6000 == 0 else { throw refuse("is setuid or setgid") }
    guard isFolder || !isDOSFolder else {
      throw refuse("is named as a file and marked as a folder")
    }
  }
}

/// The extra fields of a header: well formed, and none that gives a member a second reading.
enum ExtraFields {
  static func check(_ bytes: ArraySlice<UInt8>, member: String) throws(ArchiveRefusal) {
    var rest = bytes
    while !rest.isEmpty {
      guard rest.count >= 4 else {
        throw ArchiveRefusal("has a damaged extra field", member: member)
      }
      let record = ZipRecord(rest.prefix(4))
      let length = Int(record.u16(2))
      guard rest.count >= 4 + length else {
        throw ArchiveRefusal("has a damaged extra field", member: member)
      }
      switch record.u16(0) {
      case 0x0001: throw ArchiveRefusal("uses ZIP64, which no agent package needs", member: member)
      case 0x7075, 0x6375:
        throw ArchiveRefusal("has a second name in an extra field", member: member)
      case 0x9901, 0x0017: throw ArchiveRefusal("is encrypted", member: member)
      default: break
      }
      rest = rest.dropFirst(4 + length)
    }
  }
}
