/// A node of a YAML document, with scalars as the text they were written as.
struct YAMLNode: Sendable {
  indirect enum Content: Sendable {
    /// `isPlain`: written without quotation marks, so that `null` may mean nothing.
    case scalar(String, isPlain: Bool)
    case list([YAMLNode])
    case mapping([(key: String, value: YAMLNode)])
  }

  var content: Content
  /// From 1.
  let line: Int
  let column: Int

  /// An absent value: `key:`, `~` or `null`.
  var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  var text: String? {
    guard case .scalar(let text, _) = content, !isNull else { return nil }
    return text
  }

  var pairs: [(key: String, value: YAMLNode)]? {
    guard case .mapping(let pairs) = content else { return nil }
    return pairs
  }

  subscript(key: String) -> YAMLNode? {
    guard let found = pairs?.first(where: { $0.key == key })?.value, !found.isNull else {
      return nil
    }
    return found
  }
}

/// Why a text is not YAML that can be used, and where (line and column from 1).
struct YAMLError: Error, Equatable, CustomStringConvertible {
  let problem: String
  let line: Int
  let column: Int

  var description: String { "\(problem), at line \(line), column \(column)" }
}
