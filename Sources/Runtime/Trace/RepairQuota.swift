internal import Lifecycle

/// How many repairs may still be sought, for a log in which everything is wrong must be checked at a speed
/// too, and in little memory.
struct RepairQuota {
  let limits: RepairLimits
  private var sought = 0
  private var held = 0
  private var steps = 0

  init(_ limits: RepairLimits = RepairLimits()) { self.limits = limits }

  /// Why no repair is sought for a run with so many lines before its trouble; nil: one is.
  mutating func refusal(_ linesBefore: Int) -> String? {
    guard sought < limits.runs, steps < limits.stepsOfAll else {
      return "no repair was sought: it was for \(sought) runs before"
    }
    guard held + linesBefore + limits.linesAfter <= limits.heldLines else {
      return "no repair was sought: too many runs with a trouble were open at once"
    }
    sought += 1
    held += linesBefore + limits.linesAfter
    return nil
  }

  /// The search for a run is over.
  mutating func release(_ linesBefore: Int, steps: Int) {
    held -= linesBefore + limits.linesAfter
    self.steps += steps
  }
}
