/// The end. Can go nowhere.
public struct Stopped: Sendable, Equatable {
  public enum Ending: String, Sendable, CaseIterable {
    case drained
    case deadline
    case secondSignal = "second_signal"
  }

  public enum Outcome: String, Sendable, CaseIterable {
    /// Stopped as asked; no request was cut off.
    case clean
    /// Stopped as asked, and the deadline, a second signal or a lost worker cut requests off.
    case cut
    case failed
  }

  public var cause: DrainCause
  public var ending: Ending
  /// From the beginning of the drain.
  public var drain: Interval

  /// 0 when the program was asked to stop, whatever was cut off; else 1.
  public var exitCode: Int32 { cause.isAsked ? 0 : 1 }

  /// `aborted` is the number of requests cut off since the drain began.
  public func outcome(aborted: Int) -> Outcome {
    if !cause.isAsked { return .failed }
    return aborted > 0 || ending == .deadline ? .cut : .clean
  }

  func on(_ event: Event) -> Reaction {
    switch event {
    case .packageFetched, .packageVerified, .environmentInstalled, .workerReady, .workerLost,
      .failed, .terminationRequested, .nothingInFlight, .timerFired:
      .ignore
    case .started:
      .refuse
    }
  }
}
