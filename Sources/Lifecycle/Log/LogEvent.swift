/// Everything that the event log can say. `Transition` is on the lines that moved the machine.
public enum LogEvent: Sendable, Equatable {
  case runStarted(version: String, schema: Int, machine: String, pid: Int, config: JSONValue)
  case fetch(Transition, source: String, url: String)
  case verify(Transition, bytes: Int64, fetchMilliseconds: Int64)
  case install(Transition, InstallFacts)
  case load(Transition, LoadFacts)
  case runtimeReady(Transition, ReadyFacts)
  case drain(Transition, inFlight: Int, deadlineMilliseconds: Int64)
  case stopped(Transition, StoppedFacts)
  case budgetExceeded(bootMilliseconds: Int64, budgetMilliseconds: Int64)
  case hardLimitExceeded(
    bootMilliseconds: Int64, countedMilliseconds: Int64, hardLimitMilliseconds: Int64,
    phases: PhaseTimes)
  case configError(variable: String, error: String)
  case bootFailed(phase: StateName, Explanation)
  case bootProgress(phase: StateName, message: String)
  case fetchRetry(attempt: Int, error: String, delayMilliseconds: Int64)
  case workerStarted(pid: Int, attempt: Int)
  case workerExited(WorkerExit)
  /// A second worker is to take the place of the one that serves.
  case reloadStarted(pid: Int)
  case reloadFinished(ReloadFacts)
  /// The worker that served serves on.
  case reloadFailed(Explanation)
  case requestAborted(AbortedFacts)
  case warning(code: String, message: String)
  case logDropped(count: Int64)
  case illegalEvent(state: StateName, what: String)
  case agentOutput(stream: String, line: String)
  case request(RequestFacts)
  case slowRequest(SlowFacts)
  /// A line of a supervisor's own.
  case supervisor(SupervisorLine)
}

/// From where to where the machine moved, and why.
public struct Transition: Sendable, Equatable {
  /// Nil on the very first one.
  public var from: StateName?
  public var to: StateName
  /// What the line calls the state: the same as `to` in every line of ours.
  public var state: StateName
  public var cause: String
  /// On `load` and `runtime_ready`; 1 is the first boot.
  public var attempt: Int?

  public init(from: StateName?, to: StateName, cause: String, attempt: Int? = nil) {
    self.from = from
    self.to = to
    self.state = to
    self.cause = cause
    self.attempt = attempt
  }
}

/// Which package a run hosts.
public struct PackageIdentity: Sendable, Equatable {
  public var name: String
  public var version: String
  /// 64 hex digits; nil for a folder.
  public var sha256: String?

  public init(name: String, version: String, sha256: String?) {
    self.name = name
    self.version = version
    self.sha256 = sha256
  }
}

/// Milliseconds a phase of the first boot took; those not reached are 0.
public struct PhaseTimes: Sendable, Equatable {
  public var fetch: Int64
  public var verify: Int64
  public var install: Int64
  public var load: Int64

  public init(fetch: Int64, verify: Int64, install: Int64, load: Int64) {
    self.fetch = fetch
    self.verify = verify
    self.install = install
    self.load = load
  }

  public init(_ phases: BootPhases) {
    self.init(
      fetch: phases.fetch.milliseconds, verify: phases.verify.milliseconds,
      install: phases.install.milliseconds, load: phases.load.milliseconds)
  }
}

public struct InstallFacts: Sendable, Equatable {
  public var package: PackageIdentity
  /// The interpreter's version, as `3.11`; nil when no Python will run.
  public var python: String?
  /// The key of the environment in the cache; nil when the package needs none of its own.
  public var environmentKey: String?
  public var environmentCache: Preparation.Environment
  /// `uv`, `pip`, or nil when there is nothing to install.
  public var installer: String?

  public init(
    package: PackageIdentity, python: String?, environmentKey: String?,
    environmentCache: Preparation.Environment, installer: String?
  ) {
    self.package = package
    self.python = python
    self.environmentKey = environmentKey
    self.environmentCache = environmentCache
    self.installer = installer
  }
}

public struct LoadFacts: Sendable, Equatable {
  public var package: PackageIdentity
  public var surfaces: [String]
  /// Paths of the agent's sockets; nil for a surface that has none.
  public var restSocket: String?
  public var a2aSocket: String?

  public init(
    package: PackageIdentity, surfaces: [String], restSocket: String?, a2aSocket: String?
  ) {
    self.package = package
    self.surfaces = surfaces
    self.restSocket = restSocket
    self.a2aSocket = a2aSocket
  }
}

public struct ReadyFacts: Sendable, Equatable {
  public var bootMilliseconds: Int64
  public var phases: PhaseTimes
  public var loadMilliseconds: Int64
  public var surfaces: [String]
  public var restPort: Int
  public var a2aPort: Int?
  public var uiPort: Int?

  public init(
    bootMilliseconds: Int64, phases: PhaseTimes, loadMilliseconds: Int64, surfaces: [String],
    restPort: Int, a2aPort: Int?, uiPort: Int?
  ) {
    self.bootMilliseconds = bootMilliseconds
    self.phases = phases
    self.loadMilliseconds = loadMilliseconds
    self.surfaces = surfaces
    self.restPort = restPort
    self.a2aPort = a2aPort
    self.uiPort = uiPort
  }
}

public struct StoppedFacts: Sendable, Equatable {
  public var exitCode: Int32
  public var outcome: Stopped.Outcome
  /// Requests completed and cut off since the drain began.
  public var completed: Int
  public var aborted: Int
  public var drainMilliseconds: Int64

