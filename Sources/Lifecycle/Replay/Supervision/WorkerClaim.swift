/// What a supervisor's line says of a worker, to be held against the worker's own log.
public struct WorkerClaim: Sendable, Equatable {
  enum Saying: Sendable, Equatable {
    /// Nothing more than that it is there.
    case isThere
    case ready, restarting, draining
    case hasEnded(WorkerEnd, how: String, hasServed: Bool)

    init(_ cause: AgentCause) {
      switch cause {
      case .workerReady: self = .ready
      case .workerRestarting: self = .restarting
      case .workerDraining: self = .draining
      case .deployed, .removed, .workerContradicted, .workerEnded, .bootTimedOut, .drainTimedOut,
        .supervisorDraining:
        self = .isThere
      }
    }
  }

  let worker: Int
  /// Of the worker's own log.
  public let runID: String
  /// The line of it that is meant, or the last one that was read; nil: none is named.
  public let sequence: Int64?
  /// Nil: no line has told of it.
  let pid: Int?
  let says: Saying

  /// Whether nothing more can come of the worker.
  public var isEnd: Bool { if case .hasEnded = says { true } else { false } }

  /// Why a log without an end is none that was cut off; nil: its end is no excuse.
  public var excuse: String? {
    guard case .hasEnded(.crashed, let how, _) = says else { return nil }
    return "\(how), as its supervisor says"
  }
}

/// What is known of a worker's own log when its supervisor speaks of it.
public struct WorkerView: Sendable {
  var first: History.Moment?
  /// What last moved it up to the line that is spoken of; nil: it is not kept, or no line is.
  var moment: History.Moment?
  /// The last moments, at least as far as they tell how it ended.
  var ending: [History.Moment]
  /// The number of its last line of any kind.
  var lastSequence: Int64
  /// Whether all its moments are kept.
  var isWhole: Bool
  /// Whether it was ever Ready; nil: that is not known.
  var wasReady: Bool?

  public init(
    first: History.Moment?, moment: History.Moment?, ending: [History.Moment],
    lastSequence: Int64, isWhole: Bool, wasReady: Bool?
  ) {
    self.first = first
    self.moment = moment
    self.ending = ending
    self.lastSequence = lastSequence
    self.isWhole = isWhole
    self.wasReady = wasReady
  }
}

extension WorkerClaim {
  /// Why the worker's log contradicts it; nil: it does not.
  public func violation(_ view: WorkerView, of line: LogLine) -> Violation? {
    if let pid, let first = view.first, case .runStarted(_, _, _, let own, _) = first.event,
      own != pid
    {
      return violation(
        .viewOfProcess, line, first,
        "it is about process \(pid), and worker \(worker)'s log is of process \(own)",
        allowed: ["pid \(own)"])
    }
    switch says {
    case .isThere: return nil
    case .ready: return compare("runtime_ready", "ready", view, line)
    case .restarting: return compare("load", "restarting", view, line)
    case .draining: return compare("drain", "draining", view, line)
    case .hasEnded(let end, let how, let hasServed):
      return ended(end, how, hasServed: hasServed, view, line)
    }
  }

  private func compare(
    _ event: String, _ state: String, _ view: WorkerView, _ line: LogLine
  ) -> Violation? {
    guard let sequence else { return nil }
    if let moment = view.moment {
      if moment.event.name == event { return nil }
      return violation(
        .viewOfState, line, moment,
        "it says that worker \(worker) is \(state), and the worker's line does not",
        allowed: ["the worker's \(event)"])
    }
    // One that is not here yet is another matter.
    guard view.isWhole, sequence <= view.lastSequence, let last = view.ending.last else {
      return nil
    }
    return violation(
      .viewOfState, line, last,
      "it says that worker \(worker) is \(state) by its line \(sequence), which moves nothing",
      allowed: ["the worker's \(event)"])
  }

  private func ended(
    _ end: WorkerEnd, _ how: String, hasServed: Bool, _ view: WorkerView, _ line: LogLine
  ) -> Violation? {
    guard let last = view.ending.last else { return nil }
    if let sequence, sequence > view.lastSequence {
      return violation(
        .viewOfEnd, line, last,
        "it says that worker \(worker) wrote seq \(sequence), and its log ends before",
        allowed: ["worker_seq \(view.lastSequence)"])
    }
    if let sequence, sequence < view.lastSequence {
      return violation(
        .viewOfEnd, line, last,
        "it says that worker \(worker) wrote no line after seq \(sequence), and seq "
          + "\(view.lastSequence) is there", allowed: ["worker_seq \(view.lastSequence)"])
    }
    var stopped: StoppedFacts?
    if case .stopped(_, let facts) = last.event { stopped = facts }
    switch end {
    case .asked:
      guard let stopped, stopped.outcome != .failed else {
        return violation(
          .viewOfEnd, line, last,
          "it says that worker \(worker) ended as asked, and its log does not end so",
          allowed: [stopped == nil ? "end crashed" : "end gave_up"])
      }
    case .gaveUp(let reason):
      guard stopped?.outcome == .failed else {
        return violation(
          .viewOfEnd, line, last,
          "it says that worker \(worker) gave up, and its log does not end so",
          allowed: [stopped == nil ? "end crashed" : "end asked"])
      }
      return explained(reason, view, line)
    case .crashed:
      guard stopped == nil else {
        return violation(
          .viewOfEnd, line, last,
          "it says that worker \(worker) \(how), and its log came to its end",
          allowed: [stopped?.outcome == .failed ? "end gave_up" : "end asked"])
      }
    case .couldNotStart: return nil
    }
    guard hasServed, view.wasReady == false else { return nil }
    return violation(
      .viewOfState, line, last, "requests were sent to worker \(worker), which was never Ready")
  }

  /// The reason for a failure is what the worker itself said last of one.
  private func explained(_ reason: String, _ view: WorkerView, _ line: LogLine) -> Violation? {
    for moment in view.ending.reversed() {
      guard case .bootFailed(_, let explanation) = moment.event else { continue }
      // It is cut where its line would be too long.
      guard reason != explanation.error, !reason.hasSuffix("…") else { return nil }
      // What came of the agent's process in the drain after it may be the last word.
      guard !reason.hasPrefix("the agent's process ") else { return nil }
      return violation(
        .viewOfEnd, line, moment,
        "its reason is not the failure that worker \(worker) told of",
        allowed: ["reason \(explanation.error)"])
    }
    return nil
  }

  private func violation(
    _ promise: Promise, _ line: LogLine, _ moment: History.Moment, _ problem: String,
    allowed: [String] = []
  ) -> Violation {
    var violation = Violation(
      promise: promise, sequence: line.sequence, state: .ready, event: line.event.name,
      problem: problem, allowed: allowed)
    violation.witness = Violation.Witness(
      runID: runID, sequence: moment.sequence,
      text: "\(moment.event.name)\(moment.label.isEmpty ? "" : ": \(moment.label)")")
    return violation
  }
}

extension Violation {
  /// A worker's line stands after its supervisor's line about it.
  /// - Parameters:
  ///   - sequence: of the supervisor's line.
  ///   - event: its name.
  public static func late(
    _ line: LogLine, at place: String, saidBy sequence: Int64, _ event: String
  ) -> Violation {
    var violation = Violation(
      promise: .workersLineFirst, sequence: sequence, state: .ready, event: event,
      problem: "the worker's line that it knew already comes after it")
    violation.witness = Witness(
      runID: line.runID, sequence: line.sequence, text: line.event.name, place: place)
    return violation
  }
}
