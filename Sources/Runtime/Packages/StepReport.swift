public import Lifecycle

/// What a step tells while it runs.
public struct StepReport {
  public var progress: (String) -> Void
  public var retry: (StepRetry) -> Void

  public init(
    progress: @escaping (String) -> Void = { _ in }, retry: @escaping (StepRetry) -> Void = { _ in }
  ) {
    self.progress = progress
    self.retry = retry
  }
}

/// An attempt that failed and is repeated.
public struct StepRetry: Sendable, Equatable {
  /// The number of the attempt that failed, from 1.
  public var attempt: Int
  /// Why it failed, in one sentence.
  public var error: String
  /// Until the next attempt.
  public var delayMilliseconds: Int64

  public init(attempt: Int, error: String, delayMilliseconds: Int64) {
    self.attempt = attempt
    self.error = error
    self.delayMilliseconds = delayMilliseconds
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "retry")
    attempt = Int(clamping: try fields.whole("attempt"))
    error = try fields.text("error")
    delayMilliseconds = try fields.whole("delay_ms")
  }

  public var json: JSONValue {
    .members([
      "attempt": .integer(Int64(attempt)), "error": .string(error),
      "delay_ms": .integer(delayMilliseconds),
    ])
  }
}
