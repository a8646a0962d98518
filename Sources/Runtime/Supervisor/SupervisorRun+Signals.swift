import ControlPlane
import Glibc
import Lifecycle
import LinuxSystem

/// What signals ask for, and the ends of children.
extension SupervisorRun {
  func readSignals(_ descriptor: Int32) {
    while let number = SignalSource.next(descriptor) {
      switch number {
      case SIGTERM: terminate(.terminate)
      case SIGINT: terminate(.interrupt)
      case SIGCHLD: reapChildren()
      case SIGHUP: hangUp()
      case SIGQUIT:
        // The terminal's quit key asks it to stop like an interrupt.
        if getpid() != 1 { terminate(.interrupt) }
      default: break
      }
    }
  }

  private func terminate(_ signal: Signal) {
    if case .stopped = supervision.phase {
      // No worker is left; only clients that read slowly are waited for.
      let isLate = now - drainStartedAt >= Policy.secondTerminateAfter
      if signal == .interrupt || isLate { endAtOnce() }
      return
    }
    drainCause = signal.rawValue
    send(.terminationRequested(signal))
  }

  /// The terminal that went away asks it to stop like an interrupt. Where there was none, or it is still
  /// there, somebody asks for the config to be read again.
  private func hangUp() {
    if hasTerminal, isatty(STDIN_FILENO) != 1 { return terminate(.interrupt) }
    notifier.reloading()
    desired?.reload()
    notifier.reloaded()
  }

  private func reapChildren() {
    while let (pid, status) = ProcessTree.reap() { childEnded(pid, status) }
    places.sweep()
    // What a dead worker left behind is the supervisor's child now.
    AdoptedProcesses.kill()
    endIfIdle()
  }
}
