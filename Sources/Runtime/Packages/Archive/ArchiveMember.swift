/// One member of a checked archive.
struct ArchiveMember: Sendable, Equatable {
  /// The path without a trailing slash: relative, no empty, `.` or `..` part.
  let path: String
  let isFolder: Bool
  let isExecutable: Bool
  let isDeflated: Bool
  let crc: UInt32
  let compressedSize: Int64
  let size: Int64
  /// Where its local header starts.
  let headerOffset: Int64
  let flags: UInt16
  let time: UInt32
  /// The name's bytes as they stand in both headers.
  let rawName: [UInt8]
}

/// Little-endian numbers of a zip record; the caller has checked the length.
struct ZipRecord {
  let bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  func u16(_ offset: Int) -> UInt16 {
    UInt16(bytes[bytes.startIndex + offset]) | UInt16(bytes[bytes.startIndex + offset + 1]) << 8
  }
  func u32(_ offset: Int) -> UInt32 { UInt32(u16(offset)) | UInt32(u16(offset + 2)) << 16 }
}
