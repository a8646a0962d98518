package import Lifecycle

/// One worker process, as it is at one moment: what its own log told, and what the kernel tells.
package struct WorkerView: Sendable, Equatable {
  /// What the agent's worker is to the agent.
  package enum Role: String, Sendable { case active, target, retiring }

  /// Of all workers of the supervisor's life, from 1.
  package var number: Int
  package var agent: String
  package var role: Role
  package var revision: String
  /// The `run_id` of its log; nil before its first line.
  package var runID: String?
  package var pid: Int32
  /// On the loopback address; nil on a Unix socket.
  package var port: UInt16?
  /// The `a2a_port` that its log told; nil: none, or not told yet.
  package var a2aPort: UInt16?
  /// The state that its log tells of; nil before its first line.
  package var state: StateName?
  package var startedAt: Int64
  /// From the start of its process to its first Ready, once it was Ready.
  package var bootMilliseconds: Int64?
  /// By phase: as far as the boot came, the running phase up to now.
  package var phases: PhaseTimes
  /// Restarts of the agent's process within this worker.
  package var attempts: Int
  /// Of the worker and everything below it; nil when it cannot be read.
  package var rssBytes: Int64?
  package var cpuSeconds: Double?
  /// The most that it may have; nil: no limit of its own.
  package var memoryLimit: Int64?

  package init(
    number: Int, agent: String, role: Role, revision: String, runID: String?, pid: Int32,
    port: UInt16?, state: StateName?, startedAt: Int64, bootMilliseconds: Int64?,
    phases: PhaseTimes, attempts: Int, rssBytes: Int64? = nil, cpuSeconds: Double? = nil,
    memoryLimit: Int64? = nil
  ) {
    self.number = number
    self.agent = agent
    self.role = role
    self.revision = revision
    self.runID = runID
    self.pid = pid
    self.port = port
    self.state = state
    self.startedAt = startedAt
    self.bootMilliseconds = bootMilliseconds
    self.phases = phases
    self.attempts = attempts
    self.rssBytes = rssBytes
    self.cpuSeconds = cpuSeconds
    self.memoryLimit = memoryLimit
  }
}
