/// The words after a command: options (`--name`, `--name value`, `--name=value`) and the rest.
/// Each command takes what it knows and then asks for nothing to be left.
struct Arguments {
  private var words: [String]

  init(_ words: [String]) { self.words = words }

  /// Whether the option is there; takes it.
  mutating func takeFlag(_ name: String) -> Bool {
    guard let index = options.firstIndex(of: name) else { return false }
    words.remove(at: index)
    return true
  }

  /// The option's value, or nil without the option; takes both.
  mutating func takeValue(_ name: String) throws(UsageError) -> String? {
    if let index = options.firstIndex(of: name) {
      guard index + 1 < options.count else { throw UsageError("\(name) needs a value") }
      words.remove(at: index)
      return words.remove(at: index)
    }
    if let index = options.firstIndex(where: { $0.hasPrefix(name + "=") }) {
      return String(words.remove(at: index).dropFirst(name.count + 1))
    }
    return nil
  }

  /// What is left, at most `limit` words; an option among them is not known.
  func rest(atMost limit: Int = .max) throws(UsageError) -> [String] {
    if let option = options.first(where: { $0.hasPrefix("-") && $0 != "-" }) {
      throw UsageError("there is no option \(option)")
    }
    let rest = words.filter { $0 != "--" }
    if rest.count > limit { throw UsageError("there is no use for \(rest[limit])") }
    return rest
  }

  /// The words before a `--`.
  private var options: ArraySlice<String> { words.prefix { $0 != "--" } }
}
