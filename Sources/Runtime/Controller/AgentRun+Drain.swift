import ControlPlane
import Lifecycle

/// What the agent and its streams are told of a drain.
extension AgentRun {
  func announceDrain() {
    worker?.command("drain")
    guard case .draining(let draining) = machine.state, draining.hasStreams else { return }
    let policy = machine.policy
    let due = draining.startedAt + (policy.streamDrain - policy.streamWarning)
    _ = loop.schedule(at: due) { [unowned self] in worker?.command("end_streams") }
  }
}
