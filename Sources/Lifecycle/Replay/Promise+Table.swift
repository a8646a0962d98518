extension Promise {
  /// What a promise is about.
  public enum Group: String, Sendable, CaseIterable {
    case lines, machine, time, package, workers, requests, explanations, supervisors, views

    /// As a heading.
    public var title: String {
      switch self {
      case .lines: "Lines"
      case .machine: "The machine"
      case .time: "Time"
      case .package: "The package"
      case .workers: "Workers and reloads"
      case .requests: "Requests"
      case .explanations: "Explanations"
      case .supervisors: "Supervisors"
      case .views: "What a supervisor says of a worker"
      }
    }
  }

  public var group: Group {
    switch self {
    case .sequenceWithoutGap, .noLineTwice, .startsWithRunStarted, .nothingAfterStopped, .oneAgent,
      .uptimeRises,
      .logLevel, .valuesInRange:
      .lines
    case .stateIsTo, .tableAllows, .fromIsTheStateBefore, .toIsWhereTheMachineGoes,
      .causeIsWhatMovedIt, .attemptIsTheMachines, .illegalEventNamesTheState, .exitCodeAndOutcome:
      .machine
    case .noTimerFiresEarly, .fetchTimeout, .installTimeout, .loadTimeout, .hardLimit,
      .drainMinimum, .drainDeadline, .phaseTimes, .loadTime, .drainTime, .deadlineIsTold:
      .time
    case .packageStays, .environmentAgrees, .readyNeedsAllSurfaces, .portsStay: .package
    case .workerIsStarted, .processEndsOnce, .everyWorkerEnds, .everyExitIsAnswered, .exitSaysHow,
      .restartIntensity, .restartsAreCounted, .restartDelay, .reloadBeginsAndEnds, .reloadReplaces:
      .workers
    case .abortedNeedsACause, .abortedAreTold, .countsOfRequests, .accessLog: .requests
    case .failureIsExplained, .explanationLeadsToTheEnd, .configurationIsToldWhole,
      .hardLimitIsTold, .budgetIsTold, .progressNamesThePhase, .retriesWhileFetching:
      .explanations
    case .supervisorAllows, .stepIsTold, .desiredIsDeployed, .stateOfAgent, .reasonsAreTold,
      .trafficGoesToReady, .stopsFollow, .workersAreNumbered, .workersEndOnce, .restartsOfWorkers,
      .delayBeforeRestart, .patienceWithWorkers, .settledOnce:
      .supervisors
    case .viewOfState, .viewOfProcess, .viewOfEnd, .workersLineFirst: .views
    }
  }

  /// What is promised, as one sentence.
  public var text: String {
    switch self {
    case .sequenceWithoutGap: "seq counts the lines of a run from 1, without a gap."
    case .noLineTwice: "No line stands twice, but with --allow-duplicates."
    case .startsWithRunStarted:
      "The first line is run_started, or supervisor_started, and no other line is."
    case .nothingAfterStopped: "stopped, or supervisor_stopped, is the last line."
    case .oneAgent: "Every line names the configured agentAppId and deploymentId."
    case .uptimeRises:
      "uptime_ms never goes back; what other threads tell may cross by at most 2 s."
    case .logLevel:
      "No line is below the LOG_LEVEL of the run, but run_started, transitions and log_dropped."
    case .valuesInRange:
      "Numbers are in their range: no negative time, ports up to 65535, a process from 1 on."
    case .stateIsTo: "The state of a transition is the one that it goes to."
    case .tableAllows: "Each transition is one that the machine makes in the state before."
    case .fromIsTheStateBefore: "from is the state before; null on fetch."
    case .toIsWhereTheMachineGoes: "to is where the machine goes."
    case .causeIsWhatMovedIt: "cause is what moved the machine."
    case .attemptIsTheMachines:
      "attempt, on load and runtime_ready alone, counts the starts: 1 is the first boot."
    case .illegalEventNamesTheState: "illegal_event names the state that it came in."
    case .exitCodeAndOutcome:
      "A run that was asked to stop ends with 0, clean or cut as aborted and the cause tell; "
        + "every other with 1, failed."
    case .noTimerFiresEarly: "What a timer causes does not come before it is due."
    case .fetchTimeout: "Fetching is over at most 2 s after FETCH_TIMEOUT_SEC."
    case .installTimeout: "A cold installation is over at most 2 s after INSTALL_TIMEOUT_SEC."
    case .loadTimeout: "A Loading without a hard limit is over at most 2 s after LOAD_TIMEOUT_SEC."
    case .hardLimit:
      "What counts of a first boot is over at most 2 s after the hard limit; a cold installation "
        + "does not count."
    case .drainMinimum: "After a signal new work is served for DRAIN_MIN_SEC before drained."
    case .drainDeadline: "stopped comes within the deadline of the drain."
    case .phaseTimes: "fetch_ms, boot_ms and phases_ms are the times between the transitions."
    case .loadTime: "load_ms begins with the attempt: not before its delay, not after its worker."
    case .drainTime: "drain_ms is the time from drain to stopped."
    case .deadlineIsTold: "deadline_ms is GRACEFUL_SHUTDOWN_TIMEOUT_SEC."
    case .packageStays: "A run has one package."
    case .environmentAgrees:
      "An environment has a key, and what needs no Python has none; a miss, and no other, is installed."
    case .readyNeedsAllSurfaces:
      "runtime_ready has the surfaces of load, and each has the run's own socket where it needs one."
    case .portsStay: "The ports are those of the first runtime_ready."
    case .workerIsStarted:
      "Each attempt starts one process, while loading, and is ready only after it."
    case .processEndsOnce: "worker_exited names a process that was started and has not ended."
    case .everyWorkerEnds: "drained comes when every process has ended."
    case .everyExitIsAnswered:
      "The end of the worker is followed by what it announced: a restart, or the end."
    case .exitSaysHow:
      "A process ends with a status or by a signal; asked to only in a drain or replaced."
    case .restartIntensity:
      "A worker that was Ready is restarted while WORKER_RESTARTS allows, and no more."
    case .restartsAreCounted: "restarts counts those within the window."
    case .restartDelay:
      "A restart waits as announced: 0, 0.5, 1, 2 … at most 10 s, 20 % more or less."
    case .reloadBeginsAndEnds: "A reload begins in ready, one at a time, and each has its end."
    case .reloadReplaces:
      "A reload replaces the worker that serves by the one that was started for it."
    case .abortedNeedsACause: "Requests are cut off in a drain, or with their worker."
    case .abortedAreTold:
      "What a worker had in flight, at most 20, is told request by request; 20 lines a drain or loss."
    case .countsOfRequests:
      "stopped counts no fewer aborted and no more completed requests than have lines; without a "
        + "Ready none."
    case .accessLog: "request and slow_request lines are there as configured."
    case .failureIsExplained: "A drain that nobody asked for is explained before by boot_failed."
    case .explanationLeadsToTheEnd:
      "boot_failed names the phase and is followed at once by the drain that it explains."
    case .configurationIsToldWhole:
      "config_error comes before the boot, is summed up by boot_failed and ends the run."
    case .hardLimitIsTold:
      "The hard limit's line has the machine's times, and its drain that cause."
    case .budgetIsTold:
      "A first boot that ends later than its budget says so, once, right before it ends."
    case .progressNamesThePhase: "boot_progress names the state that the run is in."
    case .retriesWhileFetching: "fetch_retry comes while fetching."
    case .supervisorAllows:
      "Each line of a supervisor tells of an event that can come, or of what its machine made of one."
    case .stepIsTold:
      "What an event leads to is told at once, whole and in order: states, failed targets, traffic, stops."
    case .desiredIsDeployed:
      "desired_state names an agent once, what it removes was there, and supervisor_loaded counts what is."
    case .stateOfAgent:
      "from is the agent's state before, to and cause are the machine's, and so is the worker that moved it."
    case .reasonsAreTold: "A reason is the one that the machine was given."
    case .trafficGoesToReady:
      "Requests go to a worker that became Ready, and leave the one before it first."
    case .stopsFollow:
      "A worker is stopped or killed when the machine does: the old one after the new one is Ready, unless surge is false."
    case .workersAreNumbered:
      "Workers are numbered from 1, and each is one process of the agent and revision that the machine started."
    case .workersEndOnce:
      "agent_worker_exited names a worker that was started and has not ended, and how it ended."
    case .restartsOfWorkers:
      "A worker is started again while the agent's restart allows it, and no more; restarts counts those within the window."
    case .delayBeforeRestart:
      "A restart waits as announced: the first not at all, then less than 0.5, 1, 2 … at most 10 s."
    case .patienceWithWorkers:
      "A worker that is neither Ready nor gone in time is killed then, at most 2 s later."
    case .settledOnce:
      "supervisor_ready comes once, when each agent that was wanted at the start was Ready or has failed."
    case .viewOfState:
      "A worker whose state a supervisor tells says so itself, in the line that is named."
    case .viewOfProcess: "The process of agent_worker is that of the worker's run_started."
    case .viewOfEnd:
      "agent_worker_exited says what the worker's last lines say: as asked, given up and why, or no end at all."
    case .workersLineFirst: "A worker's line stands before its supervisor's line about it."
    }
  }

  /// All promises as a page for a terminal, grouped.
  public static var tableText: String {
    let width = allCases.map(\.rawValue.utf8.count).max() ?? 0
    var text = ""
    for group in Group.allCases {
      text += (text.isEmpty ? "" : "\n") + group.title + "\n"
      for promise in allCases where promise.group == group {
        let name = promise.rawValue
        let gap = String(repeating: " ", count: width - name.utf8.count + 2)
        text += "  \(name)\(gap)\(promise.text)\n"
      }
    }
    return text
  }
}
