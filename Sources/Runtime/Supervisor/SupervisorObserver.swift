import ControlPlane
import DataPlane

/// What the gate tells a supervisor, on its own threads.
final class SupervisorObserver: DataPlaneObserver {
  private let gate: GateObserver
  private let mailbox: ControlMailbox

  init(_ gate: GateObserver, _ mailbox: ControlMailbox) {
    self.gate = gate
    self.mailbox = mailbox
  }

  func nothingInFlight() { gate.nothingInFlight() }
  func requestFinished(_ record: AccessRecord) { gate.requestFinished(record) }
  func requestWasSlow(_ record: AccessRecord, leftOut: Int) {
    gate.requestWasSlow(record, leftOut: leftOut)
  }
  func connectionRefused(reason: String, peer: String, count: Int) {
    gate.connectionRefused(reason: reason, peer: peer, count: count)
  }
  func controlRequest(_ request: ControlRequest, reply: any ControlReply) {
    mailbox.put(request, reply)
  }
}
