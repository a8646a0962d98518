import ControlPlane
import CPlatform
import Lifecycle
import LinuxSystem

/// Tells the service manager what becomes of the run, in the words of sd_notify(3): a subscriber of
/// the transitions. `READY=1` is the transition to the first Ready and `STOPPING=1` the one to
/// draining; there is no flag beside the state. A reload, which is no transition, is told besides.
///
/// To be used on the control loop's thread. It never waits: what the service manager does not take
/// at once is kept, the newest of each word, and sent again.
final class ServiceNotifier {
  /// The times that it keeps.
  struct Pace {
    /// How far an extension of the service manager's time-out reaches at most: a program that hangs
    /// is found out after so long.
    var extensionLimit = Interval.seconds(30)
    /// How often it is renewed.
    var renewal = Interval.seconds(10)
    /// The least time between two words on the progress of one phase.
    var progress = Interval.milliseconds(500)
    /// How often the number of requests in flight is looked at in a drain.
    var drain = Interval.seconds(1)
    /// When what could not be sent is sent again, and how often at most.
    var retry = Interval.milliseconds(100)
    var retries = 50
  }

  private enum Word: Hashable, CaseIterable {
    case reloading, ready, stopping, status, extend, watchdog
  }

  private let socket: NotifySocket?
  private let loop: ControlLoop
  private let pace: Pace
  /// What keeps secrets out of `STATUS`.
  var redact: (String) -> String = { $0 }
  /// Called once at most, with what is wrong with the socket.
  var warn: (String) -> Void = { _ in }
  /// Requests in flight.
  var inFlight: () -> Int = { 0 }
  /// Where the REST port is.
  var place = ""

  private var machine: (state: State, policy: Policy)?
  private var doing: String?
  private var failure: String?
  private var isReloading = false
  /// CLOCK_MONOTONIC in microseconds.
  private var reloadingSince: Int64 = 0
  /// The last status that was put on its way.
  private var toldStatus: String?
  private var toldStatusAt = Instant.start
  /// How far the last extension reaches.
  private var extendedUntil = Instant.start
  private var alarms: [Word: Int] = [:]
  private var unsent: Set<Word> = []
  private var retriesLeft = 0
  private var retryAlarm: Int?
  private var hasWarned = false

  /// - Parameter address: `NOTIFY_SOCKET`; nil: nobody is told anything.
  init(address: String?, loop: ControlLoop, pace: Pace = Pace()) throws(SystemError) {
    self.loop = loop
    self.pace = pace
    if let address { socket = try NotifySocket(address: address) } else { socket = nil }
  }

  // MARK: What happened

  /// A step of the machine, after it was logged.
  func stepped(_ step: Step, _ machine: Machine, at now: Instant = Clock.now()) {
    guard socket != nil else { return }
    let isMove = step.verdict == .moved
    if isMove { doing = nil }
    self.machine = (machine.state, machine.policy)
    if isMove, step.to == .ready, machine.state.attempt == 1 { unsent.insert(.ready) }
    if isMove, step.to == .draining { unsent.insert(.stopping) }
    putStatus(at: now)
    if isMove { extend(at: now) }
    send()
  }

  /// Why the run gives up, before it drains.
  func failed(_ sentence: String) { failure = sentence }

  /// `RELOADING=1`: a second worker loads beside the one that serves.
  func reloading() {
    // Of a program whose first READY=1 is still to be sent nobody waits for another.
    guard socket != nil, !unsent.contains(.ready) else { return }
    isReloading = true
    reloadingSince = par_monotonic_ns() / 1000
    unsent.insert(.reloading)
    putStatus(at: Clock.now())
    send()
  }

  /// `READY=1` again: the reload is over, whoever serves now.
  func reloaded() {
    guard socket != nil, isReloading else { return }
    isReloading = false
    // Who was never told that it began need not be told that it is over, nor who was told of the
    // program's end.
    let wasTold = unsent.remove(.reloading) == nil
    if case .draining = machine?.state { return send() }
    if wasTold { unsent.insert(.ready) }
    putStatus(at: Clock.now())
    send()
  }

  /// What a phase's progress says from here on is told too.
  func follow(_ progress: ProgressReports?) {
    guard socket != nil else { return }
    progress?.told = { [weak self] message in self?.progressed(message) }
  }

  /// `WATCHDOG=1`.
  func feedWatchdog() {
    unsent.insert(.watchdog)
    send()
  }

  // MARK: STATUS

  private func progressed(_ message: String) {
    doing = message
    guard alarms[.status] == nil else { return }
    let due = toldStatusAt + pace.progress
    let now = Clock.now()
    guard now < due else {
      putStatus(at: now)
      return send()
    }
    arm(.status, at: due) { [unowned self] now in
      putStatus(at: now)
      send()
    }
  }

  private func putStatus(at now: Instant) {
    disarm(.status)
    guard let machine else { return }
    let words = ServiceWords.status(
      machine.state, doing: doing, failure: failure, inFlight: inFlight(), place: place,
      isReloading: isReloading)
    let status = ServiceWords.line(redact(words))
    if status != toldStatus {
      toldStatus = status
      toldStatusAt = now
      unsent.insert(.status)
    }
    guard case .draining(let draining) = machine.state, draining.cause.isAsked else { return }
    arm(.status, at: now + pace.drain) { [unowned self] now in
      putStatus(at: now)
      send()
    }
  }

  // MARK: EXTEND_TIMEOUT_USEC

  /// Asks for as much time as the state may still take, at most `pace.extensionLimit`, and for more
  /// long before that is over.
  private func extend(at now: Instant) {
    disarm(.extend)
    unsent.remove(.extend)
    guard let machine else { return }
    let reach = now + pace.extensionLimit
    switch ServiceWords.term(machine.state, machine.policy) {
    case .until(let end): extendedUntil = min(end, reach)
    case .unlimited: extendedUntil = reach
    case .none: return
    }
    guard extendedUntil > now else { return }
    unsent.insert(.extend)
    // Up to the limit already: there is no more to ask for.
    guard extendedUntil == reach else { return }
    arm(.extend, at: now + pace.renewal) { [unowned self] now in
      extend(at: now)
      send()
    }
  }

  // MARK: Sending

  private func arm(_ word: Word, at due: Instant, _ action: @escaping (Instant) -> Void) {
    disarm(word)
    alarms[word] = loop.schedule(at: due) { [weak self] in
      guard let self else { return }
      alarms[word] = nil
      action(Clock.now())
    }
  }

  private func disarm(_ word: Word) {
    if let alarm = alarms.removeValue(forKey: word) { loop.cancel(alarm) }
  }

  private func line(_ word: Word) -> String? {
    switch word {
    case .reloading: return "RELOADING=1\nMONOTONIC_USEC=\(reloadingSince)"
    case .ready: return "READY=1"
    case .stopping: return "STOPPING=1"
    case .status: return "STATUS=\(toldStatus ?? "")"
    case .extend:
      // Counted from here, so that what is sent late does not reach further.
      let left = (extendedUntil - Clock.now()).nanoseconds / 1000
      return left > 0 ? "EXTEND_TIMEOUT_USEC=\(left)" : nil
    case .watchdog: return "WATCHDOG=1"
    }
  }

  private func send(isRetry: Bool = false) {
    guard let socket else { return }
    if !isRetry { retriesLeft = pace.retries }
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
    retryAlarm = loop.schedule(at: Clock.now() + pace.retry) { [weak self] in
      self?.retryAlarm = nil
      self?.send(isRetry: true)
    }
  }
}
