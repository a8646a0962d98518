/// Eight bytes at a time: what makes reading fast without a pointer.
///
/// A word holds its first byte in its lowest eight bits. Marks are words whose bytes are 0x80 where
/// something was found; the lowest mark is exact, those above it may be wrong.
extension Span<UInt8> {
  /// The eight bytes from there on; zeros where the bytes end.
  @inline(__always)
  func word(at position: Int) -> UInt64 {
    // One comparison: what is negative is very large. Behind it, position + 8 is at most the count, so
    // the load is within the bytes. Eight checked loads are merged in small functions only: in the
    // scanner they cost a quarter of its speed and more than half of its code.
    guard UInt(bitPattern: position) < UInt(bitPattern: Swift.max(0, count &- 7)) else {
      return tail(from: position)
    }
    return UInt64(
      littleEndian: unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: position, as: UInt64.self))
  }

  /// The word where fewer than eight bytes are left, or none.
  @inline(never)
  private func tail(from position: Int) -> UInt64 {
    guard position >= 0, position < count else { return 0 }
    guard count < 8 else { return word(at: count - 8) >> UInt64((position - (count - 8)) * 8) }
    var word: UInt64 = 0
    for place in position..<count { word |= UInt64(self[place]) << UInt64((place - position) * 8) }
    return word
  }

  /// The byte there; nil beyond the end.
  @inline(__always)
  func byte(at position: Int) -> UInt8? {
    UInt(bitPattern: position) < UInt(bitPattern: count) ? self[position] : nil
  }

  /// Where that byte is next, from a position on; nil if nowhere.
  func first(_ byte: UInt8, from start: Int) -> Int? {
    var position = start
    while position < count {
      let marks = word(at: position).marks(of: byte)
      if marks != 0 {
        let found = position + marks.firstMark
        return found < count ? found : nil
      }
      position += 8
    }
    return nil
  }

  /// Whether these bytes stand there.
  func has(_ text: StaticString, at position: Int) -> Bool {
    var place = position
    for byte in text.description.utf8 {
      guard self.byte(at: place) == byte else { return false }
      place += 1
    }
    return true
  }
}

extension UInt64 {
  static let highBits: UInt64 = 0x8080_8080_8080_8080
  static let lowBits: UInt64 = 0x0101_0101_0101_0101

  @inline(__always)
  func marks(of byte: UInt8) -> UInt64 {
    let difference = self ^ (Self.lowBits &* UInt64(byte))
    return (difference &- Self.lowBits) & ~difference & Self.highBits
  }

  /// Marks what ends the plain part of a JSON string: `"`, `\` and control characters.
  @inline(__always)
  var stringMarks: UInt64 {
    let controls = (self &- (Self.lowBits &* 0x20)) & ~self & Self.highBits
    return marks(of: 0x22) | marks(of: 0x5C) | controls
  }

  /// Marks what is no decimal digit.
  @inline(__always)
  var otherThanDigitMarks: UInt64 {
    let digits = self ^ (Self.lowBits &* 0x30)
    return (digits | ((digits & ~Self.highBits) &+ (Self.lowBits &* 0x76))) & Self.highBits
  }

  /// The number that eight digits stand for, the first of which is in the lowest byte.
  @inline(__always)
  var eightDigits: Int64 {
    // Pairs of digits, then of two digits, then of four are put together in each step.
    var sum = ((self & (Self.lowBits &* 0x0F)) &* 0xA01) >> 8
    sum = ((sum & 0x00FF_00FF_00FF_00FF) &* 0x64_0001) >> 16
    sum = ((sum & 0x0000_FFFF_0000_FFFF) &* 0x2710_0000_0001) >> 32
    return Int64(truncatingIfNeeded: sum)
  }

  /// The number of the first byte that has a mark.
  @inline(__always)
  var firstMark: Int { trailingZeroBitCount >> 3 }

  /// The first bytes of a word, `count` of them (0...8); zeros for the rest.
  @inline(__always)
  func first(_ count: Int) -> UInt64 {
    count >= 8 ? self : self & ((1 << (UInt64(count) &* 8)) &- 1)
  }
}
