/// Texts that come again and again, as run ids, causes and names of packages do: each is made once.
///
/// A direct-mapped cache: a text takes the place of another one with the same place.
struct TextCache: Sendable {
  static let places = 256
  /// Longer texts are not kept.
  static let lengthLimit = 64

  private struct Entry {
    /// In bytes; 0: nothing is there.
    var count = 0
    var text = ""
  }

  private var entries = [Entry](repeating: Entry(), count: TextCache.places)
  /// The bytes of the texts, `lengthLimit` for each.
  private var keys = [UInt8](repeating: 0, count: TextCache.places * TextCache.lengthLimit)

  /// By member: where its last text is.
  private var recent = [UInt8](repeating: 0, count: LineScanner.valueLimit)

  /// The text of a member, of bytes that are known to be UTF-8 (others become U+FFFD).
  mutating func text(_ bytes: Span<UInt8>, _ range: Range<Int>, of member: LineMember) -> String {
    let likely = Int(recent[Int(member.rawValue)])
    if entries[likely].count == range.count, isKey(likely, bytes, range) {
      return entries[likely].text
    }
    return find(bytes, range, member)
  }

  @inline(never)
  private mutating func find(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ member: LineMember
  ) -> String {
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
    recent[Int(member.rawValue)] = UInt8(place)
    if entries[place].count == count, isKey(place, bytes, range) { return entries[place].text }
    let text = Self.make(bytes, range)
    entries[place] = Entry(count: count, text: text)
    let key = place * Self.lengthLimit
    for index in 0..<count { keys[key + index] = bytes[range.lowerBound + index] }
    return text
  }

  /// Whether the text of a place is that of these bytes, which are as many.
  @inline(__always)
  private func isKey(_ place: Int, _ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let known = keys.span
    let key = place * Self.lengthLimit
    var offset = 0
    while offset < range.count {
      let word = bytes.word(at: range.lowerBound + offset).first(range.count - offset)
      guard known.word(at: key + offset).first(range.count - offset) == word else { return false }
      offset += 8
    }
    return true
  }

  static func make(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    guard let text = try? UTF8Span(validating: bytes.extracting(range)) else { return "\u{FFFD}" }
    return String(copying: text)
  }
}
