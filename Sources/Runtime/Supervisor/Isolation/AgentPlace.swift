package import LinuxSystem

/// Where an agent's worker runs: as whom, and which folders are its own.
package struct AgentPlace: Sendable, Equatable {
  /// nil: as the supervisor's own user, like every other agent.
  package let user: UserIdentity?
  /// Below it the `folders`, each the user's alone; nil without a user.
  package let folder: String?

  static let folders = ["cache", "home", "run", "tmp"]

  /// What the worker's environment says of them: to be put over the supervisor's own variables. The
  /// operator's variables for this agent win over `HOME` and `TMPDIR`, not over the rest.
  package var environment: [String: String] {
    guard let folder else { return [:] }
    return [
      "HOME": folder + "/home", "TMPDIR": folder + "/tmp", "XDG_RUNTIME_DIR": folder + "/run",
      "XDG_CACHE_HOME": folder + "/cache", "PAR_CACHE_DIR": folder + "/cache/par",
      "UV_CACHE_DIR": folder + "/cache/uv", "PIP_CACHE_DIR": folder + "/cache/pip",
    ]
  }

  /// Of the supervisor's own environment what would lead the worker to folders of others.
  package static let removedVariables: Set<String> = [
    "RUNTIME_DIRECTORY", "CACHE_DIRECTORY", "STATE_DIRECTORY", "USER", "LOGNAME", "SHELL",
  ]

  /// How the worker is started.
  ///
  /// - Parameters:
  ///   - group: nil where there are no control groups.
  ///   - limits: what of them no group holds is left to the limits of each process.
  package func confinement(_ group: WorkerGroup?, _ limits: ResourceLimits) -> Confinement {
    var confinement = Confinement.worker(user: user)
    confinement.controlGroup = group?.processes
    if group?.holdsMemory != true, let memory = limits.memory {
      confinement.mostData = ResourceLimits.mostData(memory)
    }
    if group?.weighsProcessors != true { confinement.nice = limits.nice }
    return confinement
  }
}
