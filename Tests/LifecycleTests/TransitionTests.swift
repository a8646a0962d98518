import Lifecycle
import Testing

/// Each row of the table of transitions, told by the machine itself.
@Suite("Transitions")
struct TransitionTests {
  private func expect(
    _ machine: Machine, _ event: Event, at time: Int64, from: StateName, to: StateName,
    cause: String, _ effects: [Effect], _ location: SourceLocation = #_sourceLocation
  ) -> Machine {
    let (next, step) = machine.after(event, at: time)
    #expect(step.verdict == .moved, sourceLocation: location)
    #expect(step.from == from, sourceLocation: location)
    #expect(step.to == to, sourceLocation: location)
    #expect(step.cause == cause, sourceLocation: location)
    #expect(step.effects == effects, sourceLocation: location)
    #expect(next.state.name == to, sourceLocation: location)
    return next
  }

  @Test("fetching begins with the start of the boot")
  func started() {
    _ = expect(
      Machine(policy: Policy()), .started, at: 5, from: .fetching, to: .fetching, cause: "started",
      [.fetch])
  }

  @Test("fetching, package fetched: verifying")
  func fetched() {
    _ = expect(
      Scene.fetching(), .packageFetched, at: 100, from: .fetching, to: .verifying,
      cause: "package_fetched", [.verify])
  }

  @Test("verifying, package verified: installing")
  func verified() {
    _ = expect(
      Scene.verifying(), .packageVerified(Scene.prepared), at: 300, from: .verifying,
      to: .installing, cause: "package_verified", [.install(Scene.prepared)])
  }

  @Test("installing, environment installed: loading, the first attempt")
  func installed() {
    let machine = expect(
      Scene.installing(), .environmentInstalled, at: 700, from: .installing, to: .loading,
      cause: "environment_installed", [.startWorker(attempt: 1)])
    #expect(machine.state.attempt == 1)
  }

  @Test("loading, worker ready: ready, with the times of the boot")
  func ready() throws {
    let machine = expect(
      Scene.loading(), .workerReady(attempt: 1), at: 1500, from: .loading, to: .ready,
      cause: "worker_ready", [])
    guard case .ready(let ready) = machine.state else { return }
    #expect(ready.boot.total == .milliseconds(1500))
    #expect(ready.load == .milliseconds(800))
    let phases = PhaseTimes(ready.boot.phases)
    #expect(phases == PhaseTimes(fetch: 100, verify: 200, install: 400, load: 800))
    #expect(ready.boot.phases.counted == .milliseconds(1400))
  }

  @Test("a cold installation does not count towards the hard limit")
  func coldInstallation() {
    let cold = Preparation(environment: .miss, hasWorker: true)
    let phases = Scene.loading(Policy(), cold).state.phases(at: .at(1500))
    #expect(phases.install == .milliseconds(400))
    #expect(phases.counted == .milliseconds(1000))
  }

  @Test("loading for the first time, worker lost: draining, because a first boot is not retried")
  func firstLost() {
    _ = expect(
      Scene.loading(), .workerLost(attempt: 1, jitter: 0), at: 900, from: .loading, to: .draining,
      cause: "failure", [])
  }

  @Test("loading for the first time, load timed out: draining, and the worker is killed")
  func firstTimedOut() {
    _ = expect(
      Scene.loading(Policy(hardLimit: nil)), .timerFired(.loadTimeout), at: 60_700, from: .loading,
      to: .draining, cause: "failure", [.killWorker])
  }

  @Test("loading again, worker lost: the next attempt, after its delay")
  func againLost() {
    let machine = expect(
      Scene.loadingAgain(), .workerLost(attempt: 2, jitter: 0), at: 2100, from: .loading,
      to: .loading, cause: "worker_lost", [])
    #expect(machine.state.attempt == 3)
    #expect(machine.timers == [.restartDelay: .at(2600)])
  }

  @Test("loading again, load timed out: the worker is killed and the next attempt follows")
  func againTimedOut() {
    let machine = expect(
      Scene.loadingAgain(), .timerFired(.loadTimeout), at: 62_000, from: .loading, to: .loading,
      cause: "load_timed_out", [.killWorker, .startWorker(attempt: 3)])
    #expect(machine.state.attempt == 3)
  }

  @Test("ready, worker lost: what was in flight fails, and the next attempt begins at once")
  func readyLost() {
    let machine = expect(
      Scene.ready(), .workerLost(attempt: 1, jitter: 0), at: 2000, from: .ready, to: .loading,
      cause: "worker_lost", [.failInFlight, .startWorker(attempt: 2)])
    #expect(machine.state.attempt == 2)
    #expect(machine.timers == [.loadTimeout: .at(62_000)])
  }

