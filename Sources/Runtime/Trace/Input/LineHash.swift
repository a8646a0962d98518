/// A fingerprint of a line's bytes: two lines that differ have the same one by chance alone (2^-64). Not
/// for secrets; an adversary who makes two lines with one fingerprint has one of his own lines called a
/// repetition.
func lineHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  var first: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
  var second: UInt64 = 0xD1B5_4A32_D192_ED03
  var position = 0
  while position + 16 <= bytes.count {
    let (low, high) = (
      bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self),
      bytes.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self)
    )
    let product = (low ^ first).multipliedFullWidth(by: high ^ second)
    first = product.low ^ product.high &+ 0x9E37_79B9_7F4A_7C15
    second = second &+ 0xBF58_476D_1CE4_E5B9
    position += 16
  }
  var rest: (low: UInt64, high: UInt64) = (0, 0)
  var shift: UInt64 = 0
  while position < bytes.count {
    if shift < 64 {
      rest.low |= UInt64(bytes[position]) << shift
    } else {
      rest.high |= UInt64(bytes[position]) << (shift - 64)
    }
    shift += 8
    position += 1
  }
  let product = (rest.low ^ first).multipliedFullWidth(by: rest.high ^ second)
  return product.low ^ product.high
}
