/// A node of a YAML document, with scalars as the text they were written as.
package struct YAMLNode: Sendable {
  package indirect enum Content: Sendable {
    /// `isPlain`: written without quotation marks, so that `null` may mean nothing.
    case scalar(String, isPlain: Bool)
    case list([YAMLNode])
    case mapping([(key: String, value: YAMLNode)])
  }

  package let content: Content
  /// From 1.
  package let line: Int
  package let column: Int

  /// An absent value: `key:`, `~` or `null`.
  package var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  package var text: String? {
    guard case .scalar(let text, _) = content, !isNull else { return nil }
    return text
  }

  package var pairs: [(key: String, value: YAMLNode)]? {
    guard case .mapping(let pairs) = content else { return nil }
    return pairs
  }

  package subscript(key: String) -> YAMLNode? {
    guard let found = pairs?.first(where: { $0.key == key })?.value, !found.isNull else {
      return nil
    }
    return found
  }
}

/// Why a text is not YAML that can be used, and where (line and column from 1).
package struct YAMLError: Error, Equatable, CustomStringConvertible {
  package let problem: String
  package let line: Int
  package let column: Int

  package var description: String { "\(problem), at line \(line), column \(column)" }
}
