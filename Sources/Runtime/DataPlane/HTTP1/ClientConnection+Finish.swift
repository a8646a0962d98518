import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// How responses and connections end.
extension ClientConnection {
  /// The last byte of the response was handed to the kernel.
  func responseFinished() {
    settle(completed: !exchange.isAborted && !exchange.isRefused)
    if !exchange.closesAfter { skipBody() }
    if exchange.closesAfter || !body.isDone {
      closeGracefully()
    } else {
      exchange = Exchange()
      unbind()
      if path.capacity > Self.keptBytes { path = [] }
      if requestID.capacity > Self.keptBytes { requestID = [] }
      requestID.removeAll(keepingCapacity: true)
      scanner = HeadScanner()
      headStarted = 0
      phase = .head
    }
  }

  /// Takes the exchange out of the counts; once, whatever happens later.
  func settle(completed: Bool) {
    guard exchange.started != 0 else { return }
    let shared = loop.shared
    tellEnd()
    if tunnel != nil {
      tunnel = nil
      loop.counters.tunnelsOpen.bump(-1)
    }
    exchange.started = 0
    if exchange.isCounted {
      exchange.isCounted = false
      if hasAgent { countAgent(-1) }
      if completed { shared.completed.add(1, ordering: .relaxed) }
      leave()
    }
  }

  var methodText: String {
    exchange.method == .other ? exchange.otherMethod : exchange.method.name.description
  }

  func linger() {
    input?.clear()
    while true {
      switch readInput() {
      case .moved:
        lingered += input?.count ?? 0
        input?.clear()
        if lingered > loop.limits.lingerBytes {
          ended(.unwanted)
          return shut()
        }
      case .wouldBlock: return
      case .ended: return shut()
      }
    }
  }

  /// The client is not there any more, or its response cannot be completed.
  func gone() {
    if exchange.started != 0, exchange.isCounted, !exchange.isAborted {
      loop.counters.clientsGone.bump(1)
    }
    shut()
  }

  /// Ends the connection at once, and what it had from the agent.
  func shut() {
    guard phase != .closed else { return }
    leaveHold()
    endControl()
    phase = .closed
    dropUpstream()
    closeFile()
    settle(completed: false)
    if let buffer = input { loop.buffers.give(buffer) }
    if let buffer = output { loop.buffers.give(buffer) }
    input = nil
    output = nil
    closeTransport()
    unbind()
  }
}
