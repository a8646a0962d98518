/// Makes a timeline from what is kept of a run, moment by moment.
struct TimelineBuilder {
  /// Times beyond this (285,000 years) are cut, so that no sum of them can overflow.
  private static let latest: Int64 = 1 << 53
  /// What the installer says while another boot has the lock.
  private static let waitsForLock = "waiting for another boot that installs the same environment"

  private var timeline = Timeline()
  private var now: Int64 = 0
  /// Of the run's configuration: how long a drain serves on, and its deadline.
  private var policy = Policy()
  /// Who serves, or loads for the machine; nil while that is not known.
  private var pid: Int?
  /// Of the loss that the next transition answers.
  private var delay: Int64?
  /// Since when another boot's lock is waited for.
  private var lockedSince: Int64?

  mutating func take(_ history: History) {
    for (index, moment) in history.moments.enumerated() {
      now = max(now, min(moment.uptimeMilliseconds, Self.latest))
      if history.leftOut > 0, index == History.limit / 2 { passGap() }
      take(moment)
    }
  }

  /// The timeline of what was taken; nothing can be taken afterwards.
  mutating func finished() -> Timeline {
    timeline.end = now
    if let last = timeline.stretches.last, last.end == nil {
      if last.state == .draining { waitInDrain(ending: "") }
      cutWaits(at: now)
    }
    return timeline
  }

  private mutating func take(_ moment: History.Moment) {
    if var mark = Timeline.Mark(moment, at: now) {
      // Its phase is load then, which a reader of the picture takes for the first one.
      if case .bootFailed(_, let explanation) = moment.event, timeline.boot != nil {
        mark.label = "gave up: \(explanation.error)"
      }
      timeline.marks.append(mark)
    }
    if let transition = moment.event.transition {
      enter(transition, moment)
      return
    }
    switch moment.event {
    case .runStarted(_, _, _, _, let config): policy = Policy(loggedConfig: config)
    case .fetchRetry(_, _, let delay): wait(.retry, from: now, to: now + bounded(delay))
    case .workerStarted(let pid, _): started(pid)
    case .workerExited(let exit): exited(exit)
    case .bootProgress(_, let message): progressed(message)
    case .reloadStarted: timeline.reloads.append(Timeline.Reload(start: now))
    case .reloadFinished(let facts):
      pid = facts.pid
      endReload(.finished(loadMilliseconds: facts.loadMilliseconds))
    case .reloadFailed(let explanation): endReload(.failed(explanation.error))
    case .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped, .budgetExceeded,
      .hardLimitExceeded, .configError, .bootFailed, .requestAborted, .warning, .logDropped,
      .illegalEvent, .agentOutput, .request, .slowRequest, .supervisor:
      break
    }
  }

  private func bounded(_ milliseconds: Int64) -> Int64 { max(0, min(milliseconds, Self.latest)) }

  /// Lines were left out here: what was known of the process is not any more.
  private mutating func passGap() {
    (pid, delay, lockedSince) = (nil, nil, nil)
    guard let last = timeline.stretches.indices.last else { return }
    timeline.stretches[last].hasGap = true
  }

  // MARK: Stretches

  private mutating func enter(_ transition: Transition, _ moment: History.Moment) {
    leave(cause: transition.cause)
    if transition.cause == "load_timed_out" {
      timeline.losses.append(
        Timeline.Loss(
          at: now, why: "not ready in time", pid: pid, inFlight: 0, restarts: 0,
          willRestart: transition.to == .loading))
    }
    if case .runtimeReady(_, let facts) = moment.event {
      timeline.boot = timeline.boot ?? facts.bootMilliseconds
      for index in timeline.losses.indices where timeline.losses[index].readyAt == nil {
        timeline.losses[index].readyAt = now
      }
    }
    timeline.stretches.append(
      Timeline.Stretch(
        state: transition.to, cause: transition.cause, attempt: transition.attempt, start: now,
        end: transition.to == .stopped ? now : nil, label: moment.event.label,
        sequence: moment.sequence))
    if transition.to == .loading, let delay { wait(.restartDelay, from: now, to: now + delay) }
    delay = nil
  }