  public init(
    exitCode: Int32, outcome: Stopped.Outcome, completed: Int, aborted: Int,
    drainMilliseconds: Int64
  ) {
    self.exitCode = exitCode
    self.outcome = outcome
    self.completed = completed
    self.aborted = aborted
    self.drainMilliseconds = drainMilliseconds
  }
}

/// A failure as a person needs it: one sentence, what was seen, what to try.
public struct Explanation: Sendable, Equatable {
  public var error: String
  /// The tool's last lines, a traceback or stacks.
  public var detail: String?
  /// What to try; names its paragraph in the documentation.
  public var hint: String?

  public init(error: String, detail: String? = nil, hint: String? = nil) {
    self.error = error
    self.detail = detail
    self.hint = hint
  }
}

public struct WorkerExit: Sendable, Equatable {
  public var pid: Int
  /// One of the two is set: the exit status, or the signal's name (`SIGKILL`).
  public var status: Int?
  public var signal: String?
  /// Whether the kernel's out-of-memory killer ended it.
  public var outOfMemory: Bool
  /// Whether it ended in a drain or replaced by another, as it was asked to or killed by the program.
  public var asked: Bool
  /// Python stacks or the traceback of its last words.
  public var stack: String?
  /// Ids of the requests that it had in flight, at most 20.
  public var inFlight: [String]
  /// Restarts within the window so far.
  public var restarts: Int
  public var willRestart: Bool
  public var delayMilliseconds: Int64?

  public init(
    pid: Int, status: Int?, signal: String?, outOfMemory: Bool, asked: Bool, stack: String?,
    inFlight: [String], restarts: Int, willRestart: Bool, delayMilliseconds: Int64?
  ) {
    self.pid = pid
    self.status = status
    self.signal = signal
    self.outOfMemory = outOfMemory
    self.asked = asked
    self.stack = stack
    self.inFlight = inFlight
    self.restarts = restarts
    self.willRestart = willRestart
    self.delayMilliseconds = delayMilliseconds
  }
}

/// One worker took the place of another.
public struct ReloadFacts: Sendable, Equatable {
  /// Who serves from now on.
  public var pid: Int
  /// Who served until now.
  public var replaced: Int
  /// From the start of the new process to its readiness.
  public var loadMilliseconds: Int64

  public init(pid: Int, replaced: Int, loadMilliseconds: Int64) {
    self.pid = pid
    self.replaced = replaced
    self.loadMilliseconds = loadMilliseconds
  }
}

public struct AbortedFacts: Sendable, Equatable {
  public var method: String
  /// The path without its query.
  public var route: String
  public var ageMilliseconds: Int64
  public var requestID: String
  /// Nil for a request that belongs to no trace.
  public var traceID: String?
  public var surface: String

  public init(
    method: String, route: String, ageMilliseconds: Int64, requestID: String,
    traceID: String? = nil, surface: String
  ) {
    self.method = method
    self.route = route
    self.ageMilliseconds = ageMilliseconds
    self.requestID = requestID
    self.traceID = traceID
    self.surface = surface
  }
}

public struct RequestFacts: Sendable, Equatable {
  public var method: String
  public var path: String
  /// Of HTTP.
  public var status: Int
  /// What a gRPC call ended with, `OK` for example; nil for other requests.
  public var grpcStatus: String?
  public var durationMicroseconds: Int64
  public var bytes: Int64
  public var requestID: String
  /// Nil for a request that belongs to no trace.
  public var traceID: String?
  public var surface: String
  /// How likely this line was, above 0 and at most 1; nil where each request has one.
  public var sample: Double?

  public init(
    method: String, path: String, status: Int, grpcStatus: String? = nil,
    durationMicroseconds: Int64, bytes: Int64, requestID: String, traceID: String? = nil,
    surface: String, sample: Double? = nil
  ) {
    self.method = method
    self.path = path
    self.status = status
    self.grpcStatus = grpcStatus
    self.durationMicroseconds = durationMicroseconds
    self.bytes = bytes
    self.requestID = requestID
    self.traceID = traceID
    self.surface = surface
    self.sample = sample
  }
}

/// A request that took `SLOW_REQUEST_MS` or longer.
public struct SlowFacts: Sendable, Equatable {
  public var method: String
  /// Without the query.
  public var path: String
  /// Of HTTP; nil when the client left before there was one.
  public var status: Int?
  /// What a gRPC call ended with; nil for other requests.
  public var grpcStatus: String?
  /// Of a stream, until the head of its response.
  public var durationMilliseconds: Int64
  /// Of that, from the request handed to the agent to the head of its response, or to the end.
  public var agentMilliseconds: Int64
  /// Of that, held.
  public var heldMilliseconds: Int64
  public var requestID: String
  /// Nil for a request that belongs to no trace.
  public var traceID: String?
  public var surface: String
  /// Slow requests before this one that have no line.
  public var leftOut: Int

  public init(
    method: String, path: String, status: Int?, grpcStatus: String? = nil,
    durationMilliseconds: Int64, agentMilliseconds: Int64, heldMilliseconds: Int64,
    requestID: String, traceID: String? = nil, surface: String, leftOut: Int
  ) {
    self.method = method
    self.path = path
    self.status = status
    self.grpcStatus = grpcStatus
    self.durationMilliseconds = durationMilliseconds
    self.agentMilliseconds = agentMilliseconds
    self.heldMilliseconds = heldMilliseconds
    self.requestID = requestID
    self.traceID = traceID
    self.surface = surface
    self.leftOut = leftOut
  }
}
