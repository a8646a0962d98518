extension CountedLine {
  /// The same for a line of this kind.
  @inline(__always)
  func checkRanges() throws(Breach) {
    try time("uptime_ms", uptimeMilliseconds)
    if kind == .request { try numbers.checkRanges() }
  }
}

extension RequestNumbers {
  @inline(__always)
  fileprivate func checkRanges() throws(Breach) {
    // An agent may answer with any three digits.
    try count("status", status, to: 999)
    try time("duration_us", durationMicroseconds / 1000)
    try count("bytes", bytes)
    if let sample, !(sample > 0 && sample <= 1) {
      throw Breach(.valuesInRange, "its sample is not above 0 and at most 1")
    }
  }
}

extension LogLine {
  static let sources: Set<String> = ["s3", "https", "file"]

  /// Each number is one that can be: `Promise.valuesInRange`.
  func checkRanges() throws(Breach) {
    try time("uptime_ms", uptimeMilliseconds)
    switch event {
    case .request(let facts): try facts.numbers.checkRanges()
    case .agentOutput, .configError, .bootFailed, .reloadFailed, .warning, .illegalEvent,
      .bootProgress, .install, .load, .supervisor:
      break
    case .runStarted(_, _, _, let pid, _): try process(pid)
    case .fetch(_, let source, _):
      guard Self.sources.contains(source) else {
        throw Breach(
          .valuesInRange, "no package comes from \(source)", allowed: Self.sources.sorted())
      }
    case .verify(_, let bytes, let milliseconds):
      try count("bytes", bytes)
      try time("fetch_ms", milliseconds)
    case .runtimeReady(_, let facts): try check(facts)
    case .drain(_, let inFlight, let deadline):
      try count("in_flight", inFlight)
      try time("deadline_ms", deadline)
    case .stopped(_, let facts):
      try count("exit_code", Int64(facts.exitCode), to: 1)
      try count("completed", facts.completed)
      try count("aborted", facts.aborted)
      try time("drain_ms", facts.drainMilliseconds)
    case .budgetExceeded(let boot, let budget):
      try time("boot_ms", boot)
      try time("budget_ms", budget)
    case .hardLimitExceeded(let boot, let counted, let limit, let phases):
      try time("boot_ms", boot)
      try time("counted_ms", counted)
      try time("hard_limit_ms", limit)
      try check(phases)
    case .fetchRetry(let attempt, _, let delay):
      try count("attempt", attempt, from: 1)
      try time("delay_ms", delay)
    case .workerStarted(let pid, let attempt):
      try process(pid)
      try count("attempt", attempt, from: 1)
    case .workerExited(let exit):
      try process(exit.pid)
      try count("status", exit.status ?? 0, to: 255)
      try count("restarts", exit.restarts)
      try time("delay_ms", exit.delayMilliseconds ?? 0)
    case .reloadStarted(let pid): try process(pid)
    case .reloadFinished(let facts):
      try process(facts.pid)
      try process(facts.replaced)
      try time("load_ms", facts.loadMilliseconds)
    case .requestAborted(let facts): try time("age_ms", facts.ageMilliseconds)
    case .logDropped(let number): try count("count", number, from: 1)
    case .slowRequest(let facts):
      try time("duration_ms", facts.durationMilliseconds)
      try time("agent_ms", facts.agentMilliseconds)
      try time("held_ms", facts.heldMilliseconds)
      try count("left_out", facts.leftOut)
    }
  }

  private func check(_ facts: ReadyFacts) throws(Breach) {
    try time("boot_ms", facts.bootMilliseconds)
    try time("load_ms", facts.loadMilliseconds)
    try check(facts.phases)
    try count("rest_port", facts.restPort, to: 65_535)
    try count("a2a_port", facts.a2aPort ?? 1, from: 1, to: 65_535)
    try count("ui_port", facts.uiPort ?? 1, from: 1, to: 65_535)
  }

  private func check(_ phases: PhaseTimes) throws(Breach) {
    try time("fetch of phases_ms", phases.fetch)
    try time("verify of phases_ms", phases.verify)
    try time("install of phases_ms", phases.install)
    try time("load of phases_ms", phases.load)
  }
}

private func time(_ field: StaticString, _ milliseconds: Int64) throws(Breach) {
  try count(field, milliseconds, to: LineDecoder.longestTime)
}

private func process(_ pid: Int) throws(Breach) { try count("pid", pid, from: 1) }

private func count(
  _ field: StaticString, _ value: Int, from least: Int64 = 0,
  to most: Int64 = LineDecoder.largestCount
) throws(Breach) {
  try count(field, Int64(value), from: least, to: most)
}

@inline(__always)
private func count(
  _ field: StaticString, _ value: Int64, from least: Int64 = 0,
  to most: Int64 = LineDecoder.largestCount
) throws(Breach) {
  guard value >= least, value <= most else { throw outOfRange(field, value, least, most) }
}

@inline(never)
private func outOfRange(
  _ field: StaticString, _ value: Int64, _ least: Int64, _ most: Int64
) -> Breach {
  Breach(
    .valuesInRange, "its \(field) is \(value)", allowed: ["\(field) from \(least) to \(most)"])
}
