import Synchronization

@testable import DataPlane

/// A loop that never runs, and connections that have no socket.
final class Stage {
  private final class Observer: DataPlaneObserver {
    func nothingInFlight() {}
    func requestFinished(_ record: AccessRecord) {}
  }

  let loop: EventLoop
  private var uses = 0
  /// libFuzzer calls from one thread alone.
  nonisolated(unsafe) private static var last: Stage?
  /// A loop keeps what asked for another turn; after so many uses there is a new one.
  private static let mostUses = 200

  private init(limits: HTTPLimits) {
    var options = DataPlaneOptions(agentAppID: "x", basePath: "/agents/x")
    options.loopCount = 1
    options.limits = limits
    let shared = SharedState(
      options: options, initial: Snapshot(gate: .booting, state: "booting"), observer: Observer())
    do { loop = try EventLoop(shared: shared, index: 0, listeners: []) } catch {
      fail("no loop: \(error)")
    }
  }

  static func current(limits: HTTPLimits) -> Stage {
    if let last, last.uses < mostUses { return last }
    let stage = Stage(limits: limits)
    last = stage
    return stage
  }

  func client() -> MemoryConnection {
    uses += 1
    return MemoryConnection(descriptor: -1, loop: loop, port: .rest)
  }
}

/// A connection over memory: what comes is given to it, what it says is kept.
final class MemoryConnection: ClientConnection {
  private(set) var written: [UInt8] = []
  private var waiting: ArraySlice<UInt8> = []
  private var hasEnded = false

  /// Nothing can go on without more bytes.
  var isIdle: Bool { !canRead && waiting.isEmpty && output == nil }
  /// The response was sent, or the connection ended for a fault.
  var isFinished: Bool { phase == .head && exchange.started == 0 }

  func arrives(_ bytes: ArraySlice<UInt8>) {
    mayBeHTTP2 = false
    waiting += bytes
    canRead = true
    advance()
  }

  func ends() {
    hasEnded = true
    canRead = true
    hungUp = true
    advance()
  }

  override func read(into space: UnsafeMutableRawBufferPointer) -> Transfer {
    let count = min(space.count, waiting.count)
    guard count > 0 else {
      canRead = false
      return hasEnded ? .ended : .wouldBlock
    }
    waiting.prefix(count).withUnsafeBytes { space.copyMemory(from: $0) }
    waiting = waiting.dropFirst(count)
    canRead = hasEnded || !waiting.isEmpty
    return .moved(count)
  }

  override func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    written += Array(bytes)
    return .moved(bytes.count)
  }

  override func closeGracefully() {
    // As with a socket: what comes now is thrown away.
    shut()
  }

  override func closeTransport() {
    loop.deadlines.remove(self)
    deadline = Pollable.never
  }
}
