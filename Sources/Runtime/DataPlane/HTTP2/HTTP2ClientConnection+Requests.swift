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
    if loop.shared.hasAgents { return makeAgentsCall(id, head, index) }
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
    case .agent: GRPCCall(connection: self, id: id, backend: loop.front)
    }
  }

  /// Of a supervisor. A path beneath `/agents/{id}/a2a` says whom the call is for; else the metadata
  /// does, which goes on with the call.
  private func makeAgentsCall(_ id: Int32, _ head: HeaderBlock, _ pathIndex: Int) -> HTTP2Stream {
    let path = head.value(head.entries[pathIndex])
    guard GRPCRouter.isPath(path) else {
      return HTTP2Answer(connection: self, id: id, status: 400, "The path is no path of a URL")
    }
    let found: LoopBackend?
    if let name = GRPCRouter.agentID(path) {
      found = loop.backend(id: UnsafeRawBufferPointer(rebasing: path[name]))
      head.shorten(pathIndex, by: name.upperBound + "/a2a".utf8.count)
    } else if head.first(.agentID) != nil {
      guard let name = head.single(.agentID) else { return refuse(id, "x-agent-id is there twice") }
      found = loop.backend(id: name)
    } else if head.first(.deploymentID) != nil {
      guard let name = head.single(.deploymentID) else {
        return refuse(id, "x-deployment-id is there twice")
      }
      found = loop.backend(deployment: name)
    } else {
      // The supervisor's own health.
      let route = loop.shared.grpcRouter.route(path)
      if route != .agent, route != .agentHealth { return makeCall(id, route) }
      return refuse(
        id,
        "The call names no agent: metadata x-agent-id or x-deployment-id, or a path beneath "
          + "/agents/{id}/a2a")
    }
    guard let found else {
      return GRPCAnswer(connection: self, id: id, .notFound, "There is no such agent")
    }
    let route = loop.shared.grpcRouter.route(head.value(head.entries[pathIndex]))
    return GRPCCall(connection: self, id: id, backend: found, isAboutAgent: route != .agent)
  }

  private func refuse(_ id: Int32, _ text: String) -> HTTP2Stream {
    GRPCAnswer(connection: self, id: id, .invalidArgument, text)
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
