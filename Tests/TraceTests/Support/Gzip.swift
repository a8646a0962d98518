/// A gzip member that stores its bytes as they are (RFC 1951, 3.2.4), so that a test knows each of them.
func gzipped(_ bytes: [UInt8]) -> [UInt8] {
  var packed: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
  var rest = bytes[...]
  repeat {
    let block = rest.prefix(0xFFFF)
    rest = rest.dropFirst(0xFFFF)
    let count = UInt16(block.count)
    packed.append(rest.isEmpty ? 1 : 0)
    packed += [UInt8(count & 0xFF), UInt8(count >> 8), UInt8(~count & 0xFF), UInt8(~count >> 8)]
    packed += block
  } while !rest.isEmpty
  func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> ($0 * 8) & 0xFF) } }
  return packed + number(checksum(bytes)) + number(UInt32(truncatingIfNeeded: bytes.count))
}

/// CRC-32 as gzip has it (RFC 1952, 8).
private func checksum(_ bytes: [UInt8]) -> UInt32 {
  var value = UInt32.max
  for byte in bytes {
    value ^= UInt32(byte)
    for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
  }
  return ~value
}
