/// What every log of ours keeps. A verdict cites the promise by its name; `trace --promises` prints them
/// all.
public enum Promise: String, Sendable, CaseIterable {
  // Lines
  case sequenceWithoutGap = "seq-without-gap"
  case noLineTwice = "no-line-twice"
  case startsWithRunStarted = "starts-with-run-started"
  case nothingAfterStopped = "nothing-after-stopped"
  case oneAgent = "one-agent"
  case uptimeRises = "uptime-rises"
  case logLevel = "log-level"
  case valuesInRange = "values-in-range"
  // The machine
  case stateIsTo = "state-is-to"
  case tableAllows = "table-allows"
  case fromIsTheStateBefore = "from-is-the-state-before"
  case toIsWhereTheMachineGoes = "to-is-where-the-machine-goes"
  case causeIsWhatMovedIt = "cause-is-what-moved-it"
  case attemptIsTheMachines = "attempt-is-the-machines"
  case illegalEventNamesTheState = "illegal-event-names-the-state"
  case exitCodeAndOutcome = "exit-code-and-outcome"
  // Time
  case noTimerFiresEarly = "no-timer-fires-early"
  case fetchTimeout = "fetch-timeout"
  case installTimeout = "install-timeout"
  case loadTimeout = "load-timeout"
  case hardLimit = "hard-limit"
  case drainMinimum = "drain-minimum"
  case drainDeadline = "drain-deadline"
  case phaseTimes = "phase-times"
  case loadTime = "load-time"
  case drainTime = "drain-time"
  case deadlineIsTold = "deadline-is-told"
  // The package
  case packageStays = "package-stays"
  case environmentAgrees = "environment-agrees"
  case readyNeedsAllSurfaces = "ready-needs-all-surfaces"
  case portsStay = "ports-stay"
  // Workers
  case workerIsStarted = "worker-is-started"
  case processEndsOnce = "process-ends-once"
  case everyWorkerEnds = "every-worker-ends"
  case everyExitIsAnswered = "every-exit-is-answered"
  case exitSaysHow = "exit-says-how"
  case restartIntensity = "restart-intensity"
  case restartsAreCounted = "restarts-are-counted"
  case restartDelay = "restart-delay"
  case reloadBeginsAndEnds = "reload-begins-and-ends"
  case reloadReplaces = "reload-replaces"
  // Requests
  case abortedNeedsACause = "aborted-needs-a-cause"
  case abortedAreTold = "aborted-are-told"
  case countsOfRequests = "counts-of-requests"
  case accessLog = "access-log"
  // Explanations
  case failureIsExplained = "failure-is-explained"
  case explanationLeadsToTheEnd = "explanation-leads-to-the-end"
  case configurationIsToldWhole = "configuration-is-told-whole"
  case hardLimitIsTold = "hard-limit-is-told"
  case budgetIsTold = "budget-is-told"
  case progressNamesThePhase = "progress-names-the-phase"
  case retriesWhileFetching = "retries-while-fetching"

  // Supervisors
  case supervisorAllows = "supervisor-allows"
  case stepIsTold = "step-is-told"
  case desiredIsDeployed = "desired-is-deployed"
  case stateOfAgent = "state-of-agent"
  case reasonsAreTold = "reasons-are-told"
  case trafficGoesToReady = "traffic-goes-to-ready"
  case stopsFollow = "stops-follow"
  case workersAreNumbered = "workers-are-numbered"
  case workersEndOnce = "workers-end-once"
  case restartsOfWorkers = "restarts-of-workers"
  case delayBeforeRestart = "delay-before-restart"
  case patienceWithWorkers = "patience-with-workers"
  case settledOnce = "settled-once"
  // What a supervisor says of a worker
  case viewOfState = "view-of-state"
  case viewOfProcess = "view-of-process"
  case viewOfEnd = "view-of-end"
  case workersLineFirst = "workers-line-first"

  /// So late may be what waits for a processor: a due timer, or a line between its reading of the clock
  /// and its place in the log. Stacks that are asked for first, and the end of a process that is waited
  /// for, lie within it. Milliseconds.
  static let patience: Int64 = 2000
}
