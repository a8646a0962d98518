import ControlPlane
import Glibc
import Lifecycle
import LinuxSystem

/// What the supervisor of this run wants.
extension AgentRun {
  /// Obeys the lifeline. Its lines are what the signals of these names are.
  func readLifeline() {
    guard let news = lifeline?.read() else { return }
    for line in news.unknown {
      log.write(
        .warning(code: "control_line", message: "the supervisor says what is no command: \(line)"))
    }
    for command in news.commands {
      switch command {
      case .terminate: send(.terminationRequested(.terminate))
      case .interrupt: send(.terminationRequested(.interrupt))
      case .hangup: reload()
      case .kill: endAtOnce("the supervisor ends this run at once")
      }
    }
    if news.hasEnded { endAtOnce("the supervisor is gone, so this run ends at once") }
  }

  /// Without a drain: everything that this run has started is killed first, whatever it is doing;
  /// then the run ends as after a second interrupt.
  private func endAtOnce(_ why: String) {
    if let lifeline {
      loop.forget(lifeline.descriptor)
      closeDescriptor(lifeline.descriptor)
    }
    lifeline = nil
    log.write(.warning(code: "lifeline", message: why))
    for process in [worker, successor, retired?.process] { process?.kill() }
    ProcessTree.killDescendants()
    send(.terminationRequested(.interrupt))
    send(.terminationRequested(.interrupt))
  }
}
