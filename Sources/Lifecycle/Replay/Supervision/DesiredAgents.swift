/// What `desired_state` says, until the lines that have to follow it are there.
struct DesiredAgents: Sendable {
  /// Ids without their `agent_deploy`, in their order.
  private var awaited: [String] = []

  mutating func take(_ facts: DesiredStateFacts, _ machine: Supervision) throws(Breach) {
    try checkDeployed()
    for agent in facts.changed + facts.removed where machine.agent(agent) == nil {
      throw Breach(.desiredIsDeployed, "no agent \(agent) was wanted before")
    }
    var named: Set<String> = []
    for agent in facts.added + facts.changed + facts.removed {
      guard named.insert(agent).inserted else {
        throw Breach(.desiredIsDeployed, "it names \(agent) twice")
      }
    }
    awaited = facts.added + facts.changed
  }

  mutating func deployed(_ agent: String) { awaited.removeAll { $0 == agent } }

  /// Nothing else changes what is wanted before all of it is deployed.
  func checkDeployed() throws(Breach) {
    guard let agent = awaited.first else { return }
    throw Breach(
      .desiredIsDeployed, "\(agent) is wanted, and not deployed yet",
      allowed: ["agent_deploy \(agent)"])
  }
}
