import Glibc

/// Random request and trace ids. Unique, not secret: seeded once from the kernel, then
/// SplitMix64, which needs no system call.
struct Identifiers {
  private var state: UInt64

  init() {
    var seed: UInt64 = 0
    // It fails only before the kernel has a random pool at all.
    _ = getentropy(&seed, 8)
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// Appends 16 lower case hexadecimal digits, not all zero.
  mutating func append(to bytes: inout [UInt8]) {
    let number = next() | 1
    var shift: UInt64 = 64
    while shift > 0 {
      shift -= 4
      bytes.append(Byte.digit(UInt8(truncatingIfNeeded: number >> shift & 15)))
    }
  }

  mutating func append(to buffer: ByteBuffer) {
    let number = next() | 1
    var shift: UInt64 = 64
    while shift > 0 {
      shift -= 4
      buffer.append(Byte.digit(UInt8(truncatingIfNeeded: number >> shift & 15)))
    }
  }
}
