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

  /// Why workers were lost, each in a few words; workers that ended as asked are not lost.
  var losses: [String] {
    var wasTimedOut = false
    return history.moments.compactMap { moment in
      switch moment.event {
      case .load(let transition, _), .drain(let transition, _, _):
        wasTimedOut = transition.cause == "load_timed_out"
      case .workerExited(let exit) where !exit.asked:
        defer { wasTimedOut = false }
        return wasTimedOut ? "load timed out" : exit.reason
      default: break
      }
      return nil
    }
  }
}

extension WorkerExit {
  fileprivate var reason: String {
    if outOfMemory { return "out of memory" }
    // The program's own watch says so in the first line of the stacks.
    let told = stack.map { Signature.fold(String($0.prefix { $0 != "\n" })) }
    if let signal {
      guard let told, !told.hasPrefix("Thread "), !told.isEmpty else { return signal }
      return "\(signal): \(told)"
    }
    return status.map { "status \($0)" } ?? "unknown"
  }
}

extension LogEvent {
  fileprivate var isStopped: Bool { if case .stopped = self { true } else { false } }
}
