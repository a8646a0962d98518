import ControlPlane
import AgentPackages
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Loading, and what becomes of the worker.
extension AgentRun {
  func startWorker(_ attempt: Int) {
    guard let package = composer.package, let folder else { return }
    guard package.manifest.needsPython else { return send(.workerReady(attempt: attempt)) }
    unlink(folder.restSocket)
    unlink(folder.a2aSocket)
    composer.worker = nil
    progress = ProgressReports(phase: .loading, message: "starting", loop: loop, log: log)
    do {
      worker = try spawnWorker(attempt, package)
    } catch {
      var preview = machine
      let lost = Event.workerLost(attempt: attempt, jitter: Int.random(in: -20...20))
      _ = preview.handle(lost, at: now)
      if preview.state.name == .draining {
        explain(notStarted(error, from: package.root))
      }
      send(lost)
    }
  }

  /// Starts a process of the agent beside those that there are.
  func spawnWorker(
    _ attempt: Int, _ package: VerifiedPackage
  ) throws(SystemError) -> WorkerProcess {
    guard let folder, let host, let python else {
      throw SystemError("find the agent's interpreter", number: ENOENT)
    }
    workersStarted += 1
    let number = workersStarted
    let sockets = WorkerSockets(folder: folder.path, number: number)
    let worker = try WorkerProcess(
      attempt: attempt, number: number, python: python, startFile: host.startFile,
      folder: package.root, environment: agentEnvironment(package, python: python),
      sockets: sockets, configuration: hostConfiguration(package, sockets), loop: loop,
      report: { [unowned self] in take($0, of: number) })
    log.write(.workerStarted(pid: Int(worker.pid), attempt: attempt))
    return worker
  }

  /// Why there is no worker. The folder it is started in may be what the kernel does not find.
  func notStarted(_ error: SystemError, from folder: String) -> Explanation {
    guard FileKind(folder) == .folder else {
      return Explanation(
        error: "the agent's folder \(folder) is gone, so its process cannot be started",
        hint: "keep PAR_CACHE_DIR while a run uses it; docs/errors.md#cache-folder")
    }
    return Explanation(
      cannotStart: "the agent's interpreter", error, hint: "docs/errors.md#interpreter")
  }

  /// What the agent sees: its own variables, with the programs of its environment first.
  private func agentEnvironment(_ package: VerifiedPackage, python: String) -> [String] {
    var variables = Dictionary(package.agentEnvironment.map { ($0.name, $0.value) }) { $1 }
    let programs = python.split(separator: "/").dropLast().joined(separator: "/")
    variables["PATH"] = "/\(programs):\(variables["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")"
    if let folder = package.environment.folder { variables["VIRTUAL_ENV"] = folder }
    return variables.map { "\($0.key)=\($0.value)" }
  }

  private func hostConfiguration(
    _ package: VerifiedPackage, _ sockets: WorkerSockets
  ) -> JSONValue {
    let manifest = package.manifest
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return .members([
      "package_root": .string(package.root), "rest_socket": .string(sockets.rest),
      "base_path": .string(configuration.basePath), "name": .string(manifest.name),
      "version": .string(manifest.version),
      "description": .string(String(manifest.description.prefix(Self.descriptionLimit))),
      "rest_entry": text(manifest.restEntry), "http_server": text(manifest.httpServer),
      "entrypoint": text(manifest.entrypoint), "author": .string(manifest.author),
      "agent_app_id": .string(configuration.agentAppID),
      "a2a_socket": .string(sockets.a2a), "a2a_service": text(manifest.a2aService),
      "a2a_entry": text(manifest.a2aEntry), "a2a_http_server": text(manifest.a2aHTTPServer),
      "a2a_port": .integer(Int64(listeners.a2a.port)),
      "invoke_max_bytes": .integer(Self.invokeMaximumBytes),
      "heartbeat_sec": configuration.beatLimits.map { .number($0.interval.seconds) } ?? .null,
    ])
  }

  /// What of a description the host gets, in characters: its configuration has to fit a pipe.
  static let descriptionLimit = 1000
  /// The largest body of `P/invoke`.
  static let invokeMaximumBytes: Int64 = 10 << 20

  private func take(_ report: WorkerProcess.Report, of number: Int) {
    switch report {
    case .output(let stream, let line): log.write(.agentOutput(stream: stream, line: line))
    case .status(let doing): if worker?.number == number { progress?.tell(doing) }
    case .warning(let code, let message): log.write(.warning(code: code, message: message))
    case .failed: break  // told when the process has ended
    case .ready(let a2a):
      if let worker, worker.number == number {
        progress = nil
        composer.worker = serving(worker, a2a)
        send(.workerReady(attempt: worker.attempt))
      } else if let successor, successor.number == number {
        replaceWorker(by: successor, a2a)
      }
    }
  }

