import CZlib

/// Builds zip archives byte by byte, right or wrong as a test wants them.
struct ArchiveBytes {
  struct Member {
    var name: [UInt8]
    var content: [UInt8]
    var mode: UInt32
    var isDeflated: Bool
    var flags: UInt16
    var method: UInt16?
    var localName: [UInt8]?
    var crc: UInt32?
    var size: UInt32?
    var localSize: UInt32?
    var extra: [UInt8] = []
    var hasDescriptor = false
    var attributes: UInt32 = 0

    init(
      _ name: String, _ content: String = "", mode: UInt32 = 0o100644, deflated: Bool = true,
      flags: UInt16? = nil
    ) {
      self.init(bytes: Array(name.utf8), Array(content.utf8), mode: mode, deflated: deflated)
      if let flags { self.flags = flags }
    }

    init(
      bytes name: [UInt8], _ content: [UInt8] = [], mode: UInt32 = 0o100644, deflated: Bool = true
    ) {
      self.name = name
      self.content = content
      self.mode = name.last == UInt8(ascii: "/") && mode == 0o100644 ? 0o040775 : mode
      isDeflated = deflated
      flags = name.allSatisfy { $0 < 0x80 } ? 0 : 0x800
    }

    func with(_ change: (inout Member) -> Void) -> Member {
      var copy = self
      change(&copy)
      return copy
    }
  }

  private(set) var bytes: [UInt8] = []
  private(set) var directory: [UInt8] = []
  private(set) var count = 0
  /// The local header of each member.
  private(set) var offsets: [Int] = []

  static func of(_ members: [Member]) -> [UInt8] {
    var archive = ArchiveBytes()
    for member in members { archive.add(member) }
    return archive.finished()
  }

  mutating func prepend(_ more: [UInt8]) { bytes += more }

  mutating func add(_ member: Member, at offset: Int? = nil) {
    let packed = member.isDeflated ? Self.deflate(member.content) : member.content
    let crc = member.crc ?? Self.checksum(member.content)
    let size = member.size ?? UInt32(member.content.count)
    let flags = member.flags | (member.hasDescriptor ? 8 : 0)
    let method = member.method ?? (member.isDeflated ? 8 : 0)
    let start = offset ?? bytes.count
    offsets.append(start)
    if offset == nil {
      let localName = member.localName ?? member.name
      bytes += [0x50, 0x4B, 3, 4] + Self.u16(20) + Self.u16(flags) + Self.u16(method)
      bytes += Self.u32(0x5A21_0000)
      bytes += Self.u32(member.hasDescriptor ? 0 : crc)
      bytes += Self.u32(member.hasDescriptor ? 0 : UInt32(packed.count))
      bytes += Self.u32(member.hasDescriptor ? 0 : member.localSize ?? size)
      bytes += Self.u16(UInt16(localName.count)) + Self.u16(UInt16(member.extra.count))
      bytes += localName + member.extra + packed
      if member.hasDescriptor {
        bytes += [0x50, 0x4B, 7, 8] + Self.u32(crc) + Self.u32(UInt32(packed.count))
        bytes += Self.u32(size)
      }
    }
    directory += [0x50, 0x4B, 1, 2] + Self.u16(0x0314) + Self.u16(20) + Self.u16(flags)
    directory += Self.u16(method) + Self.u32(0x5A21_0000) + Self.u32(crc)
    directory += Self.u32(UInt32(packed.count)) + Self.u32(size)
    directory += Self.u16(UInt16(member.name.count)) + Self.u16(UInt16(member.extra.count))
    directory += Self.u16(0) + Self.u16(0) + Self.u16(0)
    directory += Self.u32(member.mode << 16 | member.attributes) + Self.u32(UInt32(start))
    directory += member.name + member.extra
    count += 1
  }

  mutating func append(_ more: [UInt8]) { bytes += more }

  func finished(
    count claimed: Int? = nil, directoryOffset: Int? = nil, between: [UInt8] = [],
    comment: [UInt8] = []
  ) -> [UInt8] {
    let claimed = UInt16(truncatingIfNeeded: claimed ?? count)
    var result = bytes + directory + between
    result += [0x50, 0x4B, 5, 6] + Self.u16(0) + Self.u16(0) + Self.u16(claimed)
    result += Self.u16(claimed) + Self.u32(UInt32(directory.count))
    result += Self.u32(UInt32(directoryOffset ?? bytes.count))
    return result + Self.u16(UInt16(comment.count)) + comment
  }

  static func u16(_ value: UInt16) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
  }
  static func u32(_ value: UInt32) -> [UInt8] {
    u16(UInt16(truncatingIfNeeded: value)) + u16(UInt16(truncatingIfNeeded: value >> 16))
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count)))
  }

  /// Raw deflate.
  static func deflate(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + 1024)
    let size = Int32(MemoryLayout<z_stream>.size)
    deflateInit2_(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
    defer { deflateEnd(&stream) }
    var made = 0
    input.withUnsafeMutableBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        _ = CZlib.deflate(&stream, Z_FINISH)
        made = target.count - Int(stream.avail_out)
      }
    }
    return Array(output[..<made])
  }
}
