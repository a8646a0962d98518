import ControlPlane
import AgentPackages
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

/// The lines of the transitions.
extension AgentRun {
  /// What has to be known before a transition can be told.
  func beforeLogging(_ step: Step, from previous: State, to next: State, at now: Instant) {
    switch next {
    case .draining:
      completedBeforeDrain = dataPlane?.completed ?? 0
      abortedBeforeDrain = dataPlane?.abortedCount ?? 0
      abortedLinesLeft = Self.abortedLines
      drainDeadline = now + machine.policy.drainDeadline
      if !previous.wasReady, !step.isAsked { warnOfBudget(at: now) }
    case .ready where !previous.wasReady: warnOfBudget(at: now)
    case .ready, .loading: abortedLinesLeft = Self.abortedLines
    case .stopped(let stopped) where stopped.ending != .drained:
      // What is cut off is counted in the last line, so it is cut before.
      logAborted(dataPlane?.cutAll() ?? [])
    case .fetching, .verifying, .installing, .stopped: break
    }
  }

  private func warnOfBudget(at now: Instant) {
    guard now - .start > configuration.bootBudget else { return }
    log.write(
      .budgetExceeded(
        bootMilliseconds: (now - .start).milliseconds,
        budgetMilliseconds: configuration.bootBudget.milliseconds), at: now)
  }

  /// The line of the transition into the state that the machine is in now.
  func transitionLine(_ step: Step) -> LogEvent {
    let transition = Transition(
      from: step.cause == "started" ? nil : step.from, to: step.to, cause: step.cause,
      attempt: machine.state.attempt)
    switch machine.state {
    case .fetching: return fetchLine(transition)
    case .verifying(let verifying):
      return .verify(
        transition, bytes: packageBytes, fetchMilliseconds: verifying.phases.fetch.milliseconds)
    case .installing(let installing):
      return .install(transition, installFacts(installing.preparation))
    case .loading(let loading):
      return .load(
        transition,
        LoadFacts(
          package: identity, surfaces: composer.surfaces,
          restSocket: loading.hasWorker ? folder?.restSocket : nil,
          a2aSocket: composer.package?.manifest.hasA2A == true ? folder?.a2aSocket : nil))
    case .ready(let ready):
      return .runtimeReady(
        transition,
        ReadyFacts(
          bootMilliseconds: ready.boot.total.milliseconds, phases: PhaseTimes(ready.boot.phases),
          loadMilliseconds: ready.load.milliseconds, surfaces: composer.surfaces,
          restPort: Int(listeners.rest.port), a2aPort: listeners.a2a.loggedPort,
          uiPort: listeners.ui?.loggedPort))
    case .draining:
      return .drain(
        transition, inFlight: dataPlane?.inFlight ?? 0,
        deadlineMilliseconds: machine.policy.drainDeadline.milliseconds)
    case .stopped(let stopped):
      let aborted = (dataPlane?.abortedCount ?? 0) - abortedBeforeDrain
      return .stopped(
        transition,
        StoppedFacts(
          exitCode: stopped.exitCode, outcome: stopped.outcome(aborted: aborted),
          completed: (dataPlane?.completed ?? 0) - completedBeforeDrain, aborted: aborted,
          drainMilliseconds: stopped.drain.milliseconds))
    }
  }

  private func fetchLine(_ transition: Transition) -> LogEvent {
    switch configuration.package {
    case .path(let path): .fetch(transition, source: "file", url: path)
    case .url(let url):
      .fetch(
        transition, source: url.hasPrefix("s3:") ? "s3" : "https", url: Redactor.redactURL(url))
    case nil: .fetch(transition, source: "file", url: "")
    }
  }

  private var identity: PackageIdentity {
    PackageIdentity(
      name: composer.package?.manifest.name ?? "",
      version: composer.package?.manifest.version ?? "",
      sha256: composer.package?.sha256)
  }

  private func installFacts(_ preparation: Preparation) -> InstallFacts {
    let plan = composer.package?.environment
    let hasOwn = preparation.environment != .none
    return InstallFacts(
      package: identity, python: preparation.hasWorker ? plan?.pythonVersion : nil,
      environmentKey: hasOwn ? plan?.key : nil, environmentCache: preparation.environment,
      installer: preparation.environment == .miss ? plan?.installer : nil)
  }
}

extension Step {
  /// Whether a signal moved the machine.
  fileprivate var isAsked: Bool { Signal(rawValue: cause) != nil }
}
