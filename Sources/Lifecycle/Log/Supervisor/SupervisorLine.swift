/// What a supervisor's own lines say. They carry a `run_id` and a `seq` of the supervisor's own and no
/// `agentAppId`; the lines of its workers stand between them, as the workers wrote them.
///
/// Each event that changes the supervisor's machine is on a line, so that it can be replayed:
///
/// | event | line |
/// | --- | --- |
/// | `desired` | `agent_deploy`, all of it |
/// | `removed` | each id of `desired_state`'s `removed` |
/// | `loaded` | `supervisor_loaded` |
/// | `worker(… started)` | `agent_worker` (changes nothing) |
/// | `worker(… listening)` | none (changes nothing) |
/// | `worker(… ready)` | `agent_state` with cause `worker_ready`, or, where the name of the state stays, the `agent_traffic` to it |
/// | `worker(… restarting)` | `agent_state` with cause `worker_restarting` |
/// | `worker(… draining)` | `agent_state` with cause `worker_draining`, or, where the name stays, `agent_traffic` to none |
/// | `worker(… contradicted)` | `agent_worker_stop` with cause `contradicted`, and its `reason` |
/// | `worker(… ended)` | `agent_worker_exited`: `end` and `reason`; `delay_ms` of its ceiling is the chance |
/// | `due(restart)` | `agent_worker` of a worker that nothing else started |
/// | `due(boot)`, `due(drain)` | `agent_worker_stop` with cause `boot_timed_out`, `drain_timed_out` |
/// | `due(deadline)` | `agent_worker_stop` with cause `deadline`; the second time `supervisor_stopped` |
/// | `terminationRequested`, `failed` | `supervisor_draining`; a second signal is `agent_worker_stop` with cause `second_signal` |
///
/// A driver writes, for each event: the line that tells of it, then those of the step, in the order of
/// `SupervisionStep.lines`, then it carries the effects out; `agent_worker` follows when the process is
/// there.
public enum SupervisorLine: Sendable, Equatable {
  /// The first line.
  case started(version: String, schema: Int, machine: String, pid: Int, config: JSONValue)
  /// What is wanted has changed.
  case desiredState(DesiredStateFacts)
  /// What was to be wanted was refused, whole: each error a sentence with its place.
  case desiredRefused(source: DesiredSource, errors: [String])
  /// The desired state at start is complete, with that many agents.
  case loaded(agents: Int)
  /// A version of an agent is wanted. `deploymentID`: `deployment_id` of its specification.
  case agentDeploy(Deployment, deploymentID: String?)
  /// A worker process was started.
  case agentWorker(AgentWorkerFacts)
  /// An agent came into another state.
  case agentState(AgentStateFacts)
  /// Requests of an agent go to another worker, or to none; the numbers of the workers.
  case agentTraffic(agent: String, from: Int?, to: Int?)
  /// A worker was asked to stop, or is killed.
  case agentWorkerStop(AgentWorkerStopFacts)
  /// A worker process is gone, or could not be started.
  case agentWorkerExited(AgentWorkerExitFacts)
  /// A version came to nothing while another one serves on, or is brought back.
  case agentTargetFailed(agent: String, revision: String, reason: String)
  /// Nothing of an agent is left.
  case agentRemoved(agent: String)
  /// Somebody asked for a change over HTTP.
  case adminRequest(AdminRequestFacts)
  /// Every agent that was wanted at start was Ready or has failed.
  case ready(ready: Int, failed: Int, settleMilliseconds: Int64)
  /// The supervisor's own drain began: a signal's name, `configuration` or `failure`.
  case draining(cause: String, inFlight: Int, deadlineMilliseconds: Int64)
  /// The last line.
  case stopped(StoppedFacts)
  /// The machine refused an event. Should never be seen.
  case illegalEvent(phase: SupervisionPhase.Name, what: String)
}

/// Where desired state comes from.
public enum DesiredSource: String, Sendable, CaseIterable { case config, state, api }

public struct DesiredStateFacts: Sendable, Equatable {
  public var source: DesiredSource
  /// The revision or ETag of the document; nil when it has none.
  public var revision: String?
  /// Ids of agents. Each of `added` and `changed` has its `agent_deploy` afterwards, each of `removed`
  /// leaves with this line.
  public var added: [String]
  public var changed: [String]
  public var removed: [String]

