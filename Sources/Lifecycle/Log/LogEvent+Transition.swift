extension LogEvent {
  /// Changes the transition of a line that has one.
  mutating func changeTransition(_ change: (inout Transition) -> Void) {
    guard var transition else { return }
    change(&transition)
    switch self {
    case .fetch(_, let source, let url): self = .fetch(transition, source: source, url: url)
    case .verify(_, let bytes, let time):
      self = .verify(transition, bytes: bytes, fetchMilliseconds: time)
    case .install(_, let facts): self = .install(transition, facts)
    case .load(_, let facts): self = .load(transition, facts)
    case .runtimeReady(_, let facts): self = .runtimeReady(transition, facts)
    case .drain(_, let count, let deadline):
      self = .drain(transition, inFlight: count, deadlineMilliseconds: deadline)
    case .stopped(_, let facts): self = .stopped(transition, facts)
    default: break
    }
  }
}
