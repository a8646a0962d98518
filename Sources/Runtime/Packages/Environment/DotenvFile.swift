/// A `.env` file: `NAME=value` lines as python-dotenv reads them.
///
/// `export` before a name is accepted; `#` starts a comment at the start of a line or after a blank;
/// single quotes keep a value as it is (no `${NAME}` either), double quotes know `\n \t \r \" \\`
/// and may run over several lines.
struct DotenvFile {
  struct Entry: Equatable {
    let name: String
    let text: String
    /// In single quotes: nothing in it is replaced.
    let isLiteral: Bool
  }

  private(set) var entries: [Entry] = []
  /// The numbers, from 1, of lines that are no assignment.
  private(set) var badLines: [Int] = []

  init(_ bytes: [UInt8]) {
    var text = String(decoding: bytes, as: UTF8.self)
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    var index = 0
    while index < lines.count {
      let number = index + 1
      let line = Self.trim(lines[index])
      index += 1
      if line.isEmpty || line.first == "#" { continue }
      guard let equals = line.firstIndex(of: "=") else {
        badLines.append(number)
        continue
      }
      var name = Self.trim(line[..<equals])
      if name.hasPrefix("export "), let blank = name.firstIndex(of: " ") {
        name = Self.trim(name[blank...])
      }
      guard AgentEnvironment.isName(String(name)) else {
        badLines.append(number)
        continue
      }
      let value = Self.trim(line[line.index(after: equals)...])
      switch value.first {
      case "'":
        guard let close = value.dropFirst().firstIndex(of: "'") else {
          badLines.append(number)
          continue
        }
        let inner = value[value.index(after: value.startIndex)..<close]
        entries.append(Entry(name: String(name), text: String(inner), isLiteral: true))
      case "\"":
        guard let (inner, next) = Self.readQuoted(value, lines: lines, next: index) else {
          badLines.append(number)
          continue
        }
        index = next
        entries.append(Entry(name: String(name), text: inner, isLiteral: false))
      default:
        entries.append(
          Entry(name: String(name), text: String(Self.withoutComment(value)), isLiteral: false))
      }
    }
  }

  private static func trim(_ text: Substring) -> Substring {
    let start = text.drop { $0 == " " || $0 == "\t" || $0 == "\r" }
    guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" && $0 != "\r" }) else {
      return start.prefix(0)
    }
    return start[...last]
  }

  private static func withoutComment(_ value: Substring) -> Substring {
    var previous: Character = " "
    for index in value.indices {
      if value[index] == "#", previous == " " || previous == "\t" { return trim(value[..<index]) }
      previous = value[index]
    }
    return value
  }

  /// From the opening quotation mark to the closing one, over as many lines as it takes.
  private static func readQuoted(
    _ first: Substring, lines: [Substring], next: Int
  ) -> (text: String, next: Int)? {
    var text = ""
    var line = first.dropFirst()
    var next = next
    while true {
      var isEscaped = false
      for character in line {
        if isEscaped {
          isEscaped = false
          switch character {
          case "n": text.append("\n")
          case "t": text.append("\t")
          case "r": text.append("\r")
          case "\"", "\\": text.append(character)
          default: text += "\\\(character)"
          }
        } else if character == "\\" {
          isEscaped = true
        } else if character == "\"" {
          return (text, next)
        } else {
          text.append(character)
        }
      }
      guard next < lines.count else { return nil }
      text += isEscaped ? "\\\n" : "\n"
      line = lines[next]
      next += 1
    }
  }
}