  /// The stretch that lasted until now is over, and so is what was waited for in it.
  private mutating func leave(cause: String) {
    lockedSince = nil
    guard let last = timeline.stretches.last, last.end == nil else { return }
    if last.state == .draining { waitInDrain(ending: cause) }
    cutWaits(at: now)
    timeline.stretches[timeline.stretches.count - 1].end = now
  }

  // MARK: Waits

  /// Of two waits that overlap the later one counts.
  private mutating func wait(_ what: Timeline.Wait.Reason, from start: Int64, to end: Int64) {
    cutWaits(at: start)
    guard let last = timeline.stretches.indices.last else { return }
    let start = max(start, timeline.stretches[last].start)
    guard end > start else { return }
    timeline.stretches[last].waits.append(Timeline.Wait(what: what, start: start, end: end))
  }

  /// No wait of the current stretch goes beyond `end`.
  private mutating func cutWaits(at end: Int64) {
    guard let last = timeline.stretches.indices.last else { return }
    timeline.stretches[last].waits = timeline.stretches[last].waits.compactMap { wait in
      wait.start < end
        ? Timeline.Wait(what: wait.what, start: wait.start, end: min(wait.end, end)) : nil
    }
  }

  private mutating func progressed(_ message: String) {
    guard message == Self.waitsForLock else {
      lockedSince = nil
      return
    }
    let since = lockedSince ?? now
    lockedSince = since
    wait(.lock, from: since, to: now)
  }

  /// The lame duck ends when its time is over. What is in flight then is waited for until the agent is
  /// asked to stop, which the log tells only of a drain that ran into its deadline.
  private mutating func waitInDrain(ending: String) {
    guard let drain = timeline.stretches.last, let before = timeline.stretches.dropLast().last,
      before.state == .ready
    else { return }
    let minimum =
      switch Signal(rawValue: drain.cause) {
      case .terminate: policy.terminateMinimum
      case .interrupt: policy.interruptMinimum
      case nil: Interval.zero
      }
    let closed = min(now, drain.start + bounded(minimum.milliseconds))
    wait(.lameDuck, from: drain.start, to: closed)
    guard ending == Stopped.Ending.deadline.rawValue, pid != nil else { return }
    let patience = policy.drainDeadline.milliseconds - policy.agentStopMargin.milliseconds
    wait(.requests, from: closed, to: min(now, drain.start + bounded(patience)))
  }

  // MARK: The agent's processes

  /// A restart's delay is over when the process is started.
  private mutating func started(_ pid: Int) {
    guard let last = timeline.stretches.last, last.state == .loading else { return }
    self.pid = pid
    guard last.cause != "environment_installed" else { return }
    timeline.stretches[timeline.stretches.count - 1].waits = []
    wait(.restartDelay, from: last.start, to: now)
  }

  private mutating func exited(_ exit: WorkerExit) {
    // A process that a reload started, or replaced, is no loss.
    guard pid == nil || exit.pid == pid || exit.willRestart else { return }
    pid = nil
    let last = timeline.stretches.last
    if last?.state == .loading, last?.cause == "load_timed_out", exit.willRestart {
      // The end of the one that was too slow: its loss is there already.
      if let index = timeline.losses.indices.last {
        timeline.losses[index].restarts = exit.restarts
      }
      wait(.restartDelay, from: now, to: now + bounded(exit.delayMilliseconds ?? 0))
      return
    }
    guard !exit.asked else { return }
    delay = exit.delayMilliseconds.map(bounded)
    timeline.losses.append(
      Timeline.Loss(
        at: now, why: exit.why, pid: exit.pid, inFlight: exit.inFlight.count,
        restarts: exit.restarts, willRestart: exit.willRestart))
  }

  private mutating func endReload(_ outcome: Timeline.Reload.Outcome) {
    guard let last = timeline.reloads.indices.last, timeline.reloads[last].outcome == nil else {
      return
    }
    (timeline.reloads[last].end, timeline.reloads[last].outcome) = (now, outcome)
  }
}
