/// What the supervisor itself does. starting → serving → draining → stopped; starting can go to
/// draining too, and stopped is final.
public enum SupervisionPhase: Sendable, Equatable {
  /// Not every agent that is wanted at start was Ready or has failed.
  case starting(SupervisorStarting)
  case serving
  case draining(SupervisorDraining)
  case stopped

  /// The names of the phases in the log.
  public enum Name: String, Sendable, CaseIterable { case starting, serving, draining, stopped }

  public var name: Name {
    switch self {
    case .starting: .starting
    case .serving: .serving
    case .draining: .draining
    case .stopped: .stopped
    }
  }
}

public struct SupervisorStarting: Sendable, Equatable {
  /// Whether the desired state at start is complete.
  public internal(set) var isLoaded = false
  /// The agents of it that were not yet Ready and have not failed, in the order in which they came.
  public internal(set) var awaited: [String] = []
}

public struct SupervisorDraining: Sendable, Equatable {
  public enum Stage: Sendable, Equatable {
    /// Every worker was asked to stop.
    case waiting
    /// Every worker was killed; what is not gone then is left to the end of its lifeline.
    case killing(until: Instant)
  }

  public let cause: DrainCause
  public let startedAt: Instant
  public internal(set) var stage: Stage

  /// 0 when the supervisor was asked to stop, else 1.
  public var exitCode: Int32 { cause.isAsked ? 0 : 1 }

  func deadline(_ policy: SupervisionPolicy) -> Instant {
    switch stage {
    case .waiting: startedAt + (policy.drainDeadline - policy.killMargin)
    case .killing(let until): until
    }
  }
}
