import LinuxSystem

/// Splits what a descriptor brings into lines. Of a line longer than `maximum` bytes the rest is
/// thrown away.
package struct LineReader {
  /// What is kept of a line of output. A line of the log has 16 KiB; the rest of what is kept lets a
  /// secret that lies across that bound be found before the line is cut.
  package static let outputMaximum = 20 * 1024

  private let maximum: Int
  private var pending: [UInt8] = []
  private var isCut = false
  /// Whether a line was longer than the maximum.
  package private(set) var hasCut = false

  package init(maximum: Int = LineReader.outputMaximum) { self.maximum = maximum }

  /// The lines that are complete now, and whether the other end is gone. At the end, the rest
  /// without a line feed is a line too.
  package mutating func read(_ fd: Int32) -> (lines: [String], ended: Bool) {
    var lines: [String] = []
    // Bounded, so that a chatty child does not keep the loop from anything else.
    for _ in 0..<16 {
      switch readAvailable(fd) {
      case .bytes(let bytes): take(bytes, &lines)
      case .nothingYet: return (lines, false)
      case .end:
        if !pending.isEmpty { finish(&lines) }
        return (lines, true)
      }
    }
    return (lines, false)
  }

  private mutating func take(_ bytes: [UInt8], _ lines: inout [String]) {
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      keep(rest[..<end])
      finish(&lines)
      rest = rest[(end + 1)...]
    }
    keep(rest)
  }

  private mutating func keep(_ bytes: ArraySlice<UInt8>) {
    let room = maximum - pending.count
    pending += bytes.prefix(room)
    if bytes.count > room {
      isCut = true
      hasCut = true
    }
  }

  /// The cut may have gone through a character of several bytes, and half of one would hide from
  /// whoever looks for a secret in the line.
  private mutating func dropLastCharacter() {
    let tail = pending.suffix(3).reversed().prefix { $0 & 0xC0 == 0x80 }.count
    pending.removeLast(tail)
    if let last = pending.last, last >= 0xC0 { pending.removeLast() }
  }

  private mutating func finish(_ lines: inout [String]) {
    if pending.last == UInt8(ascii: "\r"), !isCut { pending.removeLast() }
    if isCut { dropLastCharacter() }
    lines.append(String(decoding: pending, as: UTF8.self) + (isCut ? "…" : ""))
    pending.removeAll(keepingCapacity: true)
    isCut = false
  }
}
