/// How a piece of a line looks in a terminal with colours; without them all are plain.
enum TextStyle: String {
  case plain = ""
  case dim = "2"
  case bold = "1"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case blue = "34"
  case magenta = "35"
  case cyan = "36"
  case boldRed = "1;31"
  case boldGreen = "1;32"
  case boldYellow = "1;33"
}

/// One line for a terminal. What is added is escaped, so that nothing from a log is obeyed.
struct TextLine {
  private var parts: [(text: String, style: TextStyle)] = []
  private(set) var width = 0

  init(indent: Int = 0) { add(String(repeating: " ", count: indent)) }

  init(_ text: some StringProtocol, _ style: TextStyle = .plain, indent: Int = 0) {
    self.init(indent: indent)
    add(text, style)
  }

  mutating func add(_ text: some StringProtocol, _ style: TextStyle = .plain) {
    guard !text.isEmpty else { return }
    let shown = DisplayText.escape(text)
    parts.append((shown, style))
    width += DisplayText.width(shown)
  }

  /// Blanks up to the column, counted from 0.
  mutating func advance(to column: Int) {
    add(String(repeating: " ", count: max(0, column - width)))
  }

  /// The line's text with its line feed, cut to the columns.
  func text(columns: Int, colours: Bool) -> String {
    var text = ""
    var left = columns
    for part in parts {
      let shown = DisplayText.cut(part.text, to: left)
      left -= DisplayText.width(shown)
      if colours, part.style != .plain, !shown.isEmpty {
        text += "\u{1B}[\(part.style.rawValue)m\(shown)\u{1B}[0m"
      } else {
        text += shown
      }
      if left <= 0 { break }
    }
    while text.hasSuffix(" ") { text.removeLast() }
    return text + "\n"
  }

  /// A text is not beside what is before it where it would have fewer columns.
  static let leastBeside = 16

  /// The line with a text after it, which may need several lines: they begin at the same column, or where
  /// that leaves too little room, below it.
  func wrapping(
    _ text: some StringProtocol, _ style: TextStyle = .plain, columns: Int
  ) -> [TextLine] {
    let isBelow = columns - width < Self.leastBeside && width > columns / 3
    let indent = isBelow ? columns / 3 : width
    let pieces = DisplayText.wrap(DisplayText.escape(text), to: columns - indent)
    guard !pieces.isEmpty else { return [self] }
    let lines = pieces.enumerated().map { index, piece in
      var line = index > 0 || isBelow ? TextLine(indent: indent) : self
      line.add(piece, style)
      return line
    }
    return isBelow && parts.contains { $0.text.contains { $0 != " " } } ? [self] + lines : lines
  }
}
