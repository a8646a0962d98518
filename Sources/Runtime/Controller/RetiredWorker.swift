import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem

/// A worker whose place another one took. It answers what it has, and is asked to stop when that is
/// nothing, or when a drain that began with its replacement would ask for it.
final class RetiredWorker {
  let process: WorkerProcess
  /// As the event loops know it.
  let worker: Worker
  /// Processes that it had left to the program before the other one was started.
  var orphans: Set<Int32>
  private let loop: ControlLoop
  private var alarms: [Int] = []

  init(_ process: WorkerProcess, _ worker: Worker, orphans: Set<Int32>, loop: ControlLoop) {
    self.process = process
    self.worker = worker
    self.orphans = orphans
    self.loop = loop
  }

  deinit { for alarm in alarms { loop.cancel(alarm) } }

  func schedule(at due: Instant, _ action: @escaping (RetiredWorker) -> Void) {
    alarms.append(loop.schedule(at: due) { [weak self] in if let self { action(self) } })
  }
}
