import CPlatform
import Lifecycle
import LinuxSystem
import Synchronization

/// A snapshot as the loops use it: with what every health body repeats already written.
final class Published: Sendable {
  let snapshot: Snapshot
  let generation: UInt64
  // What each request asks for, beside the snapshot: to copy that costs a dozen reference counts.
  let gate: Gate
  let hasUI: Bool
  let admission: Admission
  var isServed: Bool { admission == .proxied }
  /// `"state":"…","surfaces":{…}`
  let healthMembers: [UInt8]
  /// `,"reason":"…"` or nothing.
  let reasonMember: [UInt8]

  init(_ snapshot: Snapshot, generation: UInt64, holds: Bool) {
    self.snapshot = snapshot
    self.generation = generation
    gate = snapshot.gate
    hasUI = snapshot.uiFolder != nil
    admission = Admission(snapshot, holds: holds)
    var writer = JSONWriter()
    writer.raw("\"state\":")
    writer.write(.string(snapshot.state))
    if let members = snapshot.healthMembers {
      for member in members {
        writer.raw(",")
        writer.write(.string(member.name))
        writer.raw(":")
        writer.write(member.value)
      }
    } else {
      writer.raw(",\"surfaces\":")
      writer.write(.object(snapshot.surfaces.map { JSONMember($0.name, .bool($0.ready)) }))
    }
    healthMembers = writer.bytes
    var reason = JSONWriter()
    if let text = snapshot.reason {
      reason.raw(",\"reason\":")
      reason.write(.string(text))
    }
    reasonMember = reason.bytes
  }
}

/// What the loops and the main thread share.
final class SharedState: Sendable {
  let options: DataPlaneOptions
  /// It is a supervisor's.
  let hasAgents: Bool
  let router: Router
  let grpcRouter: GRPCRouter
  /// Where a supervisor's requests are marked.
  let marks: SupervisorMarks?
  let hasMarks: Bool
  let observer: any DataPlaneObserver
  let counters: [LoopCounters]
  /// The program itself; in `run` its agent as well.
  let front: Backend
  /// The generation of the directory.
  let directoryWord = Atomic<UInt64>(0)
  private let agents = Locked(Directory([], generation: 0))
  let inFlight = Atomic<Int>(0)
  let completed = Atomic<Int>(0)
  let aborted = Atomic<Int>(0)
  let connections = Atomic<Int>(0)
  /// Client connections that speak HTTP/2: they are told of each change of the gate.
  let http2Connections = Atomic<Int>(0)
  /// Control requests in progress, and streams that answer some.
  let controlRequests = Atomic<Int>(0)
  let controlStreams = Atomic<Int>(0)
  /// Requests that wait for an agent, whichever.
  let held = Atomic<Int>(0)
  let losses = RecentLosses()
  /// How often the main thread asked the loops for a sign of life.
  let heartbeatsAsked = Atomic<UInt64>(0)

  init(options: DataPlaneOptions, initial: Snapshot, observer: any DataPlaneObserver) {
    var options = options
    if options.supervisor != nil { options.http2.trustPeer() }
    self.options = options
    marks = options.supervisor?.marks
    hasMarks = marks != nil
    self.observer = observer
    hasAgents = options.routing == .agents
    router = Router(options)
    grpcRouter = GRPCRouter(options)
    counters = (0..<max(1, options.loopCount)).map { _ in LoopCounters() }
    front = Backend(id: options.agentAppID, initial: initial, holds: options.holds)
  }

  /// The agents that are routed to from now on.
  func publish(_ entries: [BackendEntry]) {
    let generation = agents.withLock { current in
      current = Directory(entries, generation: current.generation &+ 1)
      return current.generation
    }
    directoryWord.store(generation, ordering: .sequentiallyConsistent)
  }

  func directory() -> Directory { agents.withLock { $0 } }

  // Entering and the gate are sequentially consistent with publishing and reading the count: a
  // request that entered before the gate closed is seen by who closed it, one that entered after
  // sees the closed gate.

  @inline(__always)
  func enter() { inFlight.add(1, ordering: .sequentiallyConsistent) }

  @inline(__always)
  func leave() {
    let left = inFlight.subtract(1, ordering: .sequentiallyConsistent).newValue
    guard left == 0 else { return }
    let gate = Gate(
      rawValue: UInt8(truncatingIfNeeded: front.gateWord.load(ordering: .sequentiallyConsistent)))
    if gate?.isDraining == true { observer.nothingInFlight() }
  }
}

extension SharedState {
  /// - Returns: false when as many wait as may. Sequentially consistent with `publish`, like
  ///   `enter`.
  func enterHold(_ backend: Backend) -> Bool {
    let all = held.add(1, ordering: .sequentiallyConsistent).newValue
    let own = backend.held.add(1, ordering: .sequentiallyConsistent).newValue
    if own <= options.limits.heldRequests, all <= options.agents.heldInAll { return true }
    leaveHold(backend)
    return false
  }

  func leaveHold(_ backend: Backend) {
    backend.held.subtract(1, ordering: .sequentiallyConsistent)
    held.subtract(1, ordering: .sequentiallyConsistent)
  }
}

/// Requests that found out by themselves that the agent went away, for the log line of the loss.
final class RecentLosses: Sendable {
  static let capacity = 20
  static let memory = Interval.seconds(1)

  private let entries = Locked<[(time: Int64, started: Int64, request: AbortedRequest)]>([])

  func add(_ request: AbortedRequest, started: Int64, at time: Int64) {
    entries.withLock { entries in
      if entries.count == Self.capacity { entries.removeFirst() }
      entries.append((time, started, request))
    }
  }

  func take(at now: Int64) -> [(started: Int64, request: AbortedRequest)] {
    entries.withLock { entries in
      let recent = entries.filter { now - $0.time <= Self.memory.nanoseconds }
      entries.removeAll()
      return recent.map { ($0.started, $0.request) }
    }
  }
}
