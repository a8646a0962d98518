import CPlatform
package import DataPlane
import Glibc
import Lifecycle
package import LinuxSystem

/// Wakes the main thread when the gate, or a worker that was replaced, has nothing in flight any
/// more.
package final class IdleMailbox: Sendable {
  package let descriptor: Int32
  private let workers = Locked<[Worker]>([])

  package init() throws(SystemError) {
    descriptor = par_eventfd()
    guard descriptor >= 0 else { throw SystemError("eventfd") }
  }

  deinit { closeDescriptor(descriptor) }

  /// From any thread.
  package func put() {
    var one: UInt64 = 1
    _ = Glibc.write(descriptor, &one, 8)
  }

  /// From any thread: the worker has nothing in flight.
  package func put(_ worker: Worker) {
    workers.withLock { $0.append(worker) }
    put()
  }

  /// - Returns: workers that have nothing in flight since the last time.
  package func take() -> [Worker] {
    _ = readAvailable(descriptor, limit: 8)
    return workers.withLock { workers in
      defer { workers = [] }
      return workers
    }
  }
}

/// What the gate tells, on its own threads.
package final class GateObserver: DataPlaneObserver {
  private let mailbox: IdleMailbox
  private let log: LogWriter
  /// Not every request has its line.
  private let isSampled: Bool

  package init(mailbox: IdleMailbox, log: LogWriter, isSampled: Bool) {
    self.mailbox = mailbox
    self.log = log
    self.isSampled = isSampled
  }

  package func nothingInFlight() { mailbox.put() }

  package func workerIsIdle(_ worker: Worker) { mailbox.put(worker) }

  package func requestFinished(_ record: AccessRecord) {
    log.write(
      .request(
        RequestFacts(
          method: record.method, path: record.path, status: record.status,
          grpcStatus: record.grpcStatus, durationMicroseconds: record.durationNanoseconds / 1000,
          bytes: record.bytesSent, requestID: record.requestID, traceID: record.traceID,
          surface: record.surface, sample: isSampled ? record.sample : nil)), about: record.agent)
  }

  package func requestWasSlow(_ record: AccessRecord, leftOut: Int) {
    log.write(
      .slowRequest(
        SlowFacts(
          method: record.method, path: record.path,
          status: record.status == 0 ? nil : record.status, grpcStatus: record.grpcStatus,
          durationMilliseconds: record.durationNanoseconds / 1_000_000,
          agentMilliseconds: record.agentNanoseconds / 1_000_000,
          heldMilliseconds: record.heldNanoseconds / 1_000_000, requestID: record.requestID,
          traceID: record.traceID, surface: record.surface, leftOut: leftOut)), about: record.agent)
  }

  package func connectionRefused(reason: String, peer: String, count: Int) {
    let others = count > 1 ? "; \(count - 1) more since the last such line" : ""
    log.write(
      .warning(
        code: "http2_refused",
        message: "an HTTP/2 connection from \(peer.isEmpty ? "a local socket" : peer) was ended: "
          + reason + others))
  }
}
