/// The entity tags of a condition: `If-Match`, `If-None-Match` (RFC 9110 section 13.1).
struct EntityTags: Equatable {
  /// `*`: anything that is there.
  let isAny: Bool
  /// Strong ones, without quotation marks.
  let strong: [String]
  /// All of them.
  let all: [String]

  /// What is no entity tag matches nothing.
  init(_ text: String) {
    isAny = text.split(separator: " ") == ["*"]
    var strong: [String] = []
    var all: [String] = []
    var rest = Substring(text)
    while let quote = rest.firstIndex(of: "\"") {
      let isWeak = rest[..<quote].hasSuffix("W/")
      let after = rest[rest.index(after: quote)...]
      guard let end = after.firstIndex(of: "\"") else { break }
      all.append(String(after[..<end]))
      if !isWeak { strong.append(String(after[..<end])) }
      rest = after[after.index(after: end)...]
    }
    self.strong = strong
    self.all = all
  }

  /// Whether a change may be made to what has this tag; nil: to what is not there.
  func permitsChange(of current: String?) -> Bool {
    guard let current else { return false }
    return isAny || strong.contains(current)
  }

  /// Whether what has this tag is one of those that the client has or does not want.
  func names(_ current: String?) -> Bool {
    guard let current else { return false }
    return isAny || all.contains(current)
  }
}
