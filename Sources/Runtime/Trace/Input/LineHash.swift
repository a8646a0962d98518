/// A fingerprint of a line's bytes: two lines that differ have the same one by chance alone (2^-64). Not
/// for secrets; an adversary who makes two lines with one fingerprint has one of his own lines called a
/// repetition.
func lineHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  // Products do not wait for each other: what is kept of them is turned and added up.
  var sum = UInt64(bytes.count)
  func add(_ low: UInt64, _ high: UInt64) {
    let product = (low ^ 0x9E37_79B9_7F4A_7C15)
      .multipliedFullWidth(by: high ^ 0xD1B5_4A32_D192_ED03)
    sum = (sum << 7 | sum >> 57) ^ product.low &+ product.high
  }
  var position = 0
  while position + 16 <= bytes.count {
    add(
      bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self),
      bytes.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self))
    position += 16
  }
  guard position < bytes.count else { return sum }
  if bytes.count >= 16 {
    // The last sixteen, of which some were there before.
    add(
      bytes.loadUnaligned(fromByteOffset: bytes.count - 16, as: UInt64.self),
      bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
    return sum
  }
  var rest: (low: UInt64, high: UInt64) = (0, 0)
  for (index, byte) in bytes.enumerated() {
    if index < 8 {
      rest.low |= UInt64(byte) << UInt64(index * 8)
    } else {
      rest.high |= UInt64(byte) << UInt64(index * 8 - 64)
    }
  }
  add(rest.low, rest.high)
  return sum
}
