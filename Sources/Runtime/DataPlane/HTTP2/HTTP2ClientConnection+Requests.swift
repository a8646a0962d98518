import Lifecycle

/// Who answers a request.
extension HTTP2ClientConnection {
  func makeStream(_ id: Int32, _ head: HeaderBlock) -> HTTP2Stream {
    if head.isTooLarge { loop.counters.http2Ended(.headerTooLarge) }
    guard port != .ui, GRPCContentType.matches(head.first(.contentType)) else {
      return makeOther(id, head)
    }
    if head.isTooLarge {
      return GRPCAnswer(
        connection: self, id: id, .resourceExhausted,
        "The request's metadata is larger than \(limits.headerBytes) bytes, or has more than "
          + "\(limits.headerFields) fields")
    }
    guard let method = head.first(.method), HeaderName.equals(method, "POST") else {
      return HTTP2Answer(
        connection: self, id: id, status: 405, "gRPC calls are made with POST", allow: "POST")
    }
    guard let index = head.index(of: .path) else {
      return HTTP2Answer(connection: self, id: id, status: 400, "The request has no path")
    }
    let router = loop.shared.grpcRouter
    let prefix = router.prefixCount(head.value(head.entries[index]))
    if prefix > 0 { head.shorten(index, by: prefix) }
    // Not every gRPC server survives a path that is no text.
    guard GRPCRouter.isPath(head.value(head.entries[index])) else {
      return HTTP2Answer(connection: self, id: id, status: 400, "The path is no path of a URL")
    }
    return makeCall(id, router.route(head.value(head.entries[index])))
  }

  private func makeCall(_ id: Int32, _ route: GRPCRoute) -> HTTP2Stream {
    switch route {
    case .agentHealth, .check: HealthCall(connection: self, id: id, route)
    case .watch: HealthWatch(connection: self, id: id)
    case .unknownHealth:
      GRPCAnswer(
        connection: self, id: id, .unimplemented,
        "grpc.health.v1.Health has the methods Check and Watch")
    case .agent: GRPCCall(connection: self, id: id)
    }
  }

  /// A request that is no gRPC call.
  private func makeOther(_ id: Int32, _ head: HeaderBlock) -> HTTP2Stream {
    guard port == .a2a else { return HTTP2RESTStream(connection: self, id: id) }
    if head.isTooLarge {
      return HTTP2Answer(
        connection: self, id: id, status: 431, "The request's head is too large")
    }
    return HTTP2Answer(
      connection: self, id: id, status: 415,
      "This port serves gRPC: content-type must be application/grpc")
  }
}
