/// A sentence without what differs from one run to the next, so that equal failures count as one.
enum Signature {
  /// The longest signature, in characters.
  static let limit = 160
  /// How much of a sentence is looked at, in bytes.
  static let sentenceLimit = 4096

  /// Words whose number says what happened, so that it stays: `HTTP 403`, `status 137`.
  private static let telling: Set<Substring> = ["HTTP", "status"]

  /// Numbers become `#`, paths `PATH`, addresses of the network `ADDRESS`, long hexadecimal words `ID`.
  /// Quotation marks, brackets and points stay as they are.
  static func fold(_ sentence: String) -> String {
    let sentence = sentence.cut(toBytes: sentenceLimit)
    let words = sentence.split(separator: " ", omittingEmptySubsequences: true)
    let folded = words.indices.map { index in
      index > 0 && telling.contains(words[index - 1])
        ? String(words[index]) : fold(word: words[index])
    }.joined(separator: " ")
    return folded.count <= limit ? folded : folded.prefix(limit - 1) + "…"
  }

  private static let around: Set<Character> = [
    "\"", "'", "`", "(", ")", "[", "]", "{", "}", "<", ">", ",", ";", ":", ".", "!", "?",
  ]

  private static func fold(word: Substring) -> String {
    // The brackets of an IPv6 address with a port belong to it.
    let head = word.prefix { around.contains($0) && $0 != "." && $0 != ":" }
    var core = word.contains("]:") ? word : word.dropFirst(head.count)
    var tail: [Character] = []
    while let last = core.last, around.contains(last) { tail.append(core.removeLast()) }
    return (core.startIndex == word.startIndex ? "" : head) + fold(core: core)
      + String(tail.reversed())
  }

  private static func fold(core: Substring) -> String {
    // name=value keeps its name.
    if let sign = core.firstIndex(of: "="), sign != core.startIndex, !core[..<sign].contains(":") {
      return core[...sign] + fold(core: core[core.index(after: sign)...])
    }
    if let colon = core.firstIndex(of: ":"), core[colon...].hasPrefix("://") {
      return core[..<colon] + "://ADDRESS"
    }
    if core.hasPrefix("/") && core.count > 1 || core.hasPrefix("./") || core.hasPrefix("~/") {
      return "PATH"
    }
    if isAddress(core) { return "ADDRESS" }
    if isIdentifier(core) { return "ID" }
    return numbersFolded(core)
  }

  /// `127.0.0.1`, `10.0.0.1:8080`, `::1`, `[fe80::1]:443`: hexadecimal groups with enough colons or points.
  private static func isAddress(_ word: Substring) -> Bool {
    let points = word.split(separator: ":", omittingEmptySubsequences: false)[0]
      .split(separator: ".", omittingEmptySubsequences: false)
    if points.count == 4, points.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isNumber) }) {
      return true
    }
    let colons = word.count { $0 == ":" }
    return colons >= 2 && word.contains("::")
      && word.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "[" || $0 == "]" }
  }

  /// Eight hexadecimal digits and more with a number among them, dashes of a UUID between, `0x…`.
  private static func isIdentifier(_ word: Substring) -> Bool {
    let digits = word.hasPrefix("0x") ? word.dropFirst(2) : word
    guard digits.count >= 8 || word.hasPrefix("0x"), digits.contains(where: \.isNumber) else {
      return false
    }
    guard digits.contains(where: \.isLetter) || word.hasPrefix("0x") else { return false }
    return digits.allSatisfy { $0.isHexDigit || $0 == "-" }
  }

  /// Each run of digits, with its points, becomes one `#`; names such as `sha256` and `python3` keep
  /// theirs.
  private static func numbersFolded(_ word: Substring) -> String {
    guard let first = word.first, first.isNumber || word.contains(where: \.isNumber) else {
      return String(word)
    }
    var result = ""
    var isInNumber = false
    var isInName = false
    for character in word {
      if isInNumber, character.isNumber || character == "." { continue }
      isInName = character.isLetter || isInName && character.isNumber
      isInNumber = character.isNumber && !isInName
      result.append(isInNumber ? "#" : character)
    }
    return result
  }
}
