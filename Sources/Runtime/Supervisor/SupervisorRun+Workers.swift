import ControlPlane
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Worker processes: their start, what they say, their end.
extension SupervisorRun {
  // MARK: Start

  func start(_ number: Int, agent: String, revision: String) {
    guard let release = releases[agent]?[revision] else {
      // The machine starts what was deployed and not forgotten.
      return couldNotStart(number, agent, "revision \(revision) is not known")
    }
    do throws(WorkerPlaces.Failure) {
      let place = try places.make(number, release)
      defer { place.closeSockets() }
      spawn(number, release, place)
    } catch {
      couldNotStart(number, agent, error.reason)
    }
  }

  private func spawn(_ number: Int, _ release: AgentRelease, _ place: WorkerPlaces.Place) {
    let worker: FleetWorker
    do throws(SystemError) {
      worker = try FleetWorker(
        number: number, release: release, place: place,
        environment: { [workerEnvironment] in
          workerEnvironment.make(for: release, at: place, controlDescriptor: $0)
        }, loop: loop, log: log
      ) { [weak self] in self?.take($0, of: number) }
    } catch {
      places.release(place, isLast: false)
      let explanation = Explanation(
        cannotStart: "a worker", error, hint: "docs/errors.md#limits")
      return couldNotStart(number, release.agent, explanation.error)
    }
    workers[number] = worker
    workerNumbers[worker.pid] = number
    send(
      .worker(number, agent: release.agent, .started(pid: Int(worker.pid))))
    log.write(
      .supervisor(
        .agentWorker(
          AgentWorkerFacts(
            agent: release.agent, worker: number, revision: release.revision, pid: Int(worker.pid),
            port: worker.address.port.map(Int.init), workerRun: nil))), about: release.agent)
  }

  private func couldNotStart(_ number: Int, _ agent: String, _ reason: String) {
    let end = WorkerEnd.couldNotStart(reason: reason)
    sendEnd(
      number, agent, end, mark: WorkerMark(run: nil, sequence: nil), status: nil, isOOM: false)
  }

  // MARK: What it says

  /// A line of its log is passed on before anything is made of it.
  private func take(_ report: FleetWorker.Report, of number: Int) {
    guard let worker = workers[number] else { return }
    switch report {
    case .error(let line): relayForeign(Array(line.utf8), stream: "stderr", of: worker)
    case .line(let line): take(line, of: worker)
    }
  }

  private func take(_ line: LineFramer.Line, of worker: FleetWorker) {
    let number = worker.number
    switch worker.testimony.take(line.bytes, isCut: line.isCut, &decoder) {
    case .told(let news, let isDroppable):
      relay(line.bytes, of: worker, isDroppable: isDroppable)
      if let news { tell(news, of: worker) }
    case .lie(let why):
      relay(line.bytes, of: worker, isDroppable: false)
      let reason = "what it says of itself cannot be true: \(why)"
      warnOnce(worker, "worker \(number) of agent \(worker.agent) is not believed any more: \(why)")
      send(.worker(number, agent: worker.agent, .contradicted(reason: reason)))
    case .foreign(let why):
      relayForeign(line.bytes, stream: "stdout", of: worker)
      warnOnce(
        worker,
        "a line on the standard output of worker \(number) of agent \(worker.agent) \(why); "
          + "it is quoted as output, and others like it")
    }
  }

  private func tell(_ news: WorkerTestimony.News, of worker: FleetWorker) {
    let event: WorkerNews
    switch news {
    case .listening: event = .listening
    case .ready: event = .ready
    case .restarting: event = .restarting
    case .draining: event = .draining
    // The end is told when the process is gone.
    case .stopped: return
    }
    send(.worker(worker.number, agent: worker.agent, event))
  }

  private func relay(_ line: [UInt8], of worker: FleetWorker, isDroppable: Bool) {
    var line = line
    if configuration.common.logFormat == .text, let read = worker.testimony.lastLine {
      let text = EncodedLine(text: read)
      line =
        text.head + Array(String(read.sequence).utf8) + text.tail
        + Array("  agent=\(worker.agent)".utf8)
    }
    log.relay(line, source: worker.number, agent: worker.agent, isDroppable: isDroppable)
  }

