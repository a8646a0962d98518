/// The little of TOML 1.0 that it takes to read `[project].dependencies` of a `pyproject.toml`:
/// table headers, keys, strings of all four kinds, arrays; every other value is skipped, not
/// interpreted. Refused: `project = { … }` as an inline table, and dependencies that are no array of
/// strings.
struct PyprojectFile {
  struct Problem: Error, Equatable {
    let text: String
    let line: Int
  }

  private(set) var dependencies: [String] = []
  /// `[project].dynamic` names the dependencies: a build tool would have to be run for them.
  private(set) var areDynamic = false

  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) throws(Problem) {
    self.bytes = bytes
    try readDocument()
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func fail(_ text: String) -> Problem {
    Problem(text: text, line: 1 + bytes[..<min(position, bytes.count)].count { $0 == 0x0A })
  }

  private mutating func readDocument() throws(Problem) {
    var table: [String] = []
    while true {
      skipBlanksAndLines()
      guard let byte = next else { return }
      if byte == UInt8(ascii: "[") {
        let isArray = bytes[position...].starts(with: "[[".utf8)
        position += isArray ? 2 : 1
        table = try readKey()
        if isArray { table.append("[]") }
        for _ in 0..<(isArray ? 2 : 1) { try take(UInt8(ascii: "]")) }
        continue
      }
      let key = table + (try readKey())
      try take(UInt8(ascii: "="))
      skipBlanks()
      switch key {
      case ["project"]: throw fail("project is an inline table; write [project]")
      case ["project", "dependencies"]: dependencies = try readStrings("dependencies")
      case ["project", "dynamic"]:
        areDynamic = try readStrings("dynamic").contains("dependencies")
      default: try skipValue(depth: 0)
      }
    }
  }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x09 { position += 1 }
  }

  private mutating func skipBlanksAndLines() {
    while let byte = next {
      if byte == UInt8(ascii: "#") {
        while let inner = next, inner != 0x0A {
          _ = inner
          position += 1
        }
      } else if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
        position += 1
      } else {
        return
      }
    }
  }

  private mutating func take(_ byte: UInt8) throws(Problem) {
    skipBlanks()
    guard next == byte else { throw fail("'\(Character(Unicode.Scalar(byte)))' is missing") }
    position += 1
  }

  private mutating func readKey() throws(Problem) -> [String] {
    var parts: [String] = []
    while true {
      skipBlanks()
      guard let byte = next else { throw fail("a key is cut off") }
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        parts.append(try readString())
      } else {
        let start = position
        while let inner = next, Self.isBare(inner) { position += 1 }
        guard position > start else { throw fail("a key is missing") }
        parts.append(String(decoding: bytes[start..<position], as: UTF8.self))
      }
      skipBlanks()
      guard next == UInt8(ascii: ".") else { return parts }
      position += 1
    }
  }

  private static func isBare(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }

  private mutating func readStrings(_ name: String) throws(Problem) -> [String] {
    guard next == UInt8(ascii: "[") else { throw fail("[project].\(name) is no array") }
    position += 1
    var strings: [String] = []
    while true {
      skipBlanksAndLines()
      if next == UInt8(ascii: "]") { break }
      guard next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") else {
        throw fail("[project].\(name) holds something that is no string")
      }
      strings.append(try readString())
      skipBlanksAndLines()
      if next == UInt8(ascii: ",") {
        position += 1
      } else if next != UInt8(ascii: "]") {
        throw fail("[project].\(name) is not closed")
      }
    }
    position += 1
    return strings
  }

  private mutating func readString() throws(Problem) -> String {
    guard let quote = next else { throw fail("a string is missing") }
    let isLiteral = quote == UInt8(ascii: "'")
    let triple = [quote, quote, quote]
    let isLong = bytes[position...].starts(with: triple)
    position += isLong ? 3 : 1
    var text: [UInt8] = []
    while let byte = next {
      if byte == quote, !isLong || bytes[position...].starts(with: triple) {
        position += isLong ? 3 : 1
        // Up to two quotation marks may stand right before the closing three.
        while isLong, next == quote {
          text.append(quote)
          position += 1
        }
        guard let string = String(validating: text, as: UTF8.self) else {
          throw fail("a string is not valid UTF-8")
        }
        return string
      }
      guard isLong || byte != 0x0A else { throw fail("a string is not closed") }
      position += 1
      if byte == UInt8(ascii: "\\"), !isLiteral {
        try readEscape(into: &text)
      } else {
        text.append(byte)
      }
    }
    throw fail("a string is not closed")
  }

  private mutating func readEscape(into text: inout [UInt8]) throws(Problem) {
    guard let byte = next else { throw fail("a string is not closed") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(byte)
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let count = byte == UInt8(ascii: "u") ? 4 : 8
      let digits = bytes[position...].prefix(count)
      guard digits.count == count,
        let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(code)
      else { throw fail("a string has a bad escape") }
      position += count
      text.append(contentsOf: String(Character(scalar)).utf8)
    case 0x0A, 0x20, 0x09, 0x0D:
      // A backslash at a line's end swallows the blanks that follow.
      while let blank = next, [0x0A, 0x20, 0x09, 0x0D].contains(blank) { position += 1 }
    default: throw fail("a string has a bad escape")
    }
  }

  private mutating func skipValue(depth: Int) throws(Problem) {
    guard depth < 64 else { throw fail("values are nested too deeply") }
    switch next {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = try readString()
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      let close = next == UInt8(ascii: "[") ? UInt8(ascii: "]") : UInt8(ascii: "}")
      position += 1
      while true {
        skipBlanksAndLines()
        guard let byte = next else { throw fail("an array or a table is not closed") }
        if byte == close {
          position += 1
          return
        }
        if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "=") {
          position += 1
        } else {
          try skipValue(depth: depth + 1)
        }
      }
    default:
      let start = position
      while let byte = next,
        !"\n\r#,]}=[{\"'".utf8.contains(byte)
      {
        position += 1
      }
      guard position > start else { throw fail("a value is missing") }
    }
  }
}
