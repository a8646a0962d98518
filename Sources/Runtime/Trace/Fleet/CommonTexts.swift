/// Counts texts in bounded memory: the common ones are all there, with counts that are exact until more
/// than `limit` different ones came (Metwally, Agrawal, El Abbadi: space saving, 2005).
struct CommonTexts {
  struct Entry {
    let text: String
    var count: Int
    /// By how much the count may be too high.
    var excess: Int
    /// Where it was first seen.
    let place: String
  }

  /// Different texts that are counted at once.
  static let limit = 1024
  /// The longest text that is told from another, in bytes.
  static let textLimit = 1024

  private var entries: [String: Entry] = [:]
  /// Whether texts had to make room.
  private(set) var isApproximate = false
  private(set) var total = 0

  mutating func take(_ text: String, at place: String) {
    total += 1
    let text = text.cut(toBytes: Self.textLimit)
    if entries[text]?.count != nil {
      entries[text]?.count += 1
      return
    }
    var excess = 0
    if entries.count >= Self.limit, let rarest = entries.values.min(by: { $0.count < $1.count }) {
      entries[rarest.text] = nil
      excess = rarest.count
      isApproximate = true
    }
    entries[text] = Entry(text: text, count: excess + 1, excess: excess, place: place)
  }

  var distinct: Int { entries.count }

  /// The commonest, at most `number`.
  func top(_ number: Int) -> [Entry] {
    Array(
      entries.values.sorted { ($1.count, $0.text) < ($0.count, $1.text) }.prefix(number))
  }
}

extension String {
  /// As many of its first characters as have so many bytes together.
  func cut(toBytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    return String(self[..<utf8.index(startIndex, offsetBy: limit)])
  }
}
