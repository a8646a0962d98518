import DataPlane
import Lifecycle

/// What the driver keeps of an agent beside the machine.
struct AgentRecord {
  /// Where its requests are let through, for as long as the agent is there.
  let backend: Backend
  /// The worker that they go to.
  var routed: FleetWorker?
  /// When its state came to have the name that it has, in milliseconds since 1970.
  var since: Int64
  /// The revision that served last.
  var served: String?
  /// The last reason that was given, while it is not ready.
  var reason: AgentReason?
  /// Why its last target failed.
  var targetReason: AgentReason?
  /// Ends of its workers that nobody asked for, the newest last.
  var restarts: [AgentView.Restart] = []

  mutating func note(_ restart: AgentView.Restart) {
    restarts.append(restart)
    if restarts.count > AgentView.restartsKept { restarts.removeFirst() }
  }
}
