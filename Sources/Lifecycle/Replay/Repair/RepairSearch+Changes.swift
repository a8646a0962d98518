/// Edits that change a field of a line.
extension RepairSearch {
  mutating func tryChanges() {
    guard !isUnreadable else { return }
    tryNumber()
    for index in window.reversed() {
      for expected in expectations(index) { tryFields(index, expected) }
      for uptime in uptimes(index) { tryUptime(index, uptime) }
      tryAgent(index)
    }
  }

  private mutating func change(
    _ index: Int, _ line: LogLine, cost: Int, _ what: String, _ old: String, _ new: String
  ) {
    attempt(
      index..<index + 1, [line], shifts: [0], cost: cost + distance(index),
      "change \(what) of \(name(index)), from \(old) to \(new)")
  }

  private mutating func tryNumber() {
    var line = lines[trouble]
    let expected = number(before: trouble) &+ 1
    guard line.sequence != expected else { return }
    let toldNumber = line.sequence &- expected
    line.sequence = expected
    change(
      trouble, line, cost: Edit.Cost.number, "seq", "\(told[trouble])",
      "\(told[trouble] &- toldNumber)")
  }

  /// Another agent's or deployment's name on one line.
  private mutating func tryAgent(_ index: Int) {
    guard index == trouble, let first = lines.first else { return }
    for (name, field) in [("agentAppId", \LogLine.agentAppID), ("deploymentId", \.deploymentID)] {
      var line = lines[index]
      let (found, known) = (line[keyPath: field], first[keyPath: field])
      guard found != known else { continue }
      line[keyPath: field] = known
      change(
        index, line, cost: Edit.Cost.expectedField, name, found ?? "null", known ?? "null")
    }
  }

  private mutating func tryFields(_ index: Int, _ expected: LogEvent) {
    let differences = FieldDifferences(from: lines[index].event, to: expected).list
    for difference in differences {
      var line = lines[index]
      line.event = difference.event
      change(
        index, line,
        cost: difference.cost, difference.name, difference.old, difference.new)
    }
    guard differences.count > 1, !found.contains(where: { $0.range == index..<index + 1 }) else {
      return
    }
    var line = lines[index]
    line.event = expected
    let list = differences.map { "\($0.name) from \($0.old) to \($0.new)" }
    attempt(
      index..<index + 1, [line], shifts: [0],
      cost: Edit.Cost.severalFields + Edit.Cost.each * differences.count + distance(index),
      "change in \(name(index)): \(list.joined(separator: ", "))")
  }

  // MARK: What a line should say

  private func expectations(_ index: Int) -> [LogEvent] {
    let line = lines[index]
    let machine = replay(before: index).machine
    let uptime = line.uptimeMilliseconds
    if let transition = line.event.transition {
      let others = causes(of: line, machine).filter { $0 != transition.cause }
      let causes = [transition.cause] + others
      var events: [LogEvent] = []
      for cause in causes {
        var event = line.event
        event.changeTransition { $0.cause = cause }
        events += variants(event, index).compactMap { machine.says($0, at: uptime) }
      }
      // What the machine is not asked: whether a number agrees with other lines.
      return events + agreements(line.event)
    }
    return reports(index, machine)
  }

  /// The causes that a transition can have, the likelier first.
  private func causes(of line: LogLine, _ machine: Machine) -> [String] {
    switch line.event {
    case .fetch: return ["started"]
    case .verify: return ["package_fetched"]
    case .install: return ["package_verified"]
    case .load: return ["environment_installed", "worker_lost", "load_timed_out"]
    case .runtimeReady: return ["worker_ready"]
    case .drain:
      let isConfigured = !lines.contains { $0.event.name == "config_error" }
      return isConfigured
        ? ["SIGTERM", "SIGINT", "failure", "hard_limit"] : ["configuration", "failure"]
    case .stopped(_, let facts):
      let due = machine.state.timers(machine.policy)[.drainDeadline]?.milliseconds
      if let due, line.uptimeMilliseconds >= due {
        return ["deadline", "drained", "second_signal"]
      }
      return facts.aborted > 0
        ? ["second_signal", "drained"] : ["drained", "second_signal", "deadline"]
    default: return []
    }
  }

