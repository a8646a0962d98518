internal import Lifecycle

/// Runs for a terminal.
struct TextView: TraceView {
  private let options: TraceOptions

  init(_ options: TraceOptions) { self.options = options }

  func show(_ run: RunReport) -> String {
    var lines = [
      "run \(run.runID)  agent \(run.agentAppID ?? "-")  \(run.verdict.name)  \(run.lines) lines"
    ]
    lines += run.timeline.stretches.map(row)
    switch run.verdict {
    case .violates(let violation): lines.append("  violation: \(violation.text)")
    case .corrupt(let why): lines.append("  corrupt: \(run.troublePlace ?? run.place): \(why)")
    case .unknownVersion(let found): lines.append("  written by another version: \(found)")
    case .incomplete: lines.append("  the log ends in \(run.state.rawValue)")
    case .conforms: break
    }
    return lines.joined(separator: "\n") + "\n"
  }

  func finish(_ totals: Totals) -> String {
    var lines: [String] = []
    if let first = totals.firstCorrupt {
      lines.append("corrupt: \(totals.corrupt) lines, the first \(first)")
    }
    if totals.foreign > 0 { lines.append("\(totals.foreign) lines of others") }
    if totals.runs.isEmpty && totals.corrupt == 0 { lines.append("there is no line to check") }
    return lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n"
  }

  private func row(_ stretch: Timeline.Stretch) -> String {
    let stay = stretch.state == .stopped ? "" : stretch.length.map { "  \($0) ms" } ?? ""
    let start = String(stretch.start)
    let name = stretch.state.rawValue
    let attempt = stretch.attempt.map { "  attempt \($0)" } ?? ""
    return "  \(String(repeating: " ", count: max(0, 9 - start.count)))\(start) ms  "
      + "\(name)\(String(repeating: " ", count: 11 - name.count))"
      + "\(stretch.cause)\(attempt)\(stay)"
  }
}
