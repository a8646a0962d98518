/// The states of an agent as outsiders know them. (Stands here until the machine's module has it.)
package enum AgentStateName: String, Sendable, CaseIterable {
  case booting, ready, restarting, draining, failed, stopped
}
