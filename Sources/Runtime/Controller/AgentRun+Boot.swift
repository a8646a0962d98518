import ControlPlane
import AgentPackages
import Glibc
import Lifecycle
import LinuxSystem
import PackageFetch
import RunConfiguration

/// Fetching, Verifying, Installing.
extension AgentRun {
  /// Tells why the boot cannot go on, and gives up.
  func fail(_ explanation: Explanation) {
    explain(explanation)
    send(.failed(.failure))
  }

  /// An agent that was Ready fails in loading: it does not come up again.
  func explain(_ explanation: Explanation) {
    notifier.failed(explanation.error)
    let state = machine.state.name
    log.write(.bootFailed(phase: state == .ready ? .loading : state, explanation))
  }

  func fetch() {
    switch configuration.package {
    case .path(let path): fetchLocal(path)
    case .url(let url): download(url)
    case nil: fail(Explanation(error: "no package is named", hint: "docs/errors.md#no-package"))
    }
  }

  private func download(_ url: String) {
    guard isCacheUsable() else { return }
    let request = FetchRequest(configuration, url: url, runID: runID)
    start(.fetch, request: request.json, phase: .fetching) { [unowned self] result in
      let fetched = try FetchedPackage(json: result)
      packageBytes = fetched.bytes
      archive = (fetched.path, fetched.sha256)
      send(.packageFetched)
    }
  }

  private func fetchLocal(_ path: String) {
    switch FileKind(path) {
    case .file(let bytes) where bytes > configuration.maxPackageBytes:
      fail(
        Explanation(
          error: "the package \(path) has \(bytes) bytes, "
            + "more than MAX_PACKAGE_SIZE_MB=\(configuration.maxPackageBytes >> 20) allows",
          hint: "make it smaller or raise MAX_PACKAGE_SIZE_MB; docs/errors.md#package-too-large"))
    case .file(let bytes):
      packageBytes = bytes
      send(.packageFetched)
    case .folder: send(.packageFetched)
    case .missing where isBehindClosedFolder(path):
      fail(
        Explanation(
          error: "the package \(path) cannot be reached: "
            + "user \(geteuid()) may not enter a folder above it",
          hint: "put it where that user can read it; docs/errors.md#no-package"))
    case .missing:
      fail(
        Explanation(
          error: "there is no package at \(path)",
          hint: "check the argument of run or AGENT_PACKAGE_PATH; docs/errors.md#no-package"))
    case .other:
      fail(
        Explanation(
          error: "\(path) is neither a file nor a folder",
          hint: "give an .apkg file or an unpacked package folder; docs/errors.md#no-package"))
    }
  }

  private func isBehindClosedFolder(_ path: String) -> Bool {
    access(path, F_OK) < 0 && errno == EACCES
  }

  func verify() {
    guard let host = HostLocation.find() else {
      return fail(
        Explanation(
          error: "the agent host is not where this program looks for it",
          hint: "keep agent-host beside the program, as make build leaves it; "
            + "docs/errors.md#agent-host-missing"))
    }
    self.host = host
    guard isCacheUsable(), let request = verifyRequest(host) else { return }
    start(.verify, request: request.json, phase: .verifying) { [unowned self] result in
      let package = try VerifiedPackage(json: result)
      verified(package)
    }
  }

  private func isCacheUsable() -> Bool {
    let cache = configuration.cacheFolder
    guard cache.mustBePrivate, !makePrivateFolder(cache.path) else { return true }
    fail(
      Explanation(
        error: "\(cache.path) is not a folder of this user alone, so packages are not kept there",
        hint: "remove it or set PAR_CACHE_DIR; docs/errors.md#cache-folder"))
    return false
  }

  private func verifyRequest(_ host: HostLocation) -> VerifyRequest? {
    switch configuration.package {
    case .path(let path): VerifyRequest(configuration, path: path, host: host)
    case .url(let url):
      archive.map {
        VerifyRequest(
          configuration, path: $0.path, host: host, name: Redactor.redactURL(url), hash: $0.sha256)
      }
    case nil: nil
    }
  }

  private func verified(_ package: VerifiedPackage) {
    composer.package = package
    composer.surfaces = package.manifest.surfaces
    redactor.add(Dictionary(package.agentEnvironment.map { ($0.name, $0.value) }) { $1 })
    log.keepOut(redactor)
    for warning in package.warnings {
      log.write(.warning(code: warning.code, message: warning.message))
    }
    python = package.environment.python
    lease = CacheLease(package: package)
    let hasWorker = package.manifest.needsPython
    let environment: Preparation.Environment =
      switch package.environment.kind {
      case .none: .none
      case .hit: .hit
      case .miss: .miss
      }
    send(
      .packageVerified(
        Preparation(environment: hasWorker ? environment : .none, hasWorker: hasWorker)))
  }

