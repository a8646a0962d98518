package import DataPlane
import LinuxSystem
package import RunConfiguration

extension DataPlaneOptions {
  /// Descriptors that connections leave for everything else.
  package static let reservedDescriptors = 64

  /// Takes the gate's share of a configuration: what is the same for one agent and for many.
  ///
  /// - Parameter reserved: descriptors that connections leave for everything else.
  package mutating func adopt(
    _ configuration: Configuration, reserved: Int = DataPlaneOptions.reservedDescriptors
  ) {
    multiplexed = configuration.multiplexed
    bodyIdleTimeout = configuration.bodyIdleTimeout
    upstreamConnectTimeout = configuration.upstreamConnectTimeout
    trustedProxies = configuration.trustedProxies.compactMap { AddressRange($0) }
    // A proxied request needs two descriptors; some are for files and children.
    let room = (descriptorLimit() - reserved) / 2
    limits.connections = max(1, min(limits.connections, room))
    limits.heldRequests = configuration.holdMaxRequests
    holdTime = configuration.holdMaxTime
    accessLog = configuration.accessLog
    slowRequest = configuration.slowRequest
    timingHeader = configuration.timingHeader
  }
}
