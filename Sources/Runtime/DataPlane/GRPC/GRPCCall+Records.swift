import CNghttp2
import CPlatform
import Lifecycle
import Synchronization

/// What is counted of a call, and what the log is told of it.
extension GRPCCall {
  /// The times of a call, all as the loop knew them.
  struct Times {
    /// The request was complete; 0: it is not.
    var inputEnded: Int64 = 0
    /// The kernel had its head for the agent; 0: not yet.
    var sent: Int64 = 0
    /// The response's head came; 0: not yet.
    var head: Int64 = 0
    var request = MessageCount()
    var response = MessageCount()

    /// Nanoseconds that the caller waited for an answer: responses without end are one when they
    /// begin, and requests without end are only then asking when they end.
    func answer(from started: Int64, to ended: Int64) -> Int64 {
      guard head != 0 else { return ended - started }
      let wasAsked = inputEnded != 0 && inputEnded <= head
      let end = wasAsked && !response.isSeveral ? ended : head
      return end - (wasAsked && request.isSeveral ? inputEnded : started)
    }
  }

  func abortedRequest() -> AbortedRequest {
    AbortedRequest(
      agent: agentName, method: "POST", route: text(.path),
      ageMilliseconds: max(0, par_monotonic_ns() - started) / 1_000_000,
      requestID: text(.requestID), traceID: traceID, surface: Surface.a2a.name.description)
  }

  /// Counts a call that has ended, and tells of it where that is wanted.
  func tellEnd() {
    let ended = par_monotonic_ns()
    if httpStatus != 0 {
      loop.counters.latencies.observe(.a2a, status: httpStatus, nanoseconds: ended - started)
      if let counters = backend.counters {
        counters.request(status: httpStatus)
        counters.latencies.observe(.a2a, status: httpStatus, nanoseconds: ended - started)
      }
    }
    if times.head != 0, times.sent != 0 {
      loop.counters.agentHead(.a2a, nanoseconds: times.head - times.sent)
    }
    guard loop.reports.isOn else { return }
    // Without a status its caller went away.
    let status = status ?? .cancelled
    loop.report(
      counted: times.answer(from: started, to: ended), isFailure: status.isFailure,
      isAnswered: true,
      ended: ended
    ) { accessRecord(status, at: ended) }
  }

  private func accessRecord(_ status: GRPCStatus, at time: Int64) -> AccessRecord {
    AccessRecord(
      agent: agentName, method: "POST", path: text(.path), status: 200,
      grpcStatus: status.name.description,
      durationNanoseconds: time - started,
      agentNanoseconds: times.sent == 0 ? 0 : (times.head == 0 ? time : times.head) - times.sent,
      heldNanoseconds: 0, requestID: text(.requestID), traceID: traceID,
      surface: Surface.a2a.name.description, bytesSent: bytesSent,
      peer: String(decoding: connection.knownPeer().text, as: UTF8.self))
  }

  private var agentName: String? { backend.counters == nil ? nil : backend.backend.id }

  private var traceID: String? { head?.first(.traceparent).flatMap(TraceParent.read)?.text }

  func text(_ name: HeaderName) -> String {
    head?.first(name).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}

extension GRPCStatus {
  /// Whether it says that something went wrong on this side, as 5xx does.
  var isFailure: Bool {
    switch self {
    case .unknown, .deadlineExceeded, .unimplemented, .internalError, .unavailable, .dataLoss: true
    case .ok, .cancelled, .invalidArgument, .notFound, .alreadyExists, .permissionDenied,
      .resourceExhausted, .failedPrecondition, .aborted, .outOfRange, .unauthenticated:
      false
    }
  }
}
