/// Which agents are desired: a value that changes by rules alone. Reading, writing and deploying are
/// others' work.
package struct DesiredState: Sendable, Equatable {
  /// By id.
  package internal(set) var agents: [String: DesiredAgent] = [:]
  /// Which config the agents with that source are from; nil: none was ever read.
  package internal(set) var config: ReadConfig?
  /// User ids of agents, where each has one: Isolation's to give and to take back.
  package internal(set) var users: [String: UInt32] = [:]

  /// A config that was read and accepted.
  package struct ReadConfig: Sendable, Equatable {
    /// The hash of its address: another address is another config.
    package let source: String
    /// Of the document: 12 hexadecimal digits of its SHA-256.
    package let revision: String
  }

  package init() {}

  /// What a config changes.
  package struct Changes: Sendable, Equatable {
    /// Ids, in the order of the document; removed ones in alphabetical order.
    package var added: [String] = []
    package var changed: [String] = []
    package var removed: [String] = []

    package var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }
  }

  /// The config alone decides on the agents that it lists, and on those that it used to list.
  mutating func apply(_ specs: [AgentSpec], of config: ReadConfig) -> Changes {
    var changes = Changes()
    for spec in specs {
      let id = spec.agentAppID
      guard var agent = agents[id] else {
        agents[id] = DesiredAgent(spec, source: .config)
        changes.added.append(id)
        continue
      }
      if agent.held == spec.revision || agent.spec.revision == spec.revision {
        if agent.spec.revision == spec.revision { agent.held = nil }
        agent.source = .config
        agents[id] = agent
      } else {
        agents[id] = agent.changed(to: spec, source: .config)
        changes.changed.append(id)
      }
    }
    let listed = Set(specs.map(\.agentAppID))
    changes.removed = removeConfigured { !listed.contains($0) }
    self.config = config
    return changes
  }

  /// There is no config any more, or it is another one: what it alone decided on is not desired.
  mutating func forgetConfig() -> Changes {
    config = nil
    return Changes(removed: removeConfigured { _ in true })
  }

  private mutating func removeConfigured(_ isGone: (String) -> Bool) -> [String] {
    let gone = agents.filter { $0.value.source == .config && isGone($0.key) }.keys.sorted()
    for id in gone { agents[id] = nil }
    return gone
  }

  /// What the admin API asks for.
  mutating func put(_ spec: AgentSpec) {
    agents[spec.agentAppID] =
      agents[spec.agentAppID]?.changed(to: spec, source: .api) ?? DesiredAgent(spec, source: .api)
  }

  mutating func remove(_ id: String) { agents[id] = nil }

  /// Back to the version that served before; nil when there is none.
  mutating func rollBack(_ id: String) -> AgentSpec? {
    guard let agent = agents[id], let previous = agent.previous else { return nil }
    var back = agent.changed(to: previous, source: agent.source)
    if agent.source == .config {
      let entry = agent.held ?? agent.spec.revision
      back.held = entry == previous.revision ? nil : entry
    }
    agents[id] = back
    return previous
  }

  /// A version has served. False: that was known, or it is not the one that is desired.
  mutating func prove(_ id: String, revision: String) -> Bool {
    guard var agent = agents[id], agent.spec.revision == revision, !agent.isProven else {
      return false
    }
    agent.isProven = true
    agents[id] = agent
    return true
  }
}