  /// What a worker serves, for the snapshot that its readiness publishes. The run's sockets lead to
  /// it from here on.
  func serving(_ worker: WorkerProcess, _ a2a: WorkerProcess.A2A) -> Worker? {
    guard let manifest = composer.package?.manifest, let folder else { return nil }
    worker.sockets.publish(in: folder)
    var upstream: WorkerAddress?
    switch a2a.grpc {
    case .none: break
    case .socket: upstream = .unix(worker.sockets.a2a)
    case .loopback(listeners.a2a.port), .loopback(listeners.rest.port):
      // Calls that were forwarded there would come back.
      log.write(
        .warning(
          code: "a2a_port",
          message: "the agent names a public port as the one of its own gRPC server"))
    case .loopback(let port): upstream = .loopback(port: port)
    }
    let isOverHTTP = manifest.hasREST || manifest.entrypoint != nil || a2a.isOverHTTP
    return Worker(
      restSocket: isOverHTTP ? worker.sockets.rest : nil, a2a: upstream, memory: worker.memory)
  }

  /// A worker that did not become ready is killed while the next attempt goes on. In a drain that
  /// has no more time, one that was replaced is killed as well.
  func killWorker() {
    retired?.process.kill()
    guard let worker else { return }
    worker.kill()
    guard machine.state.name == .loading else { return }
    self.worker = nil
    let status = ProcessTree.reap(worker.pid, within: Self.killPatience)
    worker.ended()
    log.write(
      .workerExited(exit(worker, status ?? .signaled(SIGKILL), [], after: machine.state)))
    stacks = nil
    killRemains(of: worker)
  }

  /// How long the end of a killed process is waited for; beyond that it is taken for granted.
  static let killPatience = Interval.seconds(1)

  func workerEnded(_ worker: WorkerProcess, _ status: ExitStatus) {
    worker.ended()
    self.worker = nil
    progress = nil
    killRemains(of: worker)
    let event = Event.workerLost(attempt: worker.attempt, jitter: Int.random(in: -20...20))
    // The line tells what will come of it; the machine is a value, so it can be asked beforehand.
    var preview = machine
    _ = preview.handle(event, at: now)
    let aborted = lostRequests()
    log.write(.workerExited(exit(worker, status, aborted.map(\.requestID), after: preview.state)))
    explainLoss(worker, status, after: preview.state)
    logAborted(aborted)
    send(event)
  }

  /// What the worker that the machine has lost had in flight.
  func lostRequests() -> [AbortedRequest] {
    composer.worker.map { dataPlane?.upstreamLost($0) ?? [] } ?? []
  }

  /// What the worker was when it ended: the machine's, or one of a reload.
  enum Role { case current, successor, retired }

  func exit(
    _ worker: WorkerProcess, _ status: ExitStatus, _ inFlight: [String], after next: State,
    as role: Role = .current
  ) -> WorkerExit {
    var (code, signal): (Int?, String?) = (nil, nil)
    switch status {
    case .exited(let value): code = Int(value)
    case .signaled(let number): signal = SignalSource.name(number)
    }
    var delay: Int64?
    if role == .current, case .loading(let loading) = next {
      delay = 0
      // The end of a process that was killed may have taken longer.
      if case .waiting(let until) = loading.stage { delay = max(0, (until - now).milliseconds) }
    }
    let wasEnded = worker.wasKilled && worker.verdict == nil
    let asked =
      switch role {
      case .current: machine.state.name == .draining && (code == 0 || wasEnded)
      case .successor: wasEnded
      case .retired: code == 0 || wasEnded
      }
    return WorkerExit(
      pid: Int(worker.pid), status: code, signal: signal,
      outOfMemory: worker.wasOutOfMemory(status), asked: asked,
      stack: asked ? nil : (role == .current ? stacks : nil) ?? worker.lastWords,
      inFlight: inFlight,
      restarts: next.name == .loading ? next.restartCount : machine.state.restartCount,
      willRestart: role == .current && next.name == .loading,
      delayMilliseconds: delay)
  }

  /// The end of the worker ends the boot, or the agent's life, when it is not restarted.
  private func explainLoss(_ worker: WorkerProcess, _ status: ExitStatus, after next: State) {
    guard next.name == .draining, machine.state.name != .draining else { return }
    let how = worker.howItEnded(status)
    let lastWords = worker.lastErrors.joined(separator: "\n")
    if case .loading(let loading) = machine.state, case .first = loading.course {
      let doing = worker.lastStatus.map { " (\($0))" } ?? ""
      explain(
        worker.failure
          ?? Explanation(
            error: "the agent's process \(how) before it was ready\(doing)",
            detail: lastWords.isEmpty ? nil : lastWords,
            hint: "docs/errors.md#worker-ended"))
    } else {
      explainRestartsUsedUp(
        how, detail: worker.lastWords)
    }
  }

  /// The agent was Ready, and is not started once more.
  func explainRestartsUsedUp(_ how: String, detail: String? = nil) {
    let (maximum, window) = (configuration.restartsMaximum, configuration.restartsWindow.text)
    explain(
      Explanation(
        error: "the agent's process \(how), and its restarts are used up "
          + "(\(maximum) in \(window))",
        detail: detail ?? stacks,
        hint: "look at worker_exited above, or raise WORKER_RESTARTS; "
          + "docs/errors.md#restarts-used-up"))
  }

  func logAborted(_ requests: [AbortedRequest]) {
    for request in requests.prefix(abortedLinesLeft) {
      abortedLinesLeft -= 1
      log.write(
        .requestAborted(
          AbortedFacts(
            method: request.method, route: request.route,
            ageMilliseconds: request.ageMilliseconds, requestID: request.requestID,
            traceID: request.traceID, surface: request.surface)))
    }
  }
}
