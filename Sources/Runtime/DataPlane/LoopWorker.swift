import Synchronization

/// One worker as one loop knows it: how many connections the loop has to it. Confined to the loop's
/// thread.
///
/// An exchange with a worker has a connection, and one that is not the snapshot's has no others: so
/// a retired worker is idle when the last is closed, and no request is counted for that.
final class LoopWorker {
  let worker: Worker
  /// Open ones, for HTTP/1.1 and gRPC.
  private(set) var connections = 0
  private var retirement: Retirement?

  init(_ worker: Worker) { self.worker = worker }

  func connected() { connections += 1 }

  func disconnected() {
    connections -= 1
    tellIfIdle()
  }

  /// The loop has taken another worker into use by now.
  func retire(_ retirement: Retirement) {
    self.retirement = retirement
    tellIfIdle()
  }

  private func tellIfIdle() {
    guard connections == 0, let ended = retirement else { return }
    retirement = nil
    ended.loopIsIdle()
  }
}

/// Waits until no loop has an exchange with a worker any more, and tells the observer then.
final class Retirement: Sendable {
  let worker: Worker
  private let observer: any DataPlaneObserver
  private let loops: Atomic<Int>

  init(_ worker: Worker, loops: Int, observer: any DataPlaneObserver) {
    self.worker = worker
    self.observer = observer
    self.loops = Atomic(loops)
  }

  /// Once for each loop, on its thread.
  func loopIsIdle() {
    // Orders what the loops did with the worker before what the observer does now.
    guard loops.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
    observer.workerIsIdle(worker)
  }
}

/// The workers of one loop: who is connected to now, and those before that still have connections.
struct LoopWorkers {
  private(set) var current: LoopWorker?
  private var former: [LoopWorker] = []

  /// - Returns: false when it is in use already.
  mutating func use(_ worker: Worker?) -> Bool {
    guard worker !== current?.worker else { return false }
    former.removeAll { $0.connections == 0 }
    if let current, current.connections > 0 { former.append(current) }
    current = worker.map { worker in
      // It may be the one before the last.
      former.first { $0.worker === worker } ?? LoopWorker(worker)
    }
    former.removeAll { $0 === current }
    return true
  }

  /// - Returns: nil: no connection to it is open.
  func find(_ worker: Worker) -> LoopWorker? {
    if let current, current.worker === worker { return current }
    return former.first { $0.worker === worker }
  }
}
