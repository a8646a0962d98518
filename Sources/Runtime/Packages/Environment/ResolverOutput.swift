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

  /// uv draws a tree: `× No solution found…`, `╰─▶ Because …` over several lines.
  private static func uv(_ lines: [String]) -> String? {
    var words: [Substring] = []
    var isInside = false
    for line in lines {
      let text = line.drop { " │├╰─▶×".contains($0) }
      if line.contains("╰─▶") || line.contains("├─▶") {
        if line.contains("╰─▶") { words.removeAll() }
        isInside = true
      } else if isInside, text.hasPrefix("hint:") || text.isEmpty {
        break
      }
      if isInside { words += text.split(separator: " ") }
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