  @Test("restarts used up: draining", arguments: [false, true])
  func restartsUsedUp(whileLoading: Bool) {
    let policy = Policy(restartsMaximum: 1)
    let machine =
      whileLoading
      ? Scene.loadingAgain(policy)
      : Scene.after([(.workerReady(attempt: 2), 2500)], Scene.loadingAgain(policy))
    _ = expect(
      machine, .workerLost(attempt: 2, jitter: 0), at: 3000,
      from: whileLoading ? .loading : .ready, to: .draining, cause: "failure",
      whileLoading ? [] : [.failInFlight])
  }

  @Test("a load time-out with restarts used up drains, and waits for the end of the killed worker")
  func lastTimedOut() {
    let machine = expect(
      Scene.loadingAgain(Policy(restartsMaximum: 1, restartsWindow: .seconds(120))),
      .timerFired(.loadTimeout), at: 62_000,
      from: .loading, to: .draining, cause: "failure", [.killWorker])
    let idle = machine.after(.nothingInFlight, at: 62_001)
    #expect(idle.step.verdict == .stayed)
    #expect(idle.machine.after(.workerLost(attempt: 2, jitter: 0), at: 62_002).step.to == .stopped)
  }

  @Test("a termination leads from each state before ready to draining", arguments: Signal.allCases)
  func terminated(signal: Signal) {
    let boots: [(Machine, StateName, [Effect])] = [
      (Scene.fetching(), .fetching, [.cancelStep]), (Scene.verifying(), .verifying, [.cancelStep]),
      (Scene.installing(), .installing, [.cancelStep]), (Scene.loading(), .loading, [.killWorker]),
      (Scene.loadingAgain(), .loading, [.killWorker]), (Scene.waiting(), .loading, []),
    ]
    for (machine, state, effects) in boots {
      _ = expect(
        machine, .terminationRequested(signal), at: 5000, from: state, to: .draining,
        cause: signal.rawValue, effects)
    }
  }

  @Test("a termination from ready announces the drain", arguments: Signal.allCases)
  func readyTerminated(signal: Signal) {
    _ = expect(
      Scene.ready(), .terminationRequested(signal), at: 5000, from: .ready, to: .draining,
      cause: signal.rawValue, [.announceDrain])
  }

  @Test("a failure leads from each state to draining", arguments: Failure.allCases)
  func failed(failure: Failure) {
    let boots: [(Machine, StateName, [Effect])] = [
      (Machine(policy: Policy()), .fetching, [.cancelStep]),
      (Scene.fetching(), .fetching, [.cancelStep]), (Scene.verifying(), .verifying, [.cancelStep]),
      (Scene.installing(), .installing, [.cancelStep]), (Scene.loading(), .loading, [.killWorker]),
      (Scene.ready(), .ready, [.killWorker]),
    ]
    for (machine, state, effects) in boots {
      _ = expect(
        machine, .failed(failure), at: 5000, from: state, to: .draining, cause: failure.rawValue,
        effects)
    }
  }

  @Test(
    "the hard limit leads from verifying, a cached installing and the first loading to draining")
  func hardLimit() {
    let boots: [(Machine, StateName, [Effect])] = [
      (Scene.verifying(), .verifying, [.cancelStep]),
      (Scene.installing(), .installing, [.cancelStep]), (Scene.loading(), .loading, [.killWorker]),
    ]
    for (machine, state, effects) in boots {
      _ = expect(
        machine, .timerFired(.hardLimit), at: 10_300, from: state, to: .draining,
        cause: "hard_limit", effects)
    }
  }

  @Test("the hard limit means nothing to a cold installing and to a restart")
  func noHardLimit() {
    let cold = Scene.installing(Policy(), Preparation(environment: .miss, hasWorker: true))
    for machine in [cold, Scene.loadingAgain(), Scene.ready()] {
      #expect(machine.after(.timerFired(.hardLimit), at: 10_300).step.verdict == .ignored)
    }
  }

  @Test("fetching and a cold installing have time-outs of their own")
  func ownTimeouts() {
    _ = expect(
      Scene.fetching(), .timerFired(.fetchTimeout), at: 60_000, from: .fetching, to: .draining,
      cause: "failure", [.cancelStep])
    _ = expect(
      Scene.installing(Policy(), Preparation(environment: .miss, hasWorker: true)),
      .timerFired(.installTimeout), at: 300_300, from: .installing, to: .draining,
      cause: "failure", [.cancelStep])
  }

