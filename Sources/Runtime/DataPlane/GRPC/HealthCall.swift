import LinuxSystem

/// `pixell.agent.AgentService/Health` and `grpc.health.v1.Health/Check`: what `/health` says, in every
/// state.
final class HealthCall: OwnCall {
  private let route: GRPCRoute

  init(connection: HTTP2ClientConnection, id: Int32, _ route: GRPCRoute) {
    self.route = route
    super.init(connection: connection, id: id)
  }

  override func answer(_ message: ArraySlice<UInt8>) {
    let published = loop.state()
    let isReady = published.gate == .ready
    guard let service = HealthMessages.service(message) else {
      return end(.internalError, "The message is no protobuf")
    }
    if route == .agentHealth {
      finish(
        HealthMessages.healthStatus(
          ok: isReady, message: published.snapshot.state,
          timestamp: Clock.wallNanoseconds() / 1_000_000))
    } else if HealthMessages.services.contains(service) {
      finish(HealthMessages.checkResponse(isReady ? .serving : .notServing))
    } else {
      end(.notFound, "Unknown service: \(service)")
    }
  }

  private func finish(_ message: [UInt8]) {
    beginMessages()
    message.withUnsafeBytes { send($0) }
    end(.ok, "")
  }
}
