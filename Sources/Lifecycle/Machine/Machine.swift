/// The lifecycle of one hosted agent, as a value. It decides; a driver carries the effects out.
///
/// `handle` is total: each of the seven states has an answer to each event. It never fails, and an
/// event that changes nothing allocates nothing.
public struct Machine: Sendable, Equatable {
  public let policy: Policy
  public private(set) var state: State

  /// A machine in fetching whose boot has not begun.
  public init(policy: Policy) {
    self.policy = policy
    state = .fetching(Fetching())
  }

  /// Decides what an event means now. `now` must not go back.
  public mutating func handle(_ event: Event, at now: Instant) -> Step {
    let before = state.name
    let reaction =
      switch state {
      case .fetching(let fetching): fetching.on(event, at: now, policy)
      case .verifying(let verifying): verifying.on(event, at: now, policy)
      case .installing(let installing): installing.on(event, at: now, policy)
      case .loading(let loading): loading.on(event, at: now, policy)
      case .ready(let ready): ready.on(event, at: now, policy)
      case .draining(let draining): draining.on(event, at: now, policy)
      case .stopped(let stopped): stopped.on(event)
      }
    let (next, step) = Self.resolve(reaction, before: before, unchanged: state)
    state = next
    return step
  }

  private static func resolve(
    _ reaction: Reaction, before: StateName, unchanged: State
  ) -> (State, Step) {
    func step(
      _ verdict: Step.Verdict, to: StateName, cause: String = "", _ effects: [Effect] = []
    ) -> Step {
      Step(verdict: verdict, from: before, to: to, cause: cause, effects: effects)
    }
    return switch reaction {
    case .move(let next, let cause, let effects):
      (next, step(.moved, to: next.name, cause: cause, effects))
    case .stay(let next, let effects): (next, step(.stayed, to: before, effects))
    case .ignore: (unchanged, step(.ignored, to: before))
    case .refuse: (unchanged, step(.illegal, to: before))
    }
  }
}
