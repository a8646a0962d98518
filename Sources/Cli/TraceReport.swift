import Lifecycle

/// Reads logs of any number of runs, interleaved or not, and says what is to be said of each.
struct TraceReport {
  private var replays: [(runID: String, replay: Replay)] = []
  /// Lines that are no lines of an event log, with the first one's trouble.
  private(set) var corrupt: (count: Int, first: String)?
  /// Lines of somebody else, as the service manager's own in a journal: they do not begin as a line
  /// of an event log does.
  private(set) var foreign = 0

  mutating func take(_ text: [UInt8], source: String) {
    for (index, line) in text.split(separator: UInt8(ascii: "\n")).enumerated()
    where line.contains(where: { $0 > 0x20 }) {
      guard line.first == UInt8(ascii: "{") else {
        foreign += 1
        continue
      }
      take(line: line, place: "\(source):\(index + 1)")
    }
  }

  private mutating func take(line: ArraySlice<UInt8>, place: String) {
    do {
      let decoded = try LogLine.decode(line)
      let index =
        replays.firstIndex { $0.runID == decoded.runID }
        ?? {
          replays.append((decoded.runID, Replay()))
          return replays.count - 1
        }()
      let state = (try? JSONReader.decode(line))?["state"]?.text
      if let to = decoded.event.transition?.to, state != to.rawValue {
        replays[index].replay.takeContradiction(decoded)
      } else {
        replays[index].replay.take(decoded)
      }
    } catch {
      corrupt = ((corrupt?.count ?? 0) + 1, corrupt?.first ?? "\(place): \(error.sentence)")
    }
  }

  /// 0 all conform, or were cut off; 1 a violation or a corrupt line; 2 an unknown version.
  var status: Int32 {
    var status: Int32 = corrupt == nil && !replays.isEmpty ? 0 : 1
    for (_, replay) in replays {
      switch replay.verdict {
      case .conforms, .incomplete: break
      case .violates: status = max(status, 1)
      case .unknownVersion: status = 2
      }
    }
    return status
  }

  var text: String {
    var lines: [String] = []
    for (runID, replay) in replays {
      let agent = replay.agentAppID ?? "-"
      lines.append("run \(runID)  agent \(agent)  \(replay.verdict.name)  \(replay.lines) lines")
      lines += timeline(replay.entries)
      switch replay.verdict {
      case .violates(let violation): lines.append("  violation: \(violation.text)")
      case .unknownVersion(let found): lines.append("  written by another version: \(found)")
      case .incomplete: lines.append("  the log ends in \(replay.state.rawValue)")
      case .conforms: break
      }
    }
    if let corrupt { lines.append("corrupt: \(corrupt.count) lines, the first \(corrupt.first)") }
    if foreign > 0 { lines.append("\(foreign) lines of others") }
    if replays.isEmpty && corrupt == nil { lines.append("there is no line to check") }
    return lines.joined(separator: "\n") + "\n"
  }

  private func timeline(_ entries: [Replay.Entry]) -> [String] {
    entries.enumerated().map { index, entry in
      let next = index + 1 < entries.count ? entries[index + 1].uptimeMilliseconds : nil
      let stay = next.map { "  \($0 - entry.uptimeMilliseconds) ms" } ?? ""
      let start = String(entry.uptimeMilliseconds)
      let name = entry.transition.to.rawValue
      let attempt = entry.transition.attempt.map { "  attempt \($0)" } ?? ""
      return "  \(String(repeating: " ", count: max(0, 9 - start.count)))\(start) ms  "
        + "\(name)\(String(repeating: " ", count: 11 - name.count))"
        + "\(entry.transition.cause)\(attempt)\(stay)"
    }
  }
}

extension LogLine.DecodingError {
  fileprivate var sentence: String {
    switch self {
    case .notJSON(let error): "it is no JSON (\(error))"
    case .missingField(let name): "it has no usable \(name)"
    case .unknownEvent(let name): "no event is called \(name)"
    case .malformedEvent(let name): "a field of \(name) is missing or of another kind"
    }
  }
}
