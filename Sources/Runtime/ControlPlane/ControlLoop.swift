package import Lifecycle
package import LinuxSystem

/// The main thread's loop: readable descriptors and due times call what was registered for them.
///
/// Everything of the control plane runs here, one after the other, so none of it needs a lock.
package final class ControlLoop {
  private let epoll: EpollSet
  private var handlers: [Int32: () -> Void] = [:]
  private var alarms: [Alarm] = []
  private var nextAlarm = 0
  private var isRunning = true

  private struct Alarm {
    let id: Int
    let due: Instant
    let action: () -> Void
  }

  package init() throws(SystemError) { epoll = try EpollSet() }

  /// Calls `handler` whenever the descriptor can be read or its other end is gone. The descriptor
  /// stays the caller's; it must be forgotten before it is closed.
  package func watch(_ fd: Int32, _ handler: @escaping () -> Void) throws(SystemError) {
    try epoll.add(fd, token: UInt64(fd))
    handlers[fd] = handler
  }

  package func forget(_ fd: Int32) {
    guard handlers.removeValue(forKey: fd) != nil else { return }
    epoll.remove(fd)
  }

  /// Calls `action` once at `due`; the number cancels it.
  package func schedule(at due: Instant, _ action: @escaping () -> Void) -> Int {
    nextAlarm += 1
    alarms.append(Alarm(id: nextAlarm, due: due, action: action))
    return nextAlarm
  }

  package func cancel(_ id: Int) { alarms.removeAll { $0.id == id } }

  package func stop() { isRunning = false }

  /// Runs until `stop`.
  package func run() {
    while isRunning {
      let ready = epoll.wait(alarms.map(\.due).min().map { $0 - Clock.now() })
      // A handler may forget a descriptor that is ready in the same round.
      for readiness in ready where isRunning { handlers[Int32(readiness.token)]?() }
      let now = Clock.now()
      for alarm in alarms.filter({ $0.due <= now }).sorted(by: { $0.due < $1.due }) {
        guard isRunning, alarms.contains(where: { $0.id == alarm.id }) else { continue }
        cancel(alarm.id)
        alarm.action()
      }
    }
  }
}
