extension LogEvent {
  /// What a transition line says beyond where it goes, in a few words: what a picture of the stretch
  /// that it begins is labelled with. Empty for other lines.
  public var label: String {
    switch self {
    case .fetch(_, let source, _): source
    case .verify(_, let bytes, _): bytes > 0 ? Self.size(bytes) : ""
    case .install(_, let facts): facts.label
    case .load(let transition, _): transition.attempt.map { $0 > 1 ? "attempt \($0)" : "" } ?? ""
    case .drain(let transition, let inFlight, _):
      transition.cause + (inFlight > 0 ? ", \(inFlight) in flight" : "")
    case .stopped(let transition, let facts):
      "\(transition.cause), \(facts.outcome.rawValue), exit \(facts.exitCode)"
        + (facts.aborted > 0 ? ", \(facts.aborted) cut off" : "")
    case .runtimeReady, .runStarted, .budgetExceeded, .hardLimitExceeded, .configError,
      .bootFailed, .bootProgress, .fetchRetry, .workerStarted, .workerExited, .reloadStarted,
      .reloadFinished, .reloadFailed, .requestAborted, .warning, .logDropped, .illegalEvent,
      .agentOutput, .request, .slowRequest, .supervisor:
      ""
    }
  }

  /// In powers of 1000, rounded down: `812 B`, `12.3 MB`.
  private static func size(_ bytes: Int64) -> String {
    switch bytes {
    case ..<1000: "\(bytes) B"
    case ..<1_000_000: "\(bytes / 1000) kB"
    case ..<1_000_000_000: "\(bytes / 1_000_000).\(bytes / 100_000 % 10) MB"
    default: "\(bytes / 1_000_000_000).\(bytes / 100_000_000 % 10) GB"
    }
  }
}

extension InstallFacts {
  fileprivate var label: String {
    var words = [python.map { "Python \($0)" } ?? "no Python"]
    switch environmentCache {
    case .none: break
    case .hit: words.append("cached")
    case .miss: words.append("by \(installer ?? "nothing")")
    }
    return words.joined(separator: ", ")
  }
}
