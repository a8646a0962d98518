/// What becomes of a request for the agent.
enum Admission {
  case proxied
  /// It waits: an agent is being started.
  case held
  /// The package has no code that serves requests.
  case absent
  case notReady
  case stopping

  init(_ snapshot: Snapshot, holds: Bool) {
    self =
      switch snapshot.gate {
      case .ready, .lameDuck: snapshot.worker?.rest == nil ? .absent : .proxied
      case .restarting: holds ? .held : .notReady
      case .booting: holds && snapshot.holdsBoot ? .held : .notReady
      case .closing: .stopping
      }
  }
}
