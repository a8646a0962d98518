import Lifecycle

extension LogSamples {
  /// A supervisor's line of each kind, by chance.
  mutating func supervisorEvents() -> [LogEvent] { supervisorLines().map { .supervisor($0) } }

  private mutating func ids() -> [String] { (0..<pick(3)).map { _ in text() } }
  private mutating func mark() -> WorkerMark {
    WorkerMark(run: optional(), sequence: one([nil, whole()]))
  }
  private mutating func end() -> WorkerEnd {
    one([
      .asked, .gaveUp(reason: text()), .crashed(reason: text()), .couldNotStart(reason: text()),
    ])
  }

  private mutating func supervisorLines() -> [SupervisorLine] {
    [
      .started(version: text(), schema: int(), machine: text(), pid: int(), config: json()),
      .desiredState(
        DesiredStateFacts(
          source: one(DesiredSource.allCases), revision: optional(), added: ids(), changed: ids(),
          removed: ids())),
      .desiredRefused(source: one(DesiredSource.allCases), errors: ids()),
      .loaded(agents: int()),
      .agentDeploy(
        Deployment(
          agent: text(), revision: text(),
          restarts: RestartIntensity(maximum: int(), window: .milliseconds(Int64(pick(1000)))),
          cause: one(Deployment.Cause.allCases), surge: pick(2) == 0),
        deploymentID: optional()),
      .agentWorker(
        AgentWorkerFacts(
          agent: text(), worker: int(), revision: text(), pid: int(), port: one([nil, 8001]),
          workerRun: optional())),
      .agentState(
        AgentStateFacts(
          agent: text(), from: one([nil] + AgentStateName.allCases.map { $0 }),
          to: one(AgentStateName.allCases), cause: one(AgentCause.allCases), reason: optional(),
          worker: one([nil, 1]), mark: mark())),
      .agentTraffic(agent: text(), from: one([nil, 1]), to: one([nil, 2])),
      .agentWorkerStop(
        AgentWorkerStopFacts(
          agent: text(), worker: int(), workerRun: optional(), isForced: pick(2) == 0,
          cause: one(WorkerStop.Cause.allCases), reason: optional())),
      .agentWorkerExited(
        AgentWorkerExitFacts(
          agent: text(), worker: int(), mark: mark(), end: end(), status: one([nil, 0, 255]),
          signal: optional(), outOfMemory: pick(2) == 0, restarts: int(),
          delayMilliseconds: one([nil, 0, 500]))),
      .agentTargetFailed(agent: text(), revision: text(), reason: text()),
      .agentRemoved(agent: text()),
      .adminRequest(
        AdminRequestFacts(
          method: text(), path: text(), status: int(), agent: optional(), peer: text())),
      .ready(ready: int(), failed: int(), settleMilliseconds: whole()),
      .draining(
        cause: one(["SIGTERM", "failure"]), inFlight: int(), deadlineMilliseconds: whole()),
      .stopped(
        StoppedFacts(
          exitCode: one([0, 1]), outcome: one(Stopped.Outcome.allCases), completed: int(),
          aborted: int(), drainMilliseconds: whole())),
      .illegalEvent(phase: one(SupervisionPhase.Name.allCases), what: text()),
    ]
  }
}
