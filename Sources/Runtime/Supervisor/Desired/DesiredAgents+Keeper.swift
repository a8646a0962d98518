import Lifecycle
package import LinuxSystem
import RunConfiguration

extension DesiredAgents: DesiredKeeper {
  package func start(_ fleet: any Fleet) {
    if open(fleet) { load() }
  }

  package func reload() { watch?.read() }

  package func versionServes(agent: String, revision: String, replaced: String?) {
    prove(agent, revision: revision)
    follow(agent, after: revision)
  }

  package func targetFailed(agent: String, revision: String, reason: String) {
    follow(agent, after: revision)
  }

  package var view: DesiredView {
    DesiredView(
      config: configuration.config?.redacted, revision: configRevision ?? state.config?.revision,
      readAt: configReadAt, problem: failure ?? refusal, hasToken: configuration.token != nil)
  }

  package func previous(of agent: String) -> AgentView.Version? {
    state.agents[agent]?.previous?.version
  }

  package func isFromConfig(_ agent: String) -> Bool {
    state.agents[agent]?.source == .config
  }

  package func childEnded(_ pid: Int32, _ status: ExitStatus) -> Bool {
    watch?.childEnded(pid, status) ?? false
  }

  package var children: Set<Int32> { Set([watch?.child].compactMap(\.self)) }

  package func stop() {
    isStopped = true
    watch?.stop()
    writeNotes()
  }
}
