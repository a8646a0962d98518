/// The table of every variable as text.
public enum VariableTable {
  public enum Form: String, Sendable, CaseIterable {
    /// For a terminal: lines of at most `terminalColumns` columns.
    case text
    /// For docs/configuration.md: a table for each section, between its markers.
    case markdown
  }

  public static let terminalColumns = 100

  public static func text(_ form: Form) -> String {
    switch form {
    case .text: VariableSection.allCases.map(terminal).joined(separator: "\n")
    case .markdown: VariableSection.allCases.map(markdown).joined(separator: "\n")
    }
  }

  /// A section's table with its markers, between which nobody writes by hand.
  static func markdown(_ section: VariableSection) -> String {
    let rows = section.rows.map { row in
      let names = row.names.map { "`\($0)`" }.joined(separator: " ")
      return "| \(names) | \(row.default) | \(row.meaning) |\n"
    }
    return """
      <!-- variables: \(section.rawValue), by make docs -->
      | variable | default | rule and meaning |
      | --- | --- | --- |
      \(rows.joined())<!-- end of variables -->

      """
  }

  private static func terminal(_ section: VariableSection) -> String {
    section.title + "\n\n"
      + section.rows.map { row in
        let standing =
          switch row.default {
          case VariableRow.required: "required"
          case VariableRow.noDefault: "no default"
          default: "default: \(plain(row.default))"
          }
        return wrapped("\(row.names.joined(separator: ", ")) (\(standing))", indents: (2, 4))
          + wrapped(plain(row.meaning), indents: (6, 6))
      }.joined()
  }

  /// Markdown without its marks: a link is the page it leads to.
  static func plain(_ markdown: String) -> String {
    var text = ""
    var rest = markdown[...]
    while let open = rest.firstIndex(of: "[") {
      let after = rest[rest.index(after: open)...]
      guard let bracket = after.firstIndex(of: "]"),
        case let target = after[after.index(after: bracket)...], target.first == "(",
        let close = target.firstIndex(of: ")")
      else { break }
      text += rest[..<open] + "docs/" + target[..<close].dropFirst()
      rest = target[target.index(after: close)...]
    }
    return (text + rest).filter { $0 != "`" }
  }

  /// Lines that are as full as they can be; a word longer than a line has one to itself.
  private static func wrapped(_ text: String, indents: (first: Int, others: Int)) -> String {
    var lines: [String] = []
    var line = String(repeating: " ", count: indents.first)
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty, line.count + 1 + word.count > terminalColumns {
        lines.append(line)
        line = String(repeating: " ", count: indents.others)
        isEmpty = true
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return (lines + [line]).map { $0 + "\n" }.joined()
  }
}