  /// What is no line of the log of this worker is output: it stands in the log as text.
  private func relayForeign(_ bytes: [UInt8], stream: String, of worker: FleetWorker) {
    let text = String(decoding: bytes, as: UTF8.self)
    log.write(
      .agentOutput(stream: stream, line: "worker \(worker.number) (\(worker.agent)): \(text)"),
      about: worker.agent, source: worker.number)
  }

  private func warnOnce(_ worker: FleetWorker, _ message: String) {
    guard !worker.wasWarnedOf else { return }
    worker.wasWarnedOf = true
    log.write(.warning(code: "worker_log", message: message), about: worker.agent)
  }

  // MARK: End

  /// A child ended.
  func childEnded(_ pid: Int32, _ status: ExitStatus) {
    guard let number = workerNumbers.removeValue(forKey: pid), let worker = workers[number] else {
      _ = desired?.childEnded(pid, status)
      return
    }
    // Its log to the end; what follows from its lines is handled before its end is.
    worker.ended()
    workers[number] = nil
    lastTestimonies[number] = worker.testimony
    let isOOM = worker.wasOutOfMemory(status)
    lastSummaries[number] = AgentReason.summary(
      of: status, worker.testimony, isOutOfMemory: isOOM, wasKilled: worker.killReason != nil)
    defer {
      lastTestimonies[number] = nil
      lastSummaries[number] = nil
    }
    places.release(
      worker.place, isLast: !workers.values.contains { $0.agent == worker.agent })
    let testimony = worker.testimony
    sendEnd(
      number, worker.agent, end(of: worker, status, isOOM: isOOM),
      mark: WorkerMark(run: testimony.runID, sequence: testimony.mark), status: status,
      isOOM: isOOM)
    abortedLinesLeft = max(abortedLinesLeft, drainIsOn ? abortedLinesLeft : Self.abortedLines)
    logAborted(dataPlane?.upstreamLost(worker.upstream) ?? [])
  }

  private func end(of worker: FleetWorker, _ status: ExitStatus, isOOM: Bool) -> WorkerEnd {
    let testimony = worker.testimony
    if testimony.lie == nil, let stopped = testimony.stopped {
      if stopped.exitCode == 0 { return .asked }
      return .gaveUp(
        reason: testimony.failure ?? "the worker gave up (\(testimony.drainCause ?? "failure"))")
    }
    let how =
      switch status {
      case .exited(let code): "ended with status \(code)"
      case .signaled where isOOM: "was ended by the kernel because memory ran out"
      case .signaled(let number): "was ended by \(SignalSource.name(number))"
      }
    if let reason = worker.killReason {
      return .crashed(reason: "its worker was killed: \(reason)")
    }
    let words = worker.lastErrors.last.map { ": \($0)" } ?? ""
    return .crashed(reason: "its worker process \(how)\(words)")
  }

  private func sendEnd(
    _ number: Int, _ agent: String, _ end: WorkerEnd, mark: WorkerMark, status: ExitStatus?,
    isOOM: Bool
  ) {
    let event = SupervisorEvent.worker(
      number, agent: agent, .ended(end, chance: Double.random(in: 0..<1)))
    send(event) { [unowned self] step in
      var code: Int?
      var signal: String?
      switch status {
      case .exited(let number): code = Int(number)
      case .signaled(let number): signal = SignalSource.name(number)
      case nil: break
      }
      if let reason = end.reason {
        records[agent]?.note(
          AgentView.Restart(
            at: Clock.wallNanoseconds() / 1_000_000,
            reason: AgentReason(reason, of: event, ended: lastSummaries[number]), worker: number,
            willRestart: step.restart != nil, delay: step.restart?.delay ?? .zero))
      }
      let restarts = step.restart?.restarts ?? restartsOf(agent)
      return .supervisor(
        .agentWorkerExited(
          AgentWorkerExitFacts(
            agent: agent, worker: number, mark: mark, end: end, status: code, signal: signal,
            outOfMemory: isOOM, restarts: restarts,
            delayMilliseconds: step.restart?.delay.milliseconds)))
    }
  }

  private func restartsOf(_ agent: String) -> Int {
    supervision.agent(agent)?.active?.restarts(at: now) ?? 0
  }

  private var drainIsOn: Bool {
    switch supervision.phase {
    case .draining, .stopped: true
    case .starting, .serving: false
    }
  }
}
