import LinuxSystem

/// Splits what a descriptor brings into lines; a line longer than `maximumLine` comes in pieces.
struct LineReader {
  static let maximumLine = 8 * 1024

  private var pending: [UInt8] = []

  /// The lines that are complete now, and whether the other end is gone. At the end, the rest
  /// without a line feed is a line too.
  mutating func read(_ fd: Int32) -> (lines: [String], ended: Bool) {
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
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        finish(&lines)
      } else {
        pending.append(byte)
        if pending.count == Self.maximumLine { finish(&lines) }
      }
    }
  }

  private mutating func finish(_ lines: inout [String]) {
    if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
    lines.append(String(decoding: pending, as: UTF8.self))
    pending.removeAll(keepingCapacity: true)
  }
}
