/// What faulthandler wrote of a process's threads, as far as a sentence needs it.
///
/// Its format (Python's documentation of `faulthandler`): for each thread a line that ends with
/// `(most recent call first):`, then `  File "…", line N in NAME` for each frame.
struct PythonStacks {
  struct Frame: Equatable {
    var file: String
    var line: String
    var function: String

    /// - Parameter text: a line of the dump.
    init?(_ text: Substring) {
      let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
      guard parts.count == 3, parts[0] == "  File ", parts[2].hasPrefix(", line "),
        let words = Optional(parts[2].dropFirst(7).split(separator: " ", maxSplits: 2)),
        words.count == 3, words[1] == "in"
      else { return nil }
      (file, line, function) = (String(parts[1]), String(words[0]), String(words[2]))
    }
  }

  /// The frame of the agent host in whose call the event loop runs.
  static let loopFunction = "_run_loop"
  static let loopFile = "/par_agent_host/host.py"

  /// Innermost first.
  let threads: [[Frame]]

  init(_ text: String) {
    var threads: [[Frame]] = []
    for line in text.split(separator: "\n") {
      if line.hasSuffix("(most recent call first):") {
        threads.append([])
      } else if !threads.isEmpty, let frame = Frame(line) {
        threads[threads.count - 1].append(frame)
      }
    }
    self.threads = threads
  }

  /// Where the event loop is, in the agent's own code if that is in its stack.
  ///
  /// - Parameter root: the package's folder.
  /// - Returns: `src/rest/index.py line 12, in handler`; nil: its thread is not there.
  func place(inside root: String) -> String? {
    let loop = threads.first {
      $0.contains { $0.function == Self.loopFunction && $0.file.hasSuffix(Self.loopFile) }
    }
    guard let loop else { return nil }
    let prefix = root.hasSuffix("/") ? root : root + "/"
    guard let frame = loop.first(where: { $0.file.hasPrefix(prefix) }) ?? loop.first else {
      return nil
    }
    let file =
      frame.file.hasPrefix(prefix) ? String(frame.file.dropFirst(prefix.count)) : frame.file
    return "\(file) line \(frame.line), in \(frame.function)"
  }
}
