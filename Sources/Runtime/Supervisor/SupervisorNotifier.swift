import CPlatform
import ControlPlane
import Lifecycle
import LinuxSystem

/// Tells the service manager what becomes of a supervisor, in the words of sd_notify(3): a subscriber
/// of the machine. `READY=1` is the moment when the port answers and it is known which agents are
/// wanted: how long they take to boot is not the service manager's business.
///
/// To be used on the control loop's thread. It never waits: what is not taken at once is kept, the
/// newest of each word, and sent again.
final class SupervisorNotifier {
  /// When what could not be sent is sent again, and how often at most.
  static let retryPause = Interval.milliseconds(100)
  static let retries = 50

  private enum Word: Hashable, CaseIterable {
    case reloading, ready, stopping, status, extend, watchdog
  }

  private let socket: NotifySocket?
  private let loop: ControlLoop
  var redact: (String) -> String = { $0 }
  /// Called once at most, with what is wrong with the socket.
  var warn: (String) -> Void = { _ in }
  private var isReady = false
  private var isStopping = false
  private var reloadingSince: Int64 = 0
  private var deadline = Instant.start
  private var status = ""
  private var unsent: Set<Word> = []
  private var retriesLeft = 0
  private var retryAlarm: Int?
  private var hasWarned = false

  /// - Parameter address: `NOTIFY_SOCKET`; nil: nobody is told anything.
  init(address: String?, loop: ControlLoop) throws(SystemError) {
    self.loop = loop
    if let address { socket = try NotifySocket(address: address) } else { socket = nil }
  }

  /// The machine after a step.
  func told(_ supervision: Supervision, inFlight: Int) {
    guard socket != nil else { return }
    switch supervision.phase {
    case .starting(let starting): if starting.isLoaded { becomeReady() }
    case .serving: becomeReady()
    case .draining, .stopped:
      if !isStopping {
        isStopping = true
        deadline = Clock.now() + supervision.policy.drainDeadline
        unsent.formUnion([.stopping, .extend])
      }
    }
    put(Self.status(supervision, inFlight: inFlight))
    send()
  }

  /// Why the program cannot start.
  func failed(_ sentence: String) {
    put("Failed: \(sentence)")
    send()
  }

  func stopped() {
    put("Stopped")
    send()
  }

  /// `RELOADING=1`: the config is read again.
  func reloading() {
    guard socket != nil, isReady, !isStopping else { return }
    reloadingSince = par_monotonic_ns() / 1000
    unsent.insert(.reloading)
    send()
  }

  func reloaded() {
    guard socket != nil, isReady, !isStopping else { return }
    unsent.insert(.ready)
    send()
  }

  /// `WATCHDOG=1`.
  func feedWatchdog() {
    unsent.insert(.watchdog)
    send()
  }

  /// As `12 agents: 10 ready, 1 booting, 1 failed`.
  static func status(_ supervision: Supervision, inFlight: Int) -> String {
    let count = supervision.agents.count
    let counts = supervision.counts
    let parts = AgentStateName.allCases.compactMap { state in
      counts[state].map { "\($0) \(state.rawValue)" }
    }
    let agents =
      count == 0
      ? "No agents" : "\(count) agent\(count == 1 ? "" : "s"): " + parts.joined(separator: ", ")
    switch supervision.phase {
    case .starting, .serving: return agents
    case .draining: return "Draining, \(inFlight) in flight; \(agents)"
    case .stopped: return "Stopped"
    }
  }

  private func becomeReady() {
    guard !isReady else { return }
    isReady = true
    unsent.insert(.ready)
  }

  private func put(_ words: String) {
    let line = String(redact(words).map { $0.isNewline ? " " : $0 }.prefix(1000))
    guard line != status else { return }
    status = line
    unsent.insert(.status)
  }

  private func line(_ word: Word) -> String? {
    switch word {
    case .reloading: return "RELOADING=1\nMONOTONIC_USEC=\(reloadingSince)"
    case .ready: return "READY=1"
    case .stopping: return "STOPPING=1"
    case .status: return "STATUS=\(status)"
    case .extend:
      let left = (deadline - Clock.now()).nanoseconds / 1000
      return left > 0 ? "EXTEND_TIMEOUT_USEC=\(left)" : nil
    case .watchdog: return "WATCHDOG=1"
    }
  }

  private func send(isRetry: Bool = false) {
    guard let socket else { return }
    if !isRetry { retriesLeft = Self.retries }
    let lines = Word.allCases.filter(unsent.contains).compactMap(line)
    guard !lines.isEmpty else { return unsent.removeAll() }
    switch socket.send(lines.joined(separator: "\n")) {
    case .sent: unsent.removeAll()
    case .full: sendLater()
    case .failed(let error):
      unsent.removeAll()
      guard !hasWarned else { return }
      hasWarned = true
      warn("the service manager cannot be told anything: \(error)")
    }
  }

  private func sendLater() {
    guard retryAlarm == nil, retriesLeft > 0 else { return }
    retriesLeft -= 1
    retryAlarm = loop.schedule(at: Clock.now() + Self.retryPause) { [weak self] in
      self?.retryAlarm = nil
      self?.send(isRetry: true)
    }
  }
}
