internal import Lifecycle

/// How many repairs may still be sought, for a log in which everything is wrong must be checked at a speed
/// too, and in little memory.
struct RepairQuota {
  private let limits: RepairLimits
  private var sought = 0
  private var held = 0

  init(_ limits: RepairLimits = RepairLimits()) { self.limits = limits }

  /// Why no repair is sought for a run with so many lines before its trouble; nil: one is.
  mutating func refusal(_ linesBefore: Int) -> String? {
    guard sought < limits.runs else {
      return "no repair was sought: \(limits.runs) runs before have a violation, too"
    }
    guard held + linesBefore + limits.linesAfter <= limits.heldLines else {
      return "no repair was sought: too many runs with a violation were open at once"
    }
    sought += 1
    held += linesBefore + limits.linesAfter
    return nil
  }

  /// The run's report is made.
  mutating func release(_ linesBefore: Int) { held -= linesBefore + limits.linesAfter }
}
