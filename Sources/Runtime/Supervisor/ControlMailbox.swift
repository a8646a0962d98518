import CPlatform
import DataPlane
import Glibc
import LinuxSystem

/// Brings requests for `/supervisor` from the gate's threads to the main thread.
///
/// How many may wait is the gate's to bound (`HTTPLimits.controlRequests`).
final class ControlMailbox: Sendable {
  let descriptor: Int32
  private let waiting = Locked<[(ControlRequest, any ControlReply)]>([])

  init() throws(SystemError) {
    descriptor = par_eventfd()
    guard descriptor >= 0 else { throw SystemError("eventfd") }
  }

  deinit { closeDescriptor(descriptor) }

  /// From any thread.
  func put(_ request: ControlRequest, _ reply: any ControlReply) {
    waiting.withLock { $0.append((request, reply)) }
    var one: UInt64 = 1
    _ = Glibc.write(descriptor, &one, 8)
  }

  func take() -> [(ControlRequest, any ControlReply)] {
    _ = readAvailable(descriptor, limit: 8)
    return waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
  }
}
