import ControlPlane
import AgentPackages
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Whether the agent's event loop runs while it is ready: one that stands still is a lost worker.
extension AgentRun {
  /// Watches the worker that serves now, or nobody.
  func watchBeats() {
    if let beatAlarm { loop.cancel(beatAlarm) }
    (beatAlarm, beats) = (nil, nil)
    guard case .ready = machine.state, worker != nil, let limits = configuration.beatLimits else {
      return
    }
    beats = BeatWatch(limits, at: Clock.now())
    scheduleLook()
  }

  private func scheduleLook() {
    guard let beats else { return }
    beatAlarm = loop.schedule(at: beats.due) { [unowned self] in look() }
  }

  private func look() {
    guard let worker, let finding = findBeat() else { return }
    switch finding {
    case .runs: scheduleLook()
    case .isLate(let silence):
      scheduleLook()
      worker.dumpStacks { [unowned self] stacks in tellBlocked(silence, stacks) }
    case .isStuck(let silence):
      let last = worker.memory.lastBeat
      worker.dumpStacks { [unowned self] stacks in
        killStuck(worker, after: silence, last: last, stacks)
      }
    }
  }

  private func findBeat() -> BeatWatch.Finding? {
    guard let last = worker?.memory.lastBeat else { return nil }
    return beats?.look(
      at: Clock.now(), lastBeat: last > 0 ? Clock.instant(ofMonotonic: last) : nil)
  }

  private func tellBlocked(_ silence: Interval, _ stacks: String?) {
    let place = stacks.flatMap { PythonStacks($0).place(inside: composer.package?.root ?? "/") }
    let last = place.map { ": it is in \($0)" } ?? "; its stacks cannot be had"
    log.write(
      .warning(
        code: "loop_blocked",
        message: "the agent's event loop has not run for \(silence.wholeSeconds)\(last)"))
  }

  /// A beat may have come while the stacks were written: the signal that asks for them ends some
  /// calls that wait.
  private func killStuck(
    _ worker: WorkerProcess, after silence: Interval, last: UInt64, _ stacks: String?
  ) {
    guard self.worker === worker, case .ready = machine.state else { return }
    guard worker.memory.lastBeat == last else { return scheduleLook() }
    composer.stuckWorkers += 1
    worker.kill(
      because: "the agent's event loop did not run for \(silence.wholeSeconds)", stacks: stacks)
  }
}

extension Interval {
  /// As a person says it, rounded down: `61 s`.
  fileprivate var wholeSeconds: String { "\(Int64(seconds)) s" }
}
