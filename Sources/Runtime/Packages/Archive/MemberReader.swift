import CZlib
import LinuxSystem

/// Streams one member's bytes in constant memory, checking size and CRC-32 on the way.
enum MemberReader {
  static let chunkBytes = 128 << 10

  /// Calls `body` with one piece after another. What it has been given is trustworthy only when
  /// this returns.
  static func read(
    _ member: ArchiveMember, of archive: Archive, _ body: (ArraySlice<UInt8>) throws -> Void
  ) throws {
    let start = try archive.dataOffset(of: member)
    var crc: UInt = 0
    var produced: Int64 = 0
    func deliver(_ piece: ArraySlice<UInt8>) throws {
      produced += Int64(piece.count)
      guard produced <= member.size else {
        throw ArchiveRefusal("is longer than the directory says", member: member.path)
      }
      crc = piece.withUnsafeBytes {
        crc32(crc, $0.bindMemory(to: UInt8.self).baseAddress, UInt32($0.count))
      }
      try body(piece)
    }
    if member.isDeflated {
      try inflate(member, of: archive, from: start, deliver)
    } else {
      var offset: Int64 = 0
      while offset < member.compressedSize {
        let count = Int(min(Int64(chunkBytes), member.compressedSize - offset))
        let piece = try archive.file.read(at: start + offset, count: count)
        guard piece.count == count else { throw ArchiveRefusal("is cut off", member: member.path) }
        try deliver(piece[...])
        offset += Int64(count)
      }
    }
    guard produced == member.size else {
      throw ArchiveRefusal("is shorter than the directory says", member: member.path)
    }
    guard UInt32(truncatingIfNeeded: crc) == member.crc else {
      throw ArchiveRefusal("is damaged: its checksum (CRC-32) is wrong", member: member.path)
    }
  }

  private static func inflate(
    _ member: ArchiveMember, of archive: Archive, from start: Int64,
    _ deliver: (ArraySlice<UInt8>) throws -> Void
  ) throws {
    var stream = z_stream()
    // Minus 15: raw deflate data without a zlib header (zlib.h, inflateInit2).
    guard
      inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw StepFailure("zlib cannot be initialised") }
    defer { inflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: chunkBytes)
    var offset: Int64 = 0
    var result = Z_OK
    while result != Z_STREAM_END {
      let count = Int(min(Int64(chunkBytes), member.compressedSize - offset))
      var input = try archive.file.read(at: start + offset, count: count)
      guard input.count == count, count > 0 else {
        throw ArchiveRefusal("ends in the middle of its packed data", member: member.path)
      }
      offset += Int64(count)
      var used = 0
      repeat {
        let remaining = input.count - used
        var made = 0
        input.withUnsafeMutableBytes { source in
          output.withUnsafeMutableBytes { target in
            stream.next_in = source.bindMemory(to: UInt8.self).baseAddress.map { $0 + used }
            stream.avail_in = UInt32(remaining)
            stream.next_out = target.bindMemory(to: UInt8.self).baseAddress
            stream.avail_out = UInt32(chunkBytes)
            result = CZlib.inflate(&stream, Z_NO_FLUSH)
            made = chunkBytes - Int(stream.avail_out)
          }
        }
        used = input.count - Int(stream.avail_in)
        guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else {
          throw ArchiveRefusal("has packed data that is damaged", member: member.path)
        }
        if made > 0 { try deliver(output[..<made]) }
        if result == Z_BUF_ERROR || (made < chunkBytes && used == input.count) { break }
      } while result != Z_STREAM_END
      if result == Z_STREAM_END, used < input.count || offset < member.compressedSize {
        throw ArchiveRefusal("has bytes behind the end of its packed data", member: member.path)
      }
    }
  }
}
