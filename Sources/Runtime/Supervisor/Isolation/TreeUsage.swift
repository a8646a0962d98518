/// What a worker and everything below it uses.
package struct TreeUsage: Sendable, Equatable {
  /// Resident memory, in bytes.
  package var residentBytes: Int64 = 0
  /// Of all its processes, those that have ended included.
  package var cpuSeconds: Double = 0
  package var processes = 0

  package init() {}
}