  @Test("draining, worker lost: draining, and what it had in flight fails")
  func drainingLost() {
    let (machine, step) = Scene.draining().after(.workerLost(attempt: 1, jitter: 0), at: 10_100)
    #expect(step.verdict == .stayed)
    #expect(step.effects == [.failInFlight])
    #expect(machine.state.name == .draining)
  }

  @Test("draining, drained: stopped with exit code 0")
  func drained() {
    var machine = Scene.draining()
    machine = machine.after(.timerFired(.drainMinimum), at: 11_000).machine
    let idle = machine.after(.nothingInFlight, at: 12_000)
    #expect(idle.step.effects == [.stopWorker])
    let end = expect(
      idle.machine, .workerLost(attempt: 1, jitter: 0), at: 12_100, from: .draining, to: .stopped,
      cause: "drained", [.exit(code: 0)])
    guard case .stopped(let stopped) = end.state else { return }
    #expect(stopped.drain == .milliseconds(2100))
    #expect(stopped.outcome(aborted: 0) == .clean)
    #expect(stopped.outcome(aborted: 1) == .cut)
  }

  @Test("draining, deadline passed: stopped with exit code 0, and what is in flight is cut")
  func deadline() {
    let end = expect(
      Scene.draining(), .timerFired(.drainDeadline), at: 39_950, from: .draining, to: .stopped,
      cause: "deadline", [.cutInFlight, .killWorker, .exit(code: 0)])
    guard case .stopped(let stopped) = end.state else { return }
    #expect(stopped.outcome(aborted: 0) == .cut)
  }

  @Test("a failure ends with exit code 1 and outcome failed")
  func failedEnd() {
    let drain = Scene.verifying().after(.failed(.failure), at: 500).machine
    let end = expect(
      drain, .nothingInFlight, at: 501, from: .draining, to: .stopped, cause: "drained",
      [.exit(code: 1)])
    guard case .stopped(let stopped) = end.state else { return }
    #expect(stopped.outcome(aborted: 0) == .failed)
  }

  @Test("a completion of an earlier attempt is late, one of a later attempt cannot be")
  func otherAttempts() {
    for machine in [
      Scene.loadingAgain(), Scene.after([(.workerReady(attempt: 2), 2500)], Scene.loadingAgain()),
    ] {
      #expect(machine.after(.workerLost(attempt: 1, jitter: 0), at: 3000).step.verdict == .ignored)
      #expect(machine.after(.workerLost(attempt: 3, jitter: 0), at: 3000).step.verdict == .illegal)
      #expect(machine.after(.workerReady(attempt: 1), at: 3000).step.verdict == .ignored)
      #expect(machine.after(.workerReady(attempt: 3), at: 3000).step.verdict == .illegal)
    }
  }

  @Test("stopped is final", arguments: SampleEvents.all)
  func final(event: Event) {
    let (machine, step) = Scene.stopped().after(event, at: 50_000)
    #expect(machine == Scene.stopped())
    #expect(step.effects.isEmpty)
    #expect(step.verdict == (event == .started ? .illegal : .ignored))
  }

  @Test("an event that is refused or ignored changes nothing at all", arguments: SampleEvents.all)
  func unchanged(event: Event) {
    for machine in Scene.all {
      let (next, step) = machine.after(event, at: 60_000)
      guard step.verdict == .ignored || step.verdict == .illegal else { continue }
      #expect(next == machine)
      #expect(step.effects.isEmpty)
      #expect(step.from == step.to)
    }
  }

  @Test("a package without a worker has none to lose, to kill or to wait for")
  func noWorker() {
    let none = Preparation(environment: .none, hasWorker: false)
    let ready = Scene.ready(Policy(), none)
    #expect(ready.after(.workerLost(attempt: 1, jitter: 0), at: 2000).step.verdict == .illegal)
    let drain = Scene.draining(Policy(), .interrupt, none)
    #expect(drain.timers.keys.contains(.agentKill) == false)
    #expect(drain.after(.nothingInFlight, at: 10_001).step.to == .stopped)
    let unlimited = Scene.loading(Policy(hardLimit: nil), none)
    let (late, step) = unlimited.after(.timerFired(.loadTimeout), at: 60_700)
    #expect(step.effects == [])
    #expect(late.after(.nothingInFlight, at: 60_701).step.to == .stopped)
  }
}

/// One event of each kind.
enum SampleEvents {
  static let all: [Event] =
    [
      .started, .packageFetched, .packageVerified(Scene.prepared), .environmentInstalled,
      .workerReady(attempt: 1), .workerLost(attempt: 1, jitter: 0), .failed(.failure),
      .failed(.configuration), .terminationRequested(.terminate), .terminationRequested(.interrupt),
      .nothingInFlight,
    ] + Timer.allCases.map { .timerFired($0) }
}
