/// Texts that come again and again, as run ids, causes and names of packages do: each is made once.
///
/// A direct-mapped cache: a text takes the place of another one with the same place.
struct TextCache: Sendable {
  static let places = 256
  /// Longer texts are not kept.
  static let lengthLimit = 64

  private struct Entry {
    var hash: UInt64 = 0
    var count = 0
    var text = ""
  }

  private var entries = [Entry](repeating: Entry(), count: TextCache.places)
  /// The bytes of the texts, `lengthLimit` for each.
  private var keys = [UInt8](repeating: 0, count: TextCache.places * TextCache.lengthLimit)

  /// The text of bytes that are known to be UTF-8 (others become U+FFFD).
  mutating func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    let count = range.count
    guard count > 0 else { return "" }
    guard count <= Self.lengthLimit else { return Self.make(bytes, range) }
    var hash = UInt64(count)
    var offset = 0
    while offset < count {
      let word = bytes.word(at: range.lowerBound + offset).first(count - offset)
      hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
      offset += 8
    }
    let place = Int(truncatingIfNeeded: hash >> 56)
    let key = place * Self.lengthLimit
    if entries[place].hash == hash, entries[place].count == count, isKey(key, bytes, range) {
      return entries[place].text
    }
    let text = Self.make(bytes, range)
    entries[place] = Entry(hash: hash, count: count, text: text)
    for index in 0..<Self.lengthLimit {
      keys[key + index] = index < count ? bytes[range.lowerBound + index] : 0
    }
    return text
  }

  @inline(__always)
  private func isKey(_ key: Int, _ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let known = keys.span
    var offset = 0
    while offset < range.count {
      let word = bytes.word(at: range.lowerBound + offset).first(range.count - offset)
      guard known.word(at: key + offset) == word else { return false }
      offset += 8
    }
    return true
  }

  static func make(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    guard let text = try? UTF8Span(validating: bytes.extracting(range)) else { return "\u{FFFD}" }
    return String(copying: text)
  }
}