  /// The machine is told when a restart began to load, by a number that may be the wrong one.
  private func variants(_ event: LogEvent, _ index: Int) -> [LogEvent] {
    guard case .runtimeReady(let transition, var facts) = event,
      let started = NamedProcesses(lines[..<index]).startedAt
    else { return [event] }
    facts.loadMilliseconds = max(0, lines[index].uptimeMilliseconds &- started)
    return [event, .runtimeReady(transition, facts)]
  }

  private func agreements(_ event: LogEvent) -> [LogEvent] {
    switch event {
    case .load(let transition, var facts):
      facts.package = testimony.package ?? facts.package
      facts.surfaces = testimony.ready?.surfaces ?? facts.surfaces
      return [.load(transition, facts)]
    case .runtimeReady(let transition, var facts):
      guard let load = testimony.load else { return [] }
      facts.surfaces = load.surfaces
      return [.runtimeReady(transition, facts)]
    case .install(let transition, let facts):
      return [Preparation.Environment.none, .hit, .miss].map {
        var other = facts
        other.environmentCache = $0
        return .install(transition, other)
      }
    case .stopped(let transition, let facts):
      let logged = lines.count { $0.event.name == "request_aborted" }
      return [0, 1, logged].map {
        var other = facts
        other.aborted = $0
        return .stopped(transition, other)
      }
    default: return []
    }
  }

  /// Lines between the transitions.
  private func reports(_ index: Int, _ machine: Machine) -> [LogEvent] {
    let line = lines[index]
    let state = machine.state
    switch line.event {
    case .bootFailed(_, let explanation):
      let phase = state.name == .ready ? .loading : state.name
      return [.bootFailed(phase: phase, explanation)]
    case .illegalEvent(_, let what): return [.illegalEvent(state: state.name, what: what)]
    case .budgetExceeded(_, let budget):
      return [
        .budgetExceeded(
          bootMilliseconds: line.uptimeMilliseconds,
          budgetMilliseconds: testimony.configuredBudget ?? budget)
      ]
    case .hardLimitExceeded(_, _, let limit, _):
      guard LogLine.plausibleUptimes.contains(line.uptimeMilliseconds) else { return [] }
      let phases = state.phases(at: Instant(milliseconds: line.uptimeMilliseconds))
      return [
        .hardLimitExceeded(
          bootMilliseconds: line.uptimeMilliseconds,
          countedMilliseconds: phases.counted.milliseconds,
          hardLimitMilliseconds: machine.policy.hardLimit?.milliseconds ?? limit,
          phases: PhaseTimes(phases))
      ]
    case .workerStarted(let pid, let attempt):
      return [.workerStarted(pid: pid, attempt: state.attempt ?? attempt)]
        + others.map { .workerStarted(pid: $0, attempt: attempt) }
    case .reloadStarted: return others.map { .reloadStarted(pid: $0) }
    case .reloadFinished(let facts): return finished(facts, index)
    case .workerExited(let exit): return exits(exit, index, machine)
    default: return []
    }
  }

  /// The processes that the run names, the latest first.
  private var others: ArraySlice<Int> { testimony.processes.suffix(limits.reachBack) }

  private func finished(_ facts: ReloadFacts, _ index: Int) -> [LogEvent] {
    let named = NamedProcesses(lines[..<index])
    let load = lines[index].uptimeMilliseconds &- (named.startedAt ?? 0)
    var events = [
      LogEvent.reloadFinished(
        ReloadFacts(
          pid: named.successor ?? facts.pid, replaced: named.current ?? facts.replaced,
          loadMilliseconds: facts.loadMilliseconds))
    ]
    var other = facts
    other.loadMilliseconds = max(0, load)
    events.append(.reloadFinished(other))
    return events
  }