  func install(_ preparation: Preparation) {
    guard preparation.environment == .miss, let package = composer.package,
      let host, let verify = verifyRequest(host)
    else { return send(.environmentInstalled) }
    start(.install, request: InstallRequest(verify, package).json, phase: .installing) {
      [unowned self] result in
      let installed = try InstalledEnvironment(json: result)
      python = installed.python
      composer.package?.environment.folder = installed.folder
      lease = composer.package.map { CacheLease(package: $0) }
      send(.environmentInstalled)
    }
  }

  private func start(
    _ kind: StepProcess.Kind, request: JSONValue, phase: StateName,
    done: @escaping (JSONValue) throws -> Void
  ) {
    progress = ProgressReports(phase: phase, message: kind.rawValue, loop: loop, log: log)
    do {
      step = try StepProcess(
        kind, request: request, environment: environment.map { "\($0.key)=\($0.value)" },
        loop: loop
      ) { [unowned self] report in
        switch report {
        case .progress(let message): progress?.tell(message)
        case .retry(let attempt, let error, let delay):
          lastFetchError = error
          log.write(.fetchRetry(attempt: attempt, error: error, delayMilliseconds: delay))
        case .failed(let failure):
          progress = nil
          fail(
            Explanation(error: failure.error, detail: failure.detail, hint: failure.hint))
        case .done(let result):
          progress = nil
          do { try done(result) } catch { fail(Explanation(error: "\(error)")) }
        }
      }
    } catch {
      progress = nil
      fail(
        Explanation(
          cannotStart: "the \(kind.rawValue) step", error, hint: "docs/errors.md#step-ended"))
    }
  }

  /// What a due time means is told before the machine acts on it.
  func explainTimer(_ timer: Timer) {
    switch timer {
    case .fetchTimeout:
      explain(
        Explanation(
          error:
            "Failed to download package: it took longer than \(configuration.fetchTimeout.text)"
            + (lastFetchError.map { "; the last attempt: \($0)" } ?? ""),
          detail: progress?.lastMessage,
          hint: "raise FETCH_TIMEOUT_SEC; docs/errors.md#fetch-timeout"))
    case .installTimeout:
      explain(
        Explanation(
          error: "the installation took longer than \(configuration.installTimeout.text)",
          detail: progress?.lastMessage,
          hint: "fill a wheelhouse or raise INSTALL_TIMEOUT_SEC; docs/errors.md#install-timeout"))
    case .hardLimit: explainHardLimit()
    case .loadTimeout:
      guard case .loading(let loading) = machine.state else { return }
      guard case .first = loading.course else {
        var preview = machine
        _ = preview.handle(.timerFired(timer), at: now)
        if preview.state.name == .draining { explainRestartsUsedUp("did not become ready again") }
        return
      }
      explain(
        Explanation(
          error: "the agent was not ready after \(configuration.loadTimeout.text)\(whileDoing)",
          detail: stacks, hint: "raise LOAD_TIMEOUT_SEC; docs/errors.md#load-timeout"))
    case .restartDelay, .drainMinimum, .streamDrain, .agentStop, .agentKill, .drainDeadline: break
    }
  }

  private func explainHardLimit() {
    guard let limit = configuration.hardLimit else { return }
    let now = now
    let phases = machine.state.phases(at: now)
    log.write(
      .hardLimitExceeded(
        bootMilliseconds: (now - .start).milliseconds,
        countedMilliseconds: phases.counted.milliseconds,
        hardLimitMilliseconds: limit.milliseconds, phases: PhaseTimes(phases)), at: now)
    explain(
      Explanation(
        error: "the boot exceeded its hard limit of \(limit.text)\(whileDoing)",
        detail: stacks ?? progress?.lastMessage,
        hint: "raise BOOT_HARD_LIMIT_MULTIPLIER or set it to 0; docs/errors.md#hard-limit"))
  }

  private var whileDoing: String { worker?.lastStatus.map { " (\($0))" } ?? "" }
}

extension Interval {
  /// As a person says it: `10 s`, `0.5 s`.
  var text: String {
    let whole = Int64(exactly: seconds)
    return whole.map { "\($0) s" } ?? "\(seconds) s"
  }
}
