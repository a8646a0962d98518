/// `grpc.health.v1.Health/Watch`: the status now and each time it changes; ends with the drain.
final class HealthWatch: OwnCall {
  private var isWatching = false
  private var isKnown = false
  private var told: HealthMessages.ServingStatus?

  override func answer(_ message: ArraySlice<UInt8>) {
    guard let service = HealthMessages.service(message) else {
      return end(.internalError, "The message is no protobuf")
    }
    isKnown = HealthMessages.services.contains(service)
    isWatching = true
    beginMessages()
    tell(loop.state())
  }

  override func gateChanged(_ published: Published) { if isWatching { tell(published) } }

  private func tell(_ published: Published) {
    let status: HealthMessages.ServingStatus =
      isKnown ? published.gate == .ready ? .serving : .notServing : .serviceUnknown
    if status != told {
      told = status
      let message = HealthMessages.checkResponse(status)
      // One who reads nothing hears the last word when there is room, if ever.
      if message.count <= room { message.withUnsafeBytes { send($0) } }
    }
    if published.gate.isDraining {
      isWatching = false
      end(.ok, "")
    }
  }
}
