internal import Lifecycle

/// The table of promises for whoever asks: wrapped for a terminal, a promise a line for programs.
public enum PromiseList {
  public static func text(_ options: TraceOptions) -> String {
    guard options.isForTerminal else { return Promise.tableText }
    let columns = options.width
    let names = min(columns / 2, (Promise.allCases.map(\.rawValue.count).max() ?? 0) + 4)
    var lines: [TextLine] = []
    for group in Promise.Group.allCases {
      if !lines.isEmpty { lines.append(TextLine()) }
      lines.append(TextLine(group.title, .bold))
      for promise in Promise.allCases where promise.group == group {
        var lead = TextLine(promise.rawValue, .cyan, indent: 2)
        lead.advance(to: max(names, lead.width + 2))
        lines += lead.wrapping(promise.text, columns: columns)
      }
    }
    return lines.map { $0.text(columns: columns, colours: options.hasColours) }.joined()
  }
}
