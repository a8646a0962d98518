import Lifecycle

/// A supervisor with one worker that is asked to stop while it boots: the shortest log in which the two
/// speak of each other.
struct SupervisedPair {
  let worker = ShortRun("a1")
  let runID = String(repeating: "5", count: 32)
  /// What the supervisor says of the worker.
  var pid = 7
  var end = WorkerEnd.asked
  var lastSequence: Int64 = 8
  /// Lines of the worker that are there, and how many of them stand only after the word of its end.
  var workerLines = 8
  var late = 0
  var reads = true

  var text: [UInt8] {
    let own = own
    let (first, last) = (own.prefix(7), own.suffix(3))
    let lines = Array(worker.lines.prefix(workerLines))
    let before = reads ? Array(lines.prefix(max(0, lines.count - late))) : []
    let after = reads ? Array(lines.suffix(min(late, lines.count))) : []
    // The worker begins once its process is told of, and goes on while it is asked to stop.
    var all: [LogLine] = Array(first.prefix(4))
    all += before.prefix(2)
    all += first.dropFirst(4)
    all += before.dropFirst(2)
    all += last.prefix(2)
    all += after
    all += last.suffix(1)
    return all.flatMap { $0.encoded + [0x0A] }
  }

  private var own: [LogLine] {
    let mark = WorkerMark(run: worker.id, sequence: lastSequence)
    let none = WorkerMark(run: nil, sequence: nil)
    let isCrash = end.kind == .crashed
    let lines: [(Int64, SupervisorLine)] = [
      (
        1,
        .started(
          version: "0.1.0", schema: LogLine.schema, machine: SupervisionTable.hash, pid: 6,
          config: .members(["LOG_LEVEL": "info"]))
      ),
      (
        2,
        .agentDeploy(
          Deployment(
            agent: "short", revision: "0123456789ab",
            restarts: RestartIntensity(maximum: 3, window: .seconds(60)), cause: .start,
            surge: true), deploymentID: nil)
      ),
      (2, state(nil, .booting, .deployed, nil, none)),
      (
        3,
        .agentWorker(
          AgentWorkerFacts(
            agent: "short", worker: 1, revision: "0123456789ab", pid: pid, port: 8001,
            workerRun: nil))
      ),
      (30, .draining(cause: "SIGTERM", inFlight: 0, deadlineMilliseconds: 30_000)),
      (30, state(.booting, .draining, .supervisorDraining, nil, none)),
      (
        30,
        .agentWorkerStop(
          AgentWorkerStopFacts(
            agent: "short", worker: 1, workerRun: nil, isForced: false, cause: .supervisorDraining,
            reason: nil))
      ),
      (
        95,
        .agentWorkerExited(
          AgentWorkerExitFacts(
            agent: "short", worker: 1, mark: mark, end: end, status: isCrash ? nil : 0,
            signal: isCrash ? "SIGKILL" : nil, outOfMemory: false, restarts: 0,
            delayMilliseconds: nil))
      ),
      (95, state(.draining, .stopped, .workerEnded, 1, mark)),
      (
        95,
        .stopped(
          StoppedFacts(
            exitCode: 0, outcome: .clean, completed: 0, aborted: 0, drainMilliseconds: 65))
      ),
    ]
    return lines.enumerated().map { index, entry in
      LogLine(
        wallNanoseconds: 1_767_323_045_678_901_000 + entry.0 * 1_000_000,
        sequence: Int64(index + 1), runID: runID, agentAppID: nil, deploymentID: nil,
        uptimeMilliseconds: entry.0, event: .supervisor(entry.1))
    }
  }

  private func state(
    _ from: AgentStateName?, _ to: AgentStateName, _ cause: AgentCause, _ worker: Int?,
    _ mark: WorkerMark
  ) -> SupervisorLine {
    .agentState(
      AgentStateFacts(
        agent: "short", from: from, to: to, cause: cause, reason: nil, worker: worker, mark: mark))
  }
}
