/// One sentence out of what uv or pip print when requirements cannot be installed.
enum ResolverOutput {
  static let maximumCharacters = 600

  static func sentence(_ lines: [String], tool: InstallerTool.Kind, status: Int) -> String {
    let found =
      switch tool {
      case .uv: uv(lines)
      case .pip: pip(lines)
      }
    let reason = found ?? "\(tool.rawValue) ended with status \(status)"
    return "the requirements cannot be installed: " + String(reason.prefix(maximumCharacters))
  }

  /// uv says `error: No solution found…` and then why, over several lines: after `cause:`, or in
  /// older versions after the branch of a drawn tree.
  private static func uv(_ lines: [String]) -> String? {
    let starts = ["cause: ", "╰─▶ "]
    var words: [Substring] = []
    for line in lines {
      let text = line.drop { " │".contains($0) }
      if let start = starts.first(where: { text.hasPrefix($0) }) {
        words = text.dropFirst(start.count).split(separator: " ")
      } else if !words.isEmpty {
        if text.isEmpty || text.hasPrefix("hint:") { break }
        words += text.split(separator: " ")
      }
    }
    if !words.isEmpty { return words.joined(separator: " ") }
    guard let error = lines.last(where: { $0.hasPrefix("error: ") }) else { return nil }
    return String(error.dropFirst(7))
  }

  /// pip prints `ERROR: ` lines; a conflict is followed by who asked for what.
  private static func pip(_ lines: [String]) -> String? {
    let errors = lines.filter { $0.hasPrefix("ERROR: ") }.map { String($0.dropFirst(7)) }
    if let conflict = errors.first(where: { $0.hasPrefix("Cannot install") }) {
      let start = lines.firstIndex { $0.hasPrefix("The conflict is caused by") }
      let causes = start.map { lines[($0 + 1)...].prefix { $0.hasPrefix(" ") } } ?? []
      let text = causes.map { $0.drop { $0 == " " } }.joined(separator: "; ")
      return text.isEmpty ? conflict : "\(conflict) (\(text))"
    }
    return errors.first { $0.contains("No matching distribution") } ?? errors.first
  }
}
