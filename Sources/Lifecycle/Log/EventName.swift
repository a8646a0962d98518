/// The names of the events, in the order of the documentation.
enum EventName: UInt8, CaseIterable {
  case runStarted, fetch, verify, install, load, runtimeReady, drain, stopped
  case budgetExceeded, hardLimitExceeded, configError, bootFailed, bootProgress, fetchRetry
  case workerStarted, workerExited, reloadStarted, reloadFinished, reloadFailed
  case requestAborted, warning, logDropped, illegalEvent, agentOutput, request, slowRequest
  // A supervisor's.
  case supervisorStarted, desiredState, desiredRefused, supervisorLoaded
  case agentDeploy, agentWorker, agentState, agentTraffic, agentWorkerStop, agentWorkerExited
  case agentTargetFailed, agentRemoved, adminRequest
  case supervisorReady, supervisorDraining, supervisorStopped, supervisorIllegalEvent

  var spelling: StaticString {
    switch self {
    case .runStarted: "run_started"
    case .fetch: "fetch"
    case .verify: "verify"
    case .install: "install"
    case .load: "load"
    case .runtimeReady: "runtime_ready"
    case .drain: "drain"
    case .stopped: "stopped"
    case .budgetExceeded: "Boot time exceeded budget"
    case .hardLimitExceeded: "Boot time exceeded hard limit"
    case .configError: "config_error"
    case .bootFailed: "boot_failed"
    case .bootProgress: "boot_progress"
    case .fetchRetry: "fetch_retry"
    case .workerStarted: "worker_started"
    case .workerExited: "worker_exited"
    case .reloadStarted: "reload_started"
    case .reloadFinished: "reload_finished"
    case .reloadFailed: "reload_failed"
    case .requestAborted: "request_aborted"
    case .warning: "warning"
    case .logDropped: "log_dropped"
    case .illegalEvent: "illegal_event"
    case .agentOutput: "agent_output"
    case .request: "request"
    case .slowRequest: "slow_request"
    case .supervisorStarted: "supervisor_started"
    case .desiredState: "desired_state"
    case .desiredRefused: "desired_refused"
    case .supervisorLoaded: "supervisor_loaded"
    case .agentDeploy: "agent_deploy"
    case .agentWorker: "agent_worker"
    case .agentState: "agent_state"
    case .agentTraffic: "agent_traffic"
    case .agentWorkerStop: "agent_worker_stop"
    case .agentWorkerExited: "agent_worker_exited"
    case .agentTargetFailed: "agent_target_failed"
    case .agentRemoved: "agent_removed"
    case .adminRequest: "admin_request"
    case .supervisorReady: "supervisor_ready"
    case .supervisorDraining: "supervisor_draining"
    case .supervisorStopped: "supervisor_stopped"
    case .supervisorIllegalEvent: "supervisor_illegal_event"
    }
  }

  /// The level of every line with that name; nil where it depends on what the line says.
  var level: LogLevel? {
    switch self {
    case .runStarted, .fetch, .verify, .install, .load, .runtimeReady, .bootProgress,
      .workerStarted, .reloadStarted, .reloadFinished, .agentOutput, .request,
      .supervisorStarted, .desiredState, .supervisorLoaded, .agentDeploy, .agentWorker,
      .agentTraffic, .agentRemoved, .adminRequest, .supervisorReady:
      .info
    case .drain, .stopped, .workerExited, .agentState, .agentWorkerStop, .agentWorkerExited,
      .supervisorDraining, .supervisorStopped:
      nil
    case .budgetExceeded, .fetchRetry, .reloadFailed, .requestAborted, .warning, .logDropped,
      .slowRequest:
      .warning
    case .hardLimitExceeded, .configError, .bootFailed, .illegalEvent, .desiredRefused,
      .agentTargetFailed, .supervisorIllegalEvent:
      .error
    }
  }

  /// Whether it is a line of a supervisor's own.
  var isSupervisors: Bool { rawValue >= Self.supervisorStarted.rawValue }
}
