import LinuxSystem

/// Takes what a worker writes apart into lines, as bytes.
///
/// Of a line longer than `longest` the beginning is kept and the rest thrown away.
struct LineFramer {
  struct Line: Equatable {
    /// Without the line feed.
    var bytes: [UInt8]
    /// Whether it was longer than the bound.
    var isCut = false
  }

  private let longest: Int
  private var pending: [UInt8] = []
  private var isCut = false

  init(longest: Int) { self.longest = longest }

  /// The lines that are complete with these bytes.
  mutating func take(_ bytes: [UInt8]) -> [Line] {
    var lines: [Line] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      keep(rest[..<end])
      lines.append(finish())
      rest = rest[(end + 1)...]
    }
    keep(rest)
    return lines
  }

  /// What stands after the last line feed, at the end of everything; nil: nothing.
  mutating func end() -> Line? { pending.isEmpty ? nil : finish() }

  private mutating func keep(_ bytes: ArraySlice<UInt8>) {
    let room = longest - pending.count
    pending += bytes.prefix(room)
    if bytes.count > room { isCut = true }
  }

  private mutating func finish() -> Line {
    defer {
      pending.removeAll(keepingCapacity: true)
      isCut = false
    }
    return Line(bytes: pending, isCut: isCut)
  }
}