  public init(
    source: DesiredSource, revision: String?, added: [String], changed: [String],
    removed: [String]
  ) {
    self.source = source
    self.revision = revision
    self.added = added
    self.changed = changed
    self.removed = removed
  }
}

public struct AgentWorkerFacts: Sendable, Equatable {
  public var agent: String
  /// Its number in the supervisor's life, from 1.
  public var worker: Int
  public var revision: String
  public var pid: Int
  /// Nil when it is reached over a Unix socket.
  public var port: Int?
  /// The `run_id` of its own lines; nil while it is not known.
  public var workerRun: String?

  public init(
    agent: String, worker: Int, revision: String, pid: Int, port: Int?, workerRun: String?
  ) {
    self.agent = agent
    self.worker = worker
    self.revision = revision
    self.pid = pid
    self.port = port
    self.workerRun = workerRun
  }
}

/// A line of a worker's own log, as the supervisor's line about it names it.
public struct WorkerMark: Sendable, Equatable {
  /// Its `run_id`; nil when it has not said it.
  public var run: String?
  /// The `seq` of the latest line that the supervisor had read; nil before the first.
  public var sequence: Int64?

  public init(run: String?, sequence: Int64?) {
    self.run = run
    self.sequence = sequence
  }
}

public struct AgentStateFacts: Sendable, Equatable {
  public var agent: String
  /// Nil for an agent that was not there.
  public var from: AgentStateName?
  public var to: AgentStateName
  public var cause: AgentCause
  /// A sentence; nil where there is nothing to explain.
  public var reason: String?
  /// The worker whose news moved it; nil when it was no worker.
  public var worker: Int?
  /// Its line that tells of it.
  public var mark: WorkerMark

  public init(
    agent: String, from: AgentStateName?, to: AgentStateName, cause: AgentCause, reason: String?,
    worker: Int?, mark: WorkerMark
  ) {
    self.agent = agent
    self.from = from
    self.to = to
    self.cause = cause
    self.reason = reason
    self.worker = worker
    self.mark = mark
  }
}

public struct AgentWorkerStopFacts: Sendable, Equatable {
  public var agent: String
  public var worker: Int
  public var workerRun: String?
  /// Killed, not asked.
  public var isForced: Bool
  public var cause: WorkerStop.Cause
  /// A sentence, with cause `contradicted`.
  public var reason: String?

  public init(
    agent: String, worker: Int, workerRun: String?, isForced: Bool, cause: WorkerStop.Cause,
    reason: String?
  ) {
    self.agent = agent
    self.worker = worker
    self.workerRun = workerRun
    self.isForced = isForced
    self.cause = cause
    self.reason = reason
  }
}

public struct AgentWorkerExitFacts: Sendable, Equatable {
  public var agent: String
  public var worker: Int
  /// Its last line that was read.
  public var mark: WorkerMark
  /// The kind of its end, `reason` a sentence unless it was asked to.
  public var end: WorkerEnd
  /// The exit status or the signal's name (`SIGKILL`); both nil when there was no process.
  public var status: Int?
  public var signal: String?
  /// Whether the kernel's out-of-memory killer ended it.
  public var outOfMemory: Bool
  /// Restarts of its version within the window, the one to come included.
  public var restarts: Int
  /// Nil when it is not started again.
  public var delayMilliseconds: Int64?

  public init(
    agent: String, worker: Int, mark: WorkerMark, end: WorkerEnd, status: Int?, signal: String?,
    outOfMemory: Bool, restarts: Int, delayMilliseconds: Int64?
  ) {
    self.agent = agent
    self.worker = worker
    self.mark = mark
    self.end = end
    self.status = status
    self.signal = signal
    self.outOfMemory = outOfMemory
    self.restarts = restarts
    self.delayMilliseconds = delayMilliseconds
  }
}

public struct AdminRequestFacts: Sendable, Equatable {
  public var method: String
  /// Without its query.
  public var path: String
  public var status: Int
  /// Nil when the request names none.
  public var agent: String?
  /// The address that it came from.
  public var peer: String

  public init(method: String, path: String, status: Int, agent: String?, peer: String) {
    self.method = method
    self.path = path
    self.status = status
    self.agent = agent
    self.peer = peer
  }
}
