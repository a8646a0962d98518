import AgentPackages
import ControlPlane
import Lifecycle
import LinuxSystem
import PackageFetch
import RunConfiguration

/// Brings the config: at the start, on SIGHUP and every so often. On the control loop's thread.
final class ConfigWatch {
  /// What a reading brought.
  enum Outcome: Equatable {
    /// The same document as the last one, whatever became of that.
    case unchanged
    /// - revision: 12 hexadecimal digits of the document's SHA-256.
    case document([UInt8], revision: String)
    case failed(Explanation)
  }

  /// What a download needs.
  struct Download {
    /// Where what was downloaded is kept, so that the next one need not come.
    let folder: String
    let timeout: Interval
    let runID: String
    /// Of the supervisor, as `NAME=value`.
    let environment: [String]
  }

  /// Kept of former documents, in bytes.
  static let keptBytes: Int64 = 8 << 20
  /// How much longer than its own time-out a step may take before it is ended.
  static let grace = Interval.seconds(1)

  private let source: SupervisorConfiguration.ConfigSource
  private let interval: Interval
  private let limits: DesiredLimits
  private let download: Download
  private let loop: ControlLoop
  private let outcome: (Outcome) -> Void
  private var file: ConfigFile
  private var revision: String?
  private var step: StepProcess?
  private var alarm: Int?
  private var deadline: Int?
  private var isAskedAgain = false
  private var isStopped = false

  /// - Parameter interval: between two looks; zero: only when asked.
  init(
    _ source: SupervisorConfiguration.ConfigSource, interval: Interval, limits: DesiredLimits,
    download: Download, loop: ControlLoop, outcome: @escaping (Outcome) -> Void
  ) {
    self.source = source
    self.interval = interval
    self.limits = limits
    self.download = download
    self.loop = loop
    self.outcome = outcome
    file = ConfigFile(
      path: { if case .file(let path) = source { path } else { "" } }(), limit: limits.documentBytes
    )
  }

  /// What tells one source from another in the state, without saying what it is: an address may hold a
  /// password.
  var name: String {
    switch source {
    case .file(let path): Self.hash(Array("file:\(path)".utf8))
    case .url(let url): Self.hash(Array(url.utf8))
    }
  }

  /// Reads it now. The outcome of a file comes before this returns, that of a URL later.
  func read() { look(isAsked: true) }

  /// Reads nothing more.
  func stop() {
    isStopped = true
    cancelAlarms()
    step?.cancel()
    step = nil
  }

  /// The download that runs.
  var child: Int32? { step?.pid }

  /// A child process ended; true: it was the download.
  func childEnded(_ pid: Int32, _ status: ExitStatus) -> Bool {
    guard let step, step.pid == pid else { return false }
    step.ended(status)
    return true
  }

  private func look(isAsked: Bool) {
    guard !isStopped else { return }
    cancelAlarms()
    switch source {
    case .file:
      switch file.look(isAsked: isAsked, now: Clock.wallNanoseconds()) {
      case .same: finish(.unchanged)
      case .settling(let time): lookAgain(after: time)
      case .bytes(let bytes): finish(bytes)
      case .unreadable(let sentence):
        finish(
          .failed(
            Explanation(
              error: sentence,
              hint: "name a file that this user may read; docs/errors.md#supervisor-config")))
      }
    case .url(let url):
      guard step == nil else {
        // What is on its way may have been asked for before the change that is meant.
        isAskedAgain = isAskedAgain || isAsked
        return
      }
      fetch(url)
    }
  }

  private func lookAgain(after time: Interval) {
    alarm = loop.schedule(at: Clock.now() + time) { [weak self] in
      self?.alarm = nil
      self?.look(isAsked: false)
    }
  }

  private func cancelAlarms() {
    for id in [alarm, deadline].compactMap(\.self) { loop.cancel(id) }
    alarm = nil
    deadline = nil
  }

  // MARK: - A URL

  private func fetch(_ url: String) {
    let request = FetchRequest(
      url: url, maximumBytes: Int64(limits.documentBytes),
      timeoutMilliseconds: download.timeout.milliseconds, cacheFolder: download.folder,
      runID: download.runID, cacheMaximumBytes: Self.keptBytes, subject: .config)
    do throws(SystemError) {
      step = try StepProcess(
        .fetch, request: request.json, environment: download.environment, loop: loop
      ) { [weak self] in self?.take($0) }
    } catch {
      finish(
        .failed(
          Explanation(
            error: "the download of the config cannot be started: \(error)",
            hint: "look at memory and the number of processes; docs/errors.md#step-ended")))
      return
    }
    deadline = loop.schedule(at: Clock.now() + download.timeout + Self.grace) { [weak self] in
      guard let self else { return }
      deadline = nil
      step?.cancel()
      finishStep(
        .failed(
          Explanation(
            error: "Failed to download the config: it took longer than "
              + "\(DecimalText.describe(download.timeout.seconds)) s",
            hint: "raise FETCH_TIMEOUT_SEC; docs/errors.md#fetch-timeout")))
    }
  }

  private func take(_ report: StepProcess.Report) {
    switch report {
    case .progress, .retry: return
    case .done(let result):
      guard let fetched = try? FetchedPackage(json: result),
        let bytes = readFile(fetched.path, limit: limits.documentBytes)
      else {
        finishStep(
          .failed(
            Explanation(
              error: "what was downloaded as config cannot be read again from \(download.folder)",
              hint: "see that this user may write there; docs/errors.md#state-folder")))
        return
      }
      finishStep(nil, bytes)
    case .failed(let failure):
      finishStep(
        .failed(Explanation(error: failure.error, detail: failure.detail, hint: failure.hint)))
    }
  }

  private func finishStep(_ failure: Outcome?, _ bytes: [UInt8] = []) {
    step = nil
    cancelAlarms()
    if let failure { finish(failure) } else { finish(bytes) }
    if isAskedAgain {
      isAskedAgain = false
      look(isAsked: true)
    }
  }

  // MARK: - The outcome

  private func finish(_ bytes: [UInt8]) {
    let revision = Self.hash(bytes)
    guard revision != self.revision else { return finish(.unchanged) }
    self.revision = revision
    finish(.document(bytes, revision: revision))
  }

  private func finish(_ result: Outcome) {
    guard !isStopped else { return }
    if interval > .zero { lookAgain(after: interval) }
    outcome(result)
  }

  /// 12 hexadecimal digits; none without libcrypto, without which no package can be read either.
  static func hash(_ bytes: [UInt8]) -> String {
    guard let sha256 = try? SHA256() else { return "" }
    sha256.update(bytes)
    return String(sha256.finish().prefix(12))
  }
}
