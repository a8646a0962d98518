import Synchronization

/// A control request in progress, as its connection knows it.
final class ControlExchange {
  var request: ControlRequest
  /// Once the request is with the observer.
  var reply: PlaneReply?
  /// Counts among the streams, no more among the requests.
  var isStream = false

  init(_ request: ControlRequest) { self.request = request }
}

extension SharedState {
  /// - Returns: false when as many are being answered as may.
  func enterControl() -> Bool {
    if controlRequests.add(1, ordering: .relaxed).newValue <= options.agents.controlRequests {
      return true
    }
    leaveControl()
    return false
  }

  func leaveControl() { controlRequests.subtract(1, ordering: .relaxed) }

  /// - Returns: false when as many are open as may.
  func enterControlStream() -> Bool {
    if controlStreams.add(1, ordering: .relaxed).newValue <= options.agents.controlStreams {
      return true
    }
    leaveControlStream()
    return false
  }

  func leaveControlStream() { controlStreams.subtract(1, ordering: .relaxed) }
}
