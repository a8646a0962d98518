import ControlPlane
import Glibc
import Lifecycle
import LinuxSystem

/// What signals ask for, and the ends of children.
extension AgentRun {
  func readSignals(_ descriptor: Int32) {
    while let number = SignalSource.next(descriptor) {
      switch number {
      case SIGTERM: send(.terminationRequested(.terminate))
      case SIGINT: send(.terminationRequested(.interrupt))
      case SIGCHLD: reapChildren()
      case SIGHUP: hangUp()
      case SIGUSR2: break  // the agent host's, for its stacks
      default: passOn(number)
      }
    }
  }

  /// The terminal that went away asks it to stop like an interrupt. Where there was none, somebody
  /// wishes the worker replaced.
  private func hangUp() {
    if hasTerminal { send(.terminationRequested(.interrupt)) } else { reload() }
  }

  /// As an init process it passes on what it does not need itself. Elsewhere the terminal's quit key
  /// asks it to stop like an interrupt.
  private func passOn(_ number: Int32) {
    if getpid() == 1 {
      if let worker { kill(worker.pid, number) }
    } else if number == SIGQUIT {
      send(.terminationRequested(.interrupt))
    }
  }

  private func reapChildren() {
    while let (pid, status) = ProcessTree.reap() {
      if let step, step.pid == pid {
        step.ended(status)
        if self.step?.pid == pid { self.step = nil }
      } else if let worker, worker.pid == pid {
        workerEnded(worker, status)
      } else if let successor, successor.pid == pid {
        successorEnded(successor, status)
      } else if let retired, retired.process.pid == pid {
        retiredEnded(retired, status)
      } else {
        // Its number may be given to another process from here on.
        orphans.remove(pid)
        retired?.orphans.remove(pid)
      }
    }
  }
}
