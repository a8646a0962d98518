import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem

/// The supervisor's own lines.
extension SupervisorRun {
  /// The lines of what the machine decided, in the order in which a replay takes them. Whoever has
  /// read that an agent's traffic goes to a worker finds it there.
  func writeLines(of step: SupervisionStep, at now: Instant) {
    for line in step.lines(mark) {
      guard case .agentTraffic(let agent, _, let worker) = line else {
        write(line, about: line.agent, at: now)
        continue
      }
      log.write(.supervisor(line), at: now, about: agent) { route(agent, to: worker) }
    }
  }

  /// Every agent that was wanted at start was Ready or has failed.
  func writeReady() {
    let (counts, now) = (supervision.counts, now)
    let line = SupervisorLine.ready(
      ready: counts[.ready, default: 0], failed: counts[.failed, default: 0],
      settleMilliseconds: (now - .start).milliseconds)
    log.write(.supervisor(line), at: now, act: publishOwn)
  }

  private func write(_ line: SupervisorLine, about agent: String?, at now: Instant) {
    log.write(.supervisor(line), at: now, about: agent)
  }

  /// The last line of a worker that was read.
  private func mark(_ worker: Int) -> WorkerMark {
    let testimony = workers[worker]?.testimony ?? lastTestimonies[worker]
    return WorkerMark(run: testimony?.runID, sequence: testimony?.mark)
  }

  /// Keeps of a step what the page shows and the machine does not.
  func note(_ step: SupervisionStep, of event: SupervisorEvent, at now: Instant) {
    var ended: String?
    if case .worker(let number, _, _) = event { ended = lastSummaries[number] }
    let wall = Clock.wallNanoseconds() / 1_000_000
    for transition in step.transitions {
      if records[transition.agent] == nil {
        records[transition.agent] = AgentRecord(backend: Backend(id: transition.agent), since: wall)
        publishDirectory()
      }
      records[transition.agent]?.since = wall
      records[transition.agent]?.reason = transition.reason.map {
        AgentReason($0, of: event, ended: ended)
      }
    }
    for case .route(let id, _?) in step.effects {
      guard let agent = supervision.agent(id), let active = agent.active else { continue }
      records[id]?.served = active.revision
      desired?.versionServes(agent: id, revision: active.revision, replaced: agent.previous)
    }
    for failed in step.failedTargets {
      records[failed.deployment.agent]?.targetReason = AgentReason(
        failed.reason, of: event, ended: ended)
      desired?.targetFailed(
        agent: failed.deployment.agent, revision: failed.deployment.revision,
        reason: failed.reason)
    }
  }

  // MARK: The drain

  func beginDrain(at now: Instant) {
    drainStartedAt = now
    drainDeadline = now + supervision.policy.drainDeadline
    completedBeforeDrain = dataPlane?.completed ?? 0
    abortedBeforeDrain = dataPlane?.abortedCount ?? 0
    abortedLinesLeft = Self.abortedLines
    // Health first, then everything else: notes that wait for the disk too.
    publishOwn()
    desired?.stop()
    closeLater(at: now)
  }

  func writeDraining(at now: Instant) {
    guard case .draining(let draining) = supervision.phase else {
      // Without a worker it is over at once.
      return write(
        .draining(
          cause: drainCause, inFlight: dataPlane?.inFlight ?? 0,
          deadlineMilliseconds: supervision.policy.drainDeadline.milliseconds), about: nil, at: now)
    }
    drainCause = draining.cause.name
    write(
      .draining(
        cause: drainCause, inFlight: dataPlane?.inFlight ?? 0,
        deadlineMilliseconds: supervision.policy.drainDeadline.milliseconds), about: nil, at: now)
  }

  func writeStopped(_ code: Int32) {
    let aborted = (dataPlane?.abortedCount ?? 0) - abortedBeforeDrain
    let outcome: Stopped.Outcome = code != 0 ? .failed : aborted > 0 ? .cut : .clean
    write(
      .stopped(
        StoppedFacts(
          exitCode: code, outcome: outcome,
          completed: (dataPlane?.completed ?? 0) - completedBeforeDrain, aborted: aborted,
          drainMilliseconds: (now - drainStartedAt).milliseconds)), about: nil, at: now)
  }

  /// Says which requests were aborted, the first few of a drain or loss.
  func logAborted(_ requests: [AbortedRequest]) {
    for request in requests.prefix(abortedLinesLeft) {
      abortedLinesLeft -= 1
      log.write(
        .requestAborted(
          AbortedFacts(
            method: request.method, route: request.route,
            ageMilliseconds: request.ageMilliseconds, requestID: request.requestID,
            traceID: request.traceID, surface: request.surface)), about: request.agent)
    }
  }
}

extension SupervisorLine {
  /// Whom it is about.
  fileprivate var agent: String? {
    switch self {
    case .agentDeploy(let deployment, _): deployment.agent
    case .agentWorker(let facts): facts.agent
    case .agentState(let facts): facts.agent
    case .agentTraffic(let agent, _, _): agent
    case .agentWorkerStop(let facts): facts.agent
    case .agentWorkerExited(let facts): facts.agent
    case .agentTargetFailed(let agent, _, _): agent
    case .agentRemoved(let agent): agent
    case .adminRequest(let facts): facts.agent
    case .started, .desiredState, .desiredRefused, .loaded, .ready, .draining, .stopped,
      .illegalEvent:
      nil
    }
  }
}
