internal import Lifecycle

/// What several pictures say of a run.
extension RunReport {
  /// What is wrong, as a sentence; nil: nothing.
  var problem: String? {
    switch verdict {
    case .violates(let violation): "\(violation.promise.rawValue): \(violation.problem)"
    case .corrupt(let why): why
    case .unknownVersion(let found): "written by another version: \(found)"
    case .conforms, .incomplete: nil
    }
  }

  var violation: Violation? {
    if case .violates(let violation) = verdict { violation } else { nil }
  }

  /// When the line was written that the verdict is about, in the timeline's milliseconds.
  var troubleAt: Int64? {
    guard problem != nil else { return nil }
    guard let violation else { return timeline.end }
    let moment = history.moments.first { $0.sequence == violation.sequence }
    return moment.map { min(max(0, $0.uptimeMilliseconds), timeline.end) } ?? timeline.end
  }

  /// `clean`, `cut` or `failed`; nil: the log does not tell.
  var outcome: String? { stoppedFacts?.outcome.rawValue }

  var stoppedFacts: StoppedFacts? {
    if let supervisor { return supervisor.course.ending }
    for moment in history.moments.reversed() {
      if case .stopped(_, let facts) = moment.event { return facts }
    }
    return nil
  }

  var package: PackageIdentity? {
    for moment in history.moments {
      if case .install(_, let facts) = moment.event { return facts.package }
      if case .load(_, let facts) = moment.event { return facts.package }
    }
    return nil
  }

  /// The program's own version.
  var version: String? {
    for moment in history.moments {
      if case .runStarted(let version, _, _, _, _) = moment.event { return version }
      if case .supervisor(.started(let version, _, _, _, _)) = moment.event { return version }
    }
    return nil
  }
}

extension Timeline.Mark {
  /// Whether it needs a sign of its own: starts and ends of processes and reloads are drawn as what
  /// lies between them.
  var isDrawn: Bool {
    switch kind {
    case .workerStarted, .workerEnded, .progress, .reloadStarted, .reloadFinished: false
    case .loss, .retry, .budget, .hardLimit, .configError, .bootFailed, .reloadFailed, .warning,
      .slowRequest, .aborted, .logDropped, .illegalEvent:
      true
    }
  }
}
