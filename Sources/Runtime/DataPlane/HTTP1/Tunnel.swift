/// What is known of a connection that became a WebSocket's. An object of its own, so that the many
/// connections that never do carry nothing of it.
final class Tunnel {
  /// What the agent has said so far.
  var agentFrames = WebSocketFrames()
  /// The client has ended its side, and its last byte was read.
  var clientEnded = false
  /// … and the agent was told.
  var clientEndPassed = false
  /// The agent has ended its side, and its last byte was read.
  var agentEnded = false
  /// … and the client was told.
  var agentEndPassed = false
  /// The agent ended without a close frame, before the client did: what it had to say is cut off.
  var isBroken = false
  /// The agent takes nothing more; what the client sends is thrown away.
  var isAgentDeaf = false
  /// When the client last took something of what waits for it.
  var taken: Int64

  init(taken: Int64) { self.taken = taken }

  var isHalfClosed: Bool { agentEndPassed || clientEndPassed }
}
