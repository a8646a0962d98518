internal import Lifecycle

/// Draws stretches to scale, one after the other as on a staircase. The time in ready is left out of the
/// scale: it is hours where the rest is seconds.
struct TimelineBars {
  private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

  private let width: Int
  private let scale: Double
  /// Milliseconds drawn so far.
  private var offset: Int64 = 0

  /// For stretches that will be drawn in this order. `end` is where an open one ends.
  init(_ stretches: some Sequence<Timeline.Stretch>, end: Int64, width: Int) {
    self.width = width
    let total = stretches.reduce(0) { $0 + Self.length($1, end) }
    scale = total > 0 ? Double(width) / Double(total) : 0
  }

  private static func length(_ stretch: Timeline.Stretch, _ end: Int64) -> Int64 {
    stretch.state == .ready ? 0 : (stretch.end ?? end) - stretch.start
  }

  /// A bar with its blanks before it: what was worked █, what was waited ░, ready ◆.
  mutating func next(_ stretch: Timeline.Stretch, end: Int64) -> String {
    guard width > 0 else { return "" }
    let length = Self.length(stretch, end)
    let from = Double(offset) * scale
    offset += length
    let column = min(Int(from), width - 1)
    let blanks = String(repeating: " ", count: column)
    if stretch.state == .ready || stretch.state == .stopped {
      return blanks + (stretch.state == .ready ? "◆" : "■")
    }
    guard length > 0 else { return blanks + "▏" }
    // Of the last column's part the eighths are drawn; a bar is never shorter than one of them, and
    // one that is shorter than a column is as long as it is.
    let exact = Double(length) * scale
    let size =
      exact < 1
      ? max(0.125, exact) : min(Double(offset) * scale, Double(width)) - Double(column)
    let whole = Int(size)
    var bar = blanks
    for cell in 0..<whole {
      let middle = (max(Double(column + cell), from) + Double(column + cell + 1)) / 2
      bar += isWait(stretch, at: middle - from) ? "░" : "█"
    }
    let rest = size - Double(whole)
    if whole > 0, isWait(stretch, at: Double(column) + size - rest / 2 - from) {
      return bar + (rest >= 0.5 ? "░" : "")
    }
    return bar + Self.eighths[Int(rest * 8)]
  }

  /// Whether the stretch waits so many columns after its beginning.
  private func isWait(_ stretch: Timeline.Stretch, at columns: Double) -> Bool {
    let time = stretch.start + Int64(columns / scale)
    return stretch.waits.contains { $0.start <= time && time < $0.end }
  }
}
