/// What came of an event.
public struct Step: Sendable, Equatable {
  public enum Verdict: String, Sendable {
    /// A transition: it is logged before its effects are carried out.
    case moved
    /// The event belongs here and changes no more than the inside of the state.
    case stayed
    /// Ignored on purpose: a late completion, a timer of a state already left, a repeated signal.
    case ignored
    /// Cannot happen here: logged, and nothing changes.
    case illegal
  }

  public let verdict: Verdict
  public let from: StateName
  public let to: StateName
  /// What moved the machine, in the log's words; empty unless moved.
  public let cause: String
  public let effects: [Effect]
}

/// What a state makes of an event: the state that follows and the effects, or a no.
enum Reaction {
  case move(State, cause: String, [Effect])
  case stay(State, [Effect])
  case ignore
  case refuse
}
