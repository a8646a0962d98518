import Synchronization

/// One worker as one loop knows it: the connections that the loop has to it, and the slots for what is
/// sent on them. Confined to the loop's thread.
///
/// An exchange with a worker has a connection, and one that is not the snapshot's has no others: so
/// a retired worker is idle when the last is closed, and no request is counted for that.
final class LoopWorker {
  let worker: Worker
  /// Open ones, for HTTP/1.1 and gRPC.
  private(set) var connections = 0
  private var retirement: Retirement?
  private var slots: WorkerSlots
  /// A mark of its was seen.
  private var hasMarked = false
  /// It does not mark what it begins: an answer came without.
  private(set) var isSilent = false

  /// - Parameter index: of the loop, 0 ..< `loops`.
  init(_ worker: Worker, loop index: Int, of loops: Int) {
    self.worker = worker
    slots = WorkerSlots(loop: index, of: loops, slots: WorkerMemory.slots)
  }

  // MARK: Marks

  /// - Returns: nil: there is none, so all that is sent counts as begun.
  func takeSlot() -> Int? { worker.memory == nil ? nil : slots.take() }

  func giveSlot(_ slot: Int) { slots.give(slot, isSettled: worker.memory?.hasBegun(slot) ?? true) }

  /// A request is about to be handed over under this number.
  @inline(__always)
  func clear(_ slot: Int) { worker.memory?.clear(slot) }

  /// Whether code of the agent may have run for the request that was handed over last under this
  /// number.
  ///
  /// Asked when the end of the connection was read, the mark is final for a worker that has ended:
  /// the kernel closes a process's descriptors after its last thread has stopped, so its stores came
  /// before the close, and the close before what was read here, ordered by the socket's lock. The
  /// memory itself stays: it is ours as well. In the same way the clearing comes before the request
  /// is sent. A worker that lives may begin after it was asked; whoever asks bounds that.
  func hasBegun(_ slot: Int) -> Bool {
    guard !isSilent, let memory = worker.memory, !worker.isRun || memory.isAttached else {
      return true
    }
    return memory.hasBegun(slot)
  }

  /// It tells what it has begun.
  var isMarking: Bool {
    worker.isRun ? worker.memory?.isAttached ?? false : !isSilent
  }

  /// The first byte of a response to what was handed over under this number. A worker of which an
  /// answer is seen before any mark is one that does not mark, and nothing is concluded from that.
  @inline(__always)
  func answered(_ slot: Int) {
    if !hasMarked, !worker.isRun { learn(slot) }
  }

  private func learn(_ slot: Int) {
    hasMarked = worker.memory?.hasBegun(slot) ?? false
    isSilent = !hasMarked
  }

  // MARK: Connections

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
  private let index: Int
  private let loops: Int

  /// - Parameter index: of the loop, 0 ..< `loops`.
  init(loop index: Int, of loops: Int) {
    self.index = index
    self.loops = loops
  }

  /// - Returns: false when it is in use already.
  mutating func use(_ worker: Worker?) -> Bool {
    guard worker !== current?.worker else { return false }
    former.removeAll { $0.connections == 0 }
    if let current, current.connections > 0 { former.append(current) }
    current = worker.map { worker in
      // It may be the one before the last.
      former.first { $0.worker === worker } ?? LoopWorker(worker, loop: index, of: loops)
    }
    former.removeAll { $0 === current }
    return true
  }

  var isConnected: Bool {
    current?.connections ?? 0 > 0 || former.contains { $0.connections > 0 }
  }

  /// - Returns: nil: no connection to it is open.
  func find(_ worker: Worker) -> LoopWorker? {
    if let current, current.worker === worker { return current }
    return former.first { $0.worker === worker }
  }
}
