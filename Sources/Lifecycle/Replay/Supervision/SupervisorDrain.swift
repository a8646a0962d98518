/// What a supervisor says of its own drain.
struct SupervisorDrain: Sendable {
  private var begunAt: Int64?
  private var isAsked = false
  /// Whether the deadline or a second signal has killed workers.
  private var isForced = false

  mutating func take(
    _ line: SupervisorLine, at uptime: Int64, _ policy: SupervisionPolicy
  ) throws(Breach) {
    switch line {
    case .ready(_, _, let milliseconds):
      guard milliseconds == uptime else {
        throw Breach(.settledOnce, "settle_ms", is: milliseconds, insteadOf: uptime)
      }
    case .draining(let cause, _, let deadline):
      let due = policy.drainDeadline.milliseconds
      guard deadline == due else {
        throw Breach(.deadlineIsTold, "deadline_ms", is: deadline, insteadOf: due)
      }
      begunAt = uptime
      isAsked = Signal(rawValue: cause) != nil
    case .agentWorkerStop(let facts):
      if facts.cause == .deadline || facts.cause == .secondSignal { isForced = true }
    case .stopped(let facts): try check(facts, at: uptime, policy)
    default: break
    }
  }

  private func check(
    _ facts: StoppedFacts, at uptime: Int64, _ policy: SupervisionPolicy
  ) throws(Breach) {
    let drain = uptime - (begunAt ?? uptime)
    guard abs(facts.drainMilliseconds - drain) <= 1 else {
      throw Breach(.drainTime, "drain_ms", is: facts.drainMilliseconds, insteadOf: drain)
    }
    guard drain <= policy.drainDeadline.milliseconds else {
      throw Breach(
        .drainDeadline,
        "the deadline was over at \(uptime - drain + policy.drainDeadline.milliseconds) ms",
        missedBy: drain - policy.drainDeadline.milliseconds)
    }
    let allowed: [Stopped.Outcome] =
      if !isAsked { [.failed] } else if facts.aborted > 0 { [.cut] } else if isForced {
        [.clean, .cut]
      } else { [.clean] }
    guard allowed.contains(facts.outcome) else {
      throw Breach(
        .exitCodeAndOutcome, "its outcome is not what its drain came to",
        allowed: allowed.map { "outcome \($0.rawValue)" })
    }
  }
}
