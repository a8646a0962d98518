internal import Lifecycle

/// How a run ended, for counting.
enum RunEnding: Hashable {
  /// As asked, nothing cut off.
  case clean
  /// As asked, but requests were cut off.
  case cut
  /// A boot that failed, with the phase.
  case failedBoot(StateName)
  /// It served, and gave up later.
  case gaveUp
  /// The log ends before the run does.
  case open(StateName)

  var isFailure: Bool {
    switch self {
    case .failedBoot, .gaveUp: true
    case .clean, .cut, .open: false
    }
  }

  var text: String {
    switch self {
    case .clean: "stopped as asked"
    case .cut: "stopped as asked, requests cut off"
    case .failedBoot(let phase): "boot failed while \(phase.rawValue)"
    case .gaveUp: "gave up after it had served"
    case .open(let state): "the log ends while \(state.rawValue)"
    }
  }
}

extension RunReport {
  var ending: RunEnding {
    let stretches = timeline.stretches
    guard case .stopped(_, let facts)? = history.moments.last(where: { $0.event.isStopped })?.event
    else { return .open(state) }
    switch facts.outcome {
    case .clean: return .clean
    case .cut: return .cut
    case .failed:
      if stretches.contains(where: { $0.state == .ready }) { return .gaveUp }
      let before = stretches.last { $0.state != .draining && $0.state != .stopped }
      return .failedBoot(before?.state ?? .fetching)
    }
  }

  var aborted: Int {
    guard case .stopped(_, let facts)? = history.moments.last(where: { $0.event.isStopped })?.event
    else { return 0 }
    return facts.aborted
  }
}

extension LogEvent {
  var isStopped: Bool { if case .stopped = self { true } else { false } }
}
