/// Told by the data plane's threads; must be quick and must not call back into `DataPlane`
/// other than its counters.
public protocol DataPlaneObserver: AnyObject, Sendable {
  /// Nothing is in flight. Only while the gate is `lameDuck` or `closing`, each time the count
  /// reaches 0; called on a data-plane thread. (Whoever publishes such a gate reads
  /// `DataPlane.inFlight` afterwards: one of the two sees the end.)
  func nothingInFlight()
  /// No loop has an exchange with a worker that `DataPlane.retire` was called for. Once; called on a
  /// data-plane thread, or not at all when the data plane stops before.
  func workerIsIdle(_ worker: Worker)
  /// One response ended. Only with `DataPlaneOptions.accessLog`; called on a data-plane thread.
  func requestFinished(_ record: AccessRecord)
  /// A request took as long as `DataPlaneOptions.slowRequest`. Called on a data-plane thread, at most
  /// `HTTPLimits.slowLinesPerSecond` times a second and thread.
  /// - Parameters:
  ///   - record: of a stream, with the time until its head.
  ///   - leftOut: such requests since the last call that were not told of.
  func requestWasSlow(_ record: AccessRecord, leftOut: Int)
  /// A client's connection was ended for what it did on it. Called on a data-plane thread, at most
  /// once a `HTTP2Limits.refusalInterval` and thread.
  /// - Parameters:
  ///   - reason: a word of `/metrics`, a colon, and what a person can make of it.
  ///   - peer: the client's address, without the port.
  ///   - count: such connections since the last call, this one included.
  func connectionRefused(reason: String, peer: String, count: Int)
  /// Somebody asks for `/supervisor` or a path beneath it, with `Routing.agents`. Called on a
  /// data-plane thread, so whatever takes time is done elsewhere; the reply is for any thread.
  func controlRequest(_ request: ControlRequest, reply: any ControlReply)
}

extension DataPlaneObserver {
  public func controlRequest(_ request: ControlRequest, reply: any ControlReply) {
    reply.answer(404, body: Array("{\"error\":\"Nothing is served at this path\"}".utf8))
  }
  public func workerIsIdle(_ worker: Worker) {}
  public func requestWasSlow(_ record: AccessRecord, leftOut: Int) {}
  public func connectionRefused(reason: String, peer: String, count: Int) {}
}

/// One finished request, for the log.
public struct AccessRecord: Sendable, Equatable {
  /// The id of whom it was for, where there are several.
  public var agent: String?
  public var method: String
  /// The normalised path, without the query.
  public var path: String
  /// Of HTTP; 0: the client left before there was one.
  public var status: Int
  /// What a gRPC call ended with, as in `/metrics`; nil for other requests.
  public var grpcStatus: String?
  /// From the complete head to the last byte handed to the kernel.
  public var durationNanoseconds: Int64
  /// Of that, from the request handed to the agent to the head of its response, or to the end.
  public var agentNanoseconds: Int64
  /// Of that, held.
  public var heldNanoseconds: Int64
  public var requestID: String
  /// 32 hexadecimal digits; nil for a request that belongs to no trace.
  public var traceID: String?
  /// `rest`, `ui`, `a2a` or `par` (a built-in route).
  public var surface: String
  /// Head and body, as handed to the kernel.
  public var bytesSent: Int64
  /// The peer's address, without the port.
  public var peer: String
  /// How likely it was that this request is told of: 1, or the part that is.
  public var sample = 1.0
}

/// A request that did not get its whole answer because the worker was lost or a drain cut it off.
public struct AbortedRequest: Sendable, Equatable {
  /// The id of whom it was for, where there are several.
  public var agent: String?
  public var method: String
  /// The normalised path, without the query.
  public var route: String
  public var ageMilliseconds: Int64
  public var requestID: String
  /// 32 hexadecimal digits; nil for a request that belongs to no trace.
  public var traceID: String?
  public var surface: String
}