  private func exits(_ exit: WorkerExit, _ index: Int, _ machine: Machine) -> [LogEvent] {
    var events = others.map { pid in
      var other = exit
      other.pid = pid
      return LogEvent.workerExited(other)
    }
    var expected = exit
    if let next = machine.afterLoss(at: lines[index].uptimeMilliseconds),
      case .loading(let loading) = next
    {
      expected.restarts = next.restartCount
      (expected.willRestart, expected.delayMilliseconds) = (true, 0)
      if case .waiting(let until) = loading.stage {
        expected.delayMilliseconds = until.milliseconds &- lines[index].uptimeMilliseconds
      }
      // A delay that is there and possible is left alone.
      if let delay = exit.delayMilliseconds, delay >= expected.delayMilliseconds ?? 0 {
        var kept = expected
        kept.delayMilliseconds = delay
        events.append(.workerExited(kept))
      }
    } else {
      (expected.willRestart, expected.delayMilliseconds) = (false, nil)
    }
    if exit.status != nil, exit.signal != nil { expected.signal = nil }
    if exit.status == nil, exit.signal == nil { expected.status = 1 }
    return events + [.workerExited(expected)]
  }

  // MARK: Times

  private mutating func tryUptime(_ index: Int, _ uptime: Int64) {
    var line = lines[index]
    let old = line.uptimeMilliseconds
    guard uptime != old, LogLine.plausibleUptimes.contains(uptime) else { return }
    line.uptimeMilliseconds = uptime
    let strayed = strays(index, old)
    let cost =
      strays(index, uptime) < strayed
      ? Edit.Cost.confirmedTime
      : strayed == 0 ? Edit.Cost.contradictedTime : Edit.Cost.time
    change(
      index, line, cost: cost, "uptime_ms",
      "\(old)", "\(uptime)")
  }

  /// By how many milliseconds an uptime strays from what the wall clock says: by the lines around,
  /// one of which may be wrong itself.
  private func strays(_ index: Int, _ uptime: Int64) -> UInt64 {
    let around = max(0, index - 2)..<min(lines.count, index + 3)
    return around.filter { $0 != index }.map { other in
      let wall = (lines[index].wallNanoseconds &- lines[other].wallNanoseconds) / 1_000_000
      return (uptime &- lines[other].uptimeMilliseconds &- wall).magnitude
    }.min() ?? 0
  }

  /// When the line may have been written really.
  private func uptimes(_ index: Int) -> [Int64] {
    let line = lines[index]
    var times: [Int64?] = [testimony.bootTime(of: line.event.name)]
    let previous = index > 0 ? lines[index - 1] : nil
    let next = index + 1 < lines.count ? lines[index + 1] : nil
    // The wall clock's opinion.
    times += [previous, next].map { other in
      other.map {
        $0.uptimeMilliseconds &+ (line.wallNanoseconds &- $0.wallNanoseconds) / 1_000_000
      }
    }
    times += [previous?.uptimeMilliseconds, next?.uptimeMilliseconds]
    let machine = replay(before: index).machine
    switch line.event {
    case .verify(_, _, let fetch): times.append(fetch)
    case .runtimeReady(_, let facts):
      times.append(facts.bootMilliseconds)
      times.append(NamedProcesses(lines[..<index]).startedAt.map { $0 &+ facts.loadMilliseconds })
    case .budgetExceeded(let boot, _): times.append(boot)
    case .hardLimitExceeded(let boot, _, _, _): times.append(boot)
    case .drain: times.append(testimony.drainStart)
    case .stopped(_, let facts):
      let drain = lines[..<index].last { $0.event.name == "drain" }
      times.append(drain.map { $0.uptimeMilliseconds &+ facts.drainMilliseconds })
    default: break
    }
    times += machine.state.timers(machine.policy).values.map(\.milliseconds).sorted()
    return times.compactMap(\.self).distinct
  }
}

extension FieldChange {
  fileprivate var cost: Int {
    switch name {
    case "cause" where event.name == "drain" && (old == "configuration" || old == "hard_limit"):
      Edit.Cost.telling
    // Several values may be right.
    case "cause", "pid", "aborted", "environment.cache": Edit.Cost.otherField
    default: Edit.Cost.expectedField
    }
  }
}
