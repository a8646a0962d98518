import Lifecycle
import LinuxSystem
import RunConfiguration

extension DesiredAgents {
  /// Whether the state has what the config said the last time, for as long as nobody knows better.
  private var hasFormerConfig: Bool { watch.map { state.config?.source == $0.name } ?? false }

  /// Begins with what is known, and reads the config.
  func load() {
    guard let watch else {
      // An operator who takes the config away takes its agents away.
      var next = state
      _ = next.forgetConfig()
      if next != state { adopt(next) }
      startFromState()
      finishLoading()
      return
    }
    // A file is read at once; what comes over the network may take long, or not come at all.
    if case .url = configuration.config { startFromState() }
    watch.read()
  }

  /// What another config said is not desired any more, and yet kept until this one is there: it may
  /// list the same agents, with versions to go back to.
  private func startFromState() {
    guard !hasStarted else { return }
    hasStarted = true
    let ids = state.agents.filter { $0.value.source == .api || hasFormerConfig }.keys
      .filter { !deployed.contains($0) }.sorted()
    guard !ids.isEmpty else { return }
    carryOut(DesiredState.Changes(added: ids), from: .state, revision: state.config?.revision)
  }

  private func finishLoading() {
    guard !isLoaded else { return }
    isLoaded = true
    fleet?.desiredStateIsLoaded()
  }

  /// What a reading of the config brought.
  func take(_ outcome: ConfigWatch.Outcome) {
    guard !isStopped else { return }
    let now = Clock.wallNanoseconds() / 1_000_000
    switch outcome {
    case .unchanged:
      configReadAt = now
      failure = nil
    case .document(let bytes, let revision):
      configReadAt = now
      failure = nil
      do throws(DesiredProblems) {
        let specs = try document.read(bytes)
        refusal = nil
        apply(specs, revision: revision)
      } catch {
        refusal = error.sentences.first
        refuse(error.sentences, hint: "docs/errors.md#supervisor-config")
      }
    case .failed(let explanation):
      // The same failure at every look is one failure.
      let isNew = failure != explanation.error
      failure = explanation.error
      if isNew { refuse([explanation.error], hint: explanation.hint) }
    }
  }

  private func refuse(_ errors: [String], hint: String?) {
    tell(.supervisor(.desiredRefused(source: .config, errors: Self.fitting(errors))))
    guard !isLoaded else { return }
    guard hasFormerConfig else {
      let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
      listener.startFailed(
        Explanation(
          error: "there is no usable config: \(errors.first ?? "")\(more)",
          detail: errors.count > 1 ? errors.joined(separator: "\n") : nil, hint: hint))
      return
    }
    startFromState()
    finishLoading()
  }

  private func apply(_ specs: [AgentSpec], revision: String) {
    guard let watch else { return }
    var next = state
    let changes = next.apply(
      specs, of: DesiredState.ReadConfig(source: watch.name, revision: revision))
    adopt(next)
    configRevision = revision
    // At the start also what is as it was before is new to the driver.
    let told = DesiredState.Changes(
      added: specs.map(\.agentAppID).filter { !deployed.contains($0) },
      changed: changes.changed.filter { deployed.contains($0) },
      removed: changes.removed.filter { deployed.contains($0) })
    if !told.isEmpty || !isLoaded { carryOut(told, from: .config, revision: revision) }
    startFromState()
    finishLoading()
  }
}
