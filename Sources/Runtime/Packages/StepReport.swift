import Lifecycle

/// What a step tells while it runs.
public struct StepReport {
  public var progress: (String) -> Void
  public var warning: (StepWarning) -> Void

  public init(
    progress: @escaping (String) -> Void = { _ in },
    warning: @escaping (StepWarning) -> Void = { _ in }
  ) {
    self.progress = progress
    self.warning = warning
  }
}
