package import Lifecycle

/// Every bound of what may be desired.
package struct DesiredLimits: Sendable, Equatable {
  /// Bytes of a document, and of the body of an admin request.
  package var documentBytes = 1 << 20
  /// Agents of a document, and of the supervisor altogether.
  package var agents = 500
  /// Variables of one agent's `environment`.
  package var variables = 512
  /// Bytes of a variable's name, and of its value: the kernel takes 128 KiB for both (execve(2)).
  package var variableNameBytes = 256
  package var variableBytes = 64 << 10
  /// Problems of one document that are told; of more their number.
  package var problems = 100
  /// Mebibytes of `memory_mb`: less does not hold a Python interpreter.
  package var memoryMegabytes = 32...1 << 20
  /// What `cpu_shares` may be, as for containers: 1024 is an ordinary part.
  package var cpuShares = 2...262_144
  /// `restart.max`; 0: never.
  package var restarts = 0...1_000_000
  /// `restart.window_sec`: above 0, at most this.
  package var restartWindow = Interval.seconds(1_000_000_000)

  package init() {}
}
