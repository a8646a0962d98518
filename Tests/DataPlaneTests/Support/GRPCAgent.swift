/// What the agent of most tests does, by the method's name: `Echo`, `Hang`, `Reset`, `Fail`, `Bidi`
/// and `Flood` (as many bytes as the message says).
enum GRPCAgent {
  /// - Parameter name: it says in each answer's head.
  static func serve(
    _ connection: TestAgent.Connection, maxStreams: UInt32? = nil, says name: String? = nil
  ) {
    let peer = HTTP2Peer(
      descriptor: connection.descriptor, isClient: false, maxStreams: maxStreams)
    peer.onHead = { peer, id in
      switch peer.streams[id]?.head[":path"] ?? "" {
      case "/t.T/Bidi": peer.respond(id, [("h-bin", "AP8")])
      case "/t.T/Reset": peer.reset(id, 0xB)
      case "/t.T/Early":
        peer.respond(id)
        peer.finish(id, trailers: [("grpc-status", "9"), ("grpc-message", "enough")])
      default: break
      }
    }
    peer.onData = { peer, id, bytes in
      if peer.streams[id]?.head[":path"] == "/t.T/Bidi" { peer.send(id, bytes) }
    }
    peer.onEnd = { peer, id in answer(peer, id, name) }
    peer.serve()
  }

  static func answer(_ peer: HTTP2Peer, _ id: Int32, _ name: String? = nil) {
    guard let stream = peer.streams[id] else { return }
    switch stream.head[":path"] ?? "" {
    case "/t.T/Hang", "/t.T/Reset", "/t.T/Early": break
    case "/t.T/Bidi": peer.finish(id, trailers: [("grpc-status", "0"), ("t-bin", "/w")])
    case "/t.T/Fail":
      peer.respond(id)
      peer.finish(id, trailers: [("grpc-status", "3"), ("grpc-message", "no")])
    case "/t.T/Flood":
      peer.respond(id)
      let count = stream.messages.first.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
      peer.send(id, [UInt8](repeating: 7, count: count))
      peer.finish(id, trailers: [("grpc-status", "0")])
    default:
      let seen = stream.head.keys.sorted().filter { !$0.hasPrefix(":") }.joined(separator: " ")
      peer.respond(
        id,
        [
          ("seen", seen), ("seen-path", stream.head[":path"] ?? ""),
          ("seen-trace", stream.head["traceparent"] ?? ""),
        ] + (name.map { [("says", $0)] } ?? []))
      peer.send(id, stream.body)
      peer.finish(id, trailers: [("grpc-status", "0")])
    }
  }
}

extension TestServer {
  /// The agent's gRPC server.
  @discardableResult
  func grpcAgent(maxStreams: UInt32? = nil) -> TestAgent {
    grpcAgent { GRPCAgent.serve($0, maxStreams: maxStreams) }
  }

  @discardableResult
  func grpcAgent(_ script: @escaping @Sendable (TestAgent.Connection) -> Void) -> TestAgent {
    adopt(TestAgent(a2aSocket, script: script))
  }

  func grpc(window: UInt32? = nil) -> HTTP2Peer { HTTP2Peer(port: a2aPort, window: window) }
}
