import CNghttp2
import CPlatform
import Lifecycle
import Synchronization

/// What the log is told of a call.
extension GRPCCall {
  func abortedRequest() -> AbortedRequest {
    AbortedRequest(
      method: "POST", route: text(.path),
      ageMilliseconds: max(0, par_monotonic_ns() - started) / 1_000_000,
      requestID: text(.requestID), surface: Surface.a2a.name.description)
  }

  func accessRecord() -> AccessRecord {
    AccessRecord(
      method: "POST", path: text(.path), status: 200,
      // Without one its caller went away.
      grpcStatus: (status ?? .cancelled).name.description,
      durationNanoseconds: par_monotonic_ns() - started, requestID: text(.requestID),
      surface: Surface.a2a.name.description, bytesSent: bytesSent,
      peer: String(decoding: connection.knownPeer().text, as: UTF8.self))
  }

  func text(_ name: HeaderName) -> String {
    head?.first(name).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
