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

  /// Appends 32 lower case hexadecimal digits, not all zero.
  mutating func append(to bytes: inout [UInt8]) {
    let (one, other) = (next() | 1, next() | 1)
    withUnsafeBytes(
      of: (
        Self.digits(one >> 32), Self.digits(one & 0xFFFF_FFFF), Self.digits(other >> 32),
        Self.digits(other & 0xFFFF_FFFF)
      )
    ) { bytes.append(contentsOf: $0) }
  }

  /// Appends 16 lower case hexadecimal digits.
  /// - Parameter mayBeZero: all digits are random; else they are not all zero.
  mutating func append(to buffer: ByteBuffer, mayBeZero: Bool = false) {
    let number = mayBeZero ? next() : next() | 1
    withUnsafeBytes(of: (Self.digits(number >> 32), Self.digits(number & 0xFFFF_FFFF))) {
      buffer.append($0)
    }
  }

  /// The eight hexadecimal digits of a 32-bit number, in memory order: all nibbles are moved to
  /// bytes of their own and turned into characters at once.
  static func digits(_ number: UInt64) -> UInt64 {
    var spread = (number | number << 16) & 0x0000_FFFF_0000_FFFF
    spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
    spread = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0F
    // One in each byte of ten or more, which is where the letters begin.
    let letters = (spread &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return (spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27).bigEndian
  }
}
