import ControlPlane
import Lifecycle
import LinuxSystem

/// A `boot_progress` line every 5 s of a long phase, with the last word of whoever is at work.
final class ProgressReports {
  static let interval = Interval.seconds(5)

  private let loop: ControlLoop
  private let phase: StateName
  private let log: LogWriter
  private(set) var lastMessage: String
  /// Gets every message too.
  var told: (String) -> Void = { _ in }
  private var alarm = 0

  init(phase: StateName, message: String, loop: ControlLoop, log: LogWriter) {
    self.phase = phase
    lastMessage = message
    self.loop = loop
    self.log = log
    schedule()
  }

  deinit { loop.cancel(alarm) }

  func tell(_ message: String) {
    lastMessage = message
    told(message)
  }

  private func schedule() {
    alarm = loop.schedule(at: Clock.now() + Self.interval) { [weak self] in
      guard let self else { return }
      log.write(.bootProgress(phase: phase, message: lastMessage))
      schedule()
    }
  }
}
