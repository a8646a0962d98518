/// What a step tells while it runs.
public struct StepReport {
  public var progress: (String) -> Void

  public init(progress: @escaping (String) -> Void = { _ in }) { self.progress = progress }
}
