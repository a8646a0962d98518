import ControlPlane
import AgentPackages
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// A reload: a second worker of the same package takes the place of the one that serves. The machine
/// stays in ready and knows nothing of it.
extension AgentRun {
  /// SIGHUP.
  func reload() {
    let hasWorker = composer.package?.manifest.needsPython ?? false
    switch reloads.ask(in: machine.state.name, hasWorker: hasWorker) {
    case .refuse(let why):
      log.write(.warning(code: "reload_refused", message: "a reload was asked for, but \(why)"))
    case .later: break
    case .begin: beginReload()
    }
  }

  private func beginReload() {
    guard let worker, let package = composer.package else { return }
    reloads.began()
    orphans = Set(ProcessTree.children()).subtracting([worker.pid])
    log.write(.reloadStarted(pid: Int(worker.pid)))
    notifier.reloading()
    do {
      let process = try spawnWorker(worker.attempt, package)
      successor = process
      loadAlarm = loop.schedule(at: process.startedAt + machine.policy.loadTimeout) {
        [unowned self] in loadTimedOut(process)
      }
    } catch {
      failReload(notStarted(error, from: package.root))
    }
  }

  // MARK: The new worker

  /// It is ready: from here on every new request is its own.
  func replaceWorker(by process: WorkerProcess, _ a2a: WorkerProcess.A2A) {
    guard case .ready = machine.state, let old = worker, let before = composer.worker else {
      return
    }
    forgetSuccessor()
    worker = process
    composer.worker = serving(process, a2a)
    composer.reloads.finished += 1
    reloads.replaced()
    abortedLinesLeft = Self.abortedLines
    let now = Clock.now()
    log.write(
      .reloadFinished(
        ReloadFacts(
          pid: Int(process.pid), replaced: Int(old.pid),
          loadMilliseconds: (now - process.startedAt).milliseconds)), at: now, act: publish)
    notifier.reloaded()
    retire(old, before, at: now)
    watchBeats()
  }

  private func loadTimedOut(_ process: WorkerProcess) {
    loadAlarm = nil
    process.dumpStacks { [unowned self] stacks in
      guard successor === process else { return }
      let limit = configuration.loadTimeout.text
      process.kill(because: "it was not ready after \(limit)", stacks: stacks)
      let doing = process.lastStatus.map { " (\($0))" } ?? ""
      endSuccessor()
      failReload(
        Explanation(
          error: "the new process of the agent was not ready after \(limit)\(doing)",
          detail: stacks, hint: "raise LOAD_TIMEOUT_SEC; docs/errors.md#load-timeout"))
    }
  }

  func successorEnded(_ process: WorkerProcess, _ status: ExitStatus) {
    forgetSuccessor()
    process.ended()
    killRemains(of: process)
    log.write(
      .workerExited(exit(process, status, [], after: machine.state, as: .successor)))
    let doing = process.lastStatus.map { " (\($0))" } ?? ""
    failReload(
      process.failure
        ?? Explanation(
          error: "the new process of the agent \(process.howItEnded(status)) before it was ready"
            + doing,
          detail: process.lastWords, hint: "docs/errors.md#worker-ended"))
  }

  /// The machine left ready: the worker was lost, and the next one is an ordinary restart; or a drain
  /// began.
  func leaveReady() {
    reloads.leftReady()
    guard successor != nil else { return }
    endSuccessor()
    let why =
      machine.state.name == .draining
      ? "the program stops" : "the worker that was to be replaced has ended, which starts another"
    failReload(Explanation(error: "the reload is over before its end: \(why)"))
  }

  private func endSuccessor() {
    guard let process = successor else { return }
    forgetSuccessor()
    process.kill()
    let status = ProcessTree.reap(process.pid, within: Self.killPatience)
    process.ended()
    killRemains(of: process)
    log.write(
      .workerExited(
        exit(process, status ?? .signaled(SIGKILL), [], after: machine.state, as: .successor)))
  }

  private func forgetSuccessor() {
    if let loadAlarm { loop.cancel(loadAlarm) }
    loadAlarm = nil
    successor = nil
  }

  private func failReload(_ explanation: Explanation) {
    log.write(.reloadFailed(explanation))
    composer.reloads.failed += 1
    publish()
    notifier.reloaded()
    if reloads.failed() { reload() }
  }

  // MARK: The worker that was replaced

  /// As a drain that begins now would go: told at once, its streams ended and cut, asked to stop when
  /// nothing is in flight or shortly before the deadline, killed at the end.
  private func retire(_ process: WorkerProcess, _ worker: Worker, at now: Instant) {
    let policy = machine.policy
    let retired = RetiredWorker(process, worker, orphans: orphans, loop: loop)
    self.retired = retired
    process.command("drain")
    retired.schedule(at: now + (policy.streamDrain - policy.streamWarning)) {
      $0.process.command("end_streams")
    }
    retired.schedule(at: now + policy.streamDrain) { [unowned self] in
      logAborted(dataPlane?.cutStreams(of: $0.worker) ?? [])
    }
    retired.schedule(at: now + (policy.drainDeadline - policy.agentStopMargin)) {
      $0.process.command("stop")
    }
    retired.schedule(at: now + (policy.drainDeadline - policy.agentKillMargin)) {
      $0.process.kill()
    }
    dataPlane?.retire(worker)
  }

  /// Nothing of the worker's own is in flight.
  func workerIsIdle(_ worker: Worker) {
    if let retired, retired.worker === worker { retired.process.command("stop") }
  }

  func retiredEnded(_ retired: RetiredWorker, _ status: ExitStatus) {
    self.retired = nil
    retired.process.ended()
    killRemains(of: retired.process, orphans: retired.orphans)
    let aborted = dataPlane?.upstreamLost(retired.worker) ?? []
    log.write(
      .workerExited(
        exit(
          retired.process, status, aborted.map(\.requestID), after: machine.state, as: .retired)))
    logAborted(aborted)
    if reloads.retired() { reload() }
    reportIfIdle()
  }

  /// What a worker left behind goes with it. While another one runs, that is what stayed in its
  /// session and what it had left before the other one was there; the rest may be either's.
  func killRemains(of process: WorkerProcess, orphans: Set<Int32> = []) {
    let others = [worker, successor, retired?.process].compactMap { $0 }
    guard others.contains(where: { $0 !== process }) else {
      return ProcessTree.killDescendants()
    }
    let leader = process.pid
    let mine = orphans.subtracting(others.map(\.pid))
    ProcessTree.killDescendants { mine.contains($0) || ProcessTree.session(of: $0) == leader }
  }
}
