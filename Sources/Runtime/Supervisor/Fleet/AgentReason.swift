import Lifecycle
import LinuxSystem

/// Why something is not as it was wanted, for two kinds of readers.
package struct AgentReason: Sendable, Equatable {
  /// The whole sentence, for who has the token: it may quote what a worker or its agent wrote.
  package var sentence: String
  /// The program's own words, for everybody: nothing of what others wrote is in it.
  package var summary: String

  package init(_ sentence: String, summary: String) {
    self.sentence = sentence
    self.summary = summary
  }

  /// Where nothing else may be said.
  package static let untold = "the log has the reason"

  /// Of an event that moved an agent.
  ///
  /// - Parameters:
  ///   - sentence: as the machine gives it: the event's own, and that restarts are used up.
  ///   - ended: the summary of the end of the worker, where it is known.
  init(_ sentence: String, of event: SupervisorEvent, ended: String?) {
    let (summary, cause) = Self.summary(of: event, ended: ended)
    // What the machine adds is the program's own.
    let more = cause.flatMap { sentence.hasPrefix($0) ? sentence.dropFirst($0.count) : nil }
    self.init(sentence, summary: summary + (more ?? ""))
  }

  private static func summary(
    of event: SupervisorEvent, ended: String?
  ) -> (summary: String, cause: String?) {
    switch event {
    case .worker(_, _, .ended(let end, _)):
      switch end.kind {
      case .couldNotStart: ("its worker could not be started", end.reason)
      case .asked: ("its worker stopped without being asked", end.reason)
      case .gaveUp: (ended ?? "its worker gave up", end.reason)
      case .crashed: (ended ?? Self.crashed, end.reason)
      }
    case .worker(_, _, .contradicted(let reason)): ("its worker's log cannot be true", reason)
    case .due(.boot): ("it was not ready in time", nil)
    case .due(.drain): ("it drained for too long", nil)
    case .worker, .due, .desired, .removed, .loaded, .terminationRequested, .failed:
      (untold, nil)
    }
  }

  static let crashed = "its worker ended unexpectedly"

  /// Of a worker process that is gone.
  static func summary(
    of status: ExitStatus, _ testimony: WorkerTestimony, isOutOfMemory: Bool, wasKilled: Bool
  ) -> String {
    if testimony.lie == nil, let stopped = testimony.stopped, stopped.exitCode != 0 {
      return summary(ofGivingUp: testimony)
    }
    if isOutOfMemory { return "its worker was ended because memory ran out" }
    if wasKilled { return "its worker was killed" }
    switch status {
    case .exited: return crashed
    case .signaled: return "its worker was killed"
    }
  }

  private static func summary(ofGivingUp testimony: WorkerTestimony) -> String {
    guard testimony.bootMilliseconds == nil else {
      let count = testimony.restarts
      return count == 0
        ? "it gave up" : "it gave up after \(count) restart\(count == 1 ? "" : "s")"
    }
    switch testimony.endedIn {
    case .fetching: return "its boot failed while fetching"
    case .verifying: return "its boot failed while verifying"
    case .installing: return "its boot failed while installing"
    case .loading: return "its boot failed while loading"
    case .ready, .draining, .stopped, nil: return "its boot failed"
    }
  }
}
