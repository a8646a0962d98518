import LinuxSystem
import Synchronization

/// One agent as the data plane routes to it. `run` has exactly one; a supervisor one for each agent.
/// What counts is which object it is: an agent that comes back under the id of one that was removed
/// gets a new one.
public final class Backend: Sendable {
  public let id: String
  let idBytes: [UInt8]
  /// Generation and gate: `generation << 8 | gate`. The one word that every request reads.
  let gateWord: Atomic<UInt64>
  private let published: Locked<Published>
  /// Requests that wait for this agent.
  let held = Atomic<Int>(0)
  /// By loop; nil where it has had nothing to do with this agent.
  private let counters = Locked<[BackendCounters?]>([])

  /// Nobody serves it until a snapshot says who does.
  public convenience init(id: String) {
    self.init(id: id, initial: Snapshot(gate: .booting, state: "booting"), holds: false)
  }

  init(id: String, initial: Snapshot, holds: Bool) {
    self.id = id
    idBytes = Array(id.utf8)
    gateWord = Atomic(1 << 8 | UInt64(initial.gate.rawValue))
    published = Locked(Published(initial, generation: 1, holds: holds))
  }

  /// The gate becomes visible after the snapshot, so that who sees the word finds the snapshot.
  func publish(_ snapshot: Snapshot, holds: Bool) {
    let word = published.withLock { current in
      let generation = current.generation &+ 1
      current = Published(snapshot, generation: generation, holds: holds)
      return generation << 8 | UInt64(snapshot.gate.rawValue)
    }
    gateWord.store(word, ordering: .sequentiallyConsistent)
  }

  func current() -> Published { published.withLock { $0 } }

  /// What one loop counts of this agent; the same object each time.
  func counters(ofLoop index: Int) -> BackendCounters {
    counters.withLock { counters in
      while counters.count <= index { counters.append(nil) }
      if let found = counters[index] { return found }
      let made = BackendCounters()
      counters[index] = made
      return made
    }
  }

  /// Of all loops.
  var allCounters: [BackendCounters] { counters.withLock { $0.compactMap { $0 } } }
}

/// One agent among those that a supervisor routes to.
public struct BackendEntry: Sendable {
  public var backend: Backend
  /// gRPC calls may name it by that, too; nil: they cannot.
  public var deploymentID: String?

  public init(_ backend: Backend, deploymentID: String? = nil) {
    self.backend = backend
    self.deploymentID = deploymentID
  }
}
