/// What every log of ours keeps. A verdict cites the promise by its name.
public enum Promise: String, Sendable, CaseIterable {
  case machine

  /// What is promised, as one sentence.
  public var text: String {
    switch self {
    case .machine: "What the line says is what the machine does."
    }
  }
}
