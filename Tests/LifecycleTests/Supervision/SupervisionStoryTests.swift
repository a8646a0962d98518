import Testing

@testable import Lifecycle

/// What a person would tell of a supervisor, event by event, with the effects that each has.
@Suite("A supervisor")
struct SupervisionStoryTests {
  private var machine = Supervision(policy: SupervisionPolicy())
  private var now = Instant.start

  private mutating func send(_ event: SupervisorEvent) -> SupervisionStep {
    machine.handle(event, at: now)
  }
  private mutating func news(_ worker: Int, _ news: WorkerNews) -> SupervisionStep {
    send(.worker(worker, agent: "a", news))
  }
  private mutating func crash(_ worker: Int, chance: Double = 0.5) -> SupervisionStep {
    news(worker, .ended(.crashed(reason: "killed by SIGKILL"), chance: chance))
  }
  private mutating func want(
    _ revision: String, _ cause: Deployment.Cause = .config, surge: Bool = true, restarts: Int = 3
  ) -> SupervisionStep {
    send(
      .desired(
        Deployment(
          agent: "a", revision: revision,
          restarts: RestartIntensity(maximum: restarts, window: .seconds(60)), cause: cause,
          surge: surge)))
  }
  private var agent: SupervisedAgent? { machine.agent("a") }
  private var state: AgentStateName? { agent?.name }

  /// With a version that serves.
  private mutating func serve(_ revision: String = "1", restarts: Int = 3) {
    _ = want(revision, restarts: restarts)
    _ = send(.loaded)
    _ = news(1, .ready)
  }

  @Test("starts what is wanted, and has settled when it is Ready")
  mutating func start() {
    #expect(want("1", .start).effects == [.start(agent: "a", worker: 1, revision: "1")])
    #expect(send(.loaded).effects.isEmpty)
    #expect(!machine.isHealthy)
    #expect(news(1, .ready).effects == [.route(agent: "a", to: 1), .settled])
    #expect(machine.isHealthy && state == .ready)
  }

  @Test("has settled at once when nothing is wanted")
  mutating func nothing() {
    #expect(send(.loaded).effects == [.settled])
    #expect(send(.loaded).verdict == .illegal)
  }

  @Test("moves traffic to a new version when it is Ready, and then asks the old worker to stop")
  mutating func rolling() {
    serve()
    #expect(want("2").effects == [.start(agent: "a", worker: 2, revision: "2")])
    #expect(state == .ready && agent?.target?.state == .booting && agent?.isChanging == true)
    let step = news(2, .ready)
    #expect(step.effects == [.route(agent: "a", to: 2), .stop(agent: "a", worker: 1)])
    #expect(step.traffic == [TrafficChange(agent: "a", from: 1, to: 2)])
    #expect(step.transitions.isEmpty && agent?.previous == "1" && agent?.isChanging == false)
    #expect(news(1, .ended(.asked, chance: 0)).effects.isEmpty)
    #expect(agent?.workers == [2])
  }

  @Test("keeps the version that serves when the new one gives up, and shows why")
  mutating func failedTarget() {
    serve()
    _ = want("2")
    let step = news(2, .ended(.gaveUp(reason: "no module stripe"), chance: 0))
    #expect(step.effects.isEmpty && step.failedTargets.map(\.reason) == ["no module stripe"])
    #expect(state == .ready && agent?.route == 1)
    #expect(agent?.target?.state == .failed && agent?.target?.reason == "no module stripe")
    #expect(want("2").verdict == .ignored)
    // A rollback takes the failed one away.
    #expect(want("1", .rollback).effects.isEmpty)
    #expect(agent?.target == nil)
  }

  @Test("starts a target that crashes again, while the old version serves")
  mutating func crashingTarget() {
    serve()
    _ = want("2", restarts: 1)
    #expect(crash(2).effects == [.start(agent: "a", worker: 3, revision: "2")])
    let last = crash(3)
    #expect(last.effects.isEmpty)
    #expect(last.failedTargets.map(\.reason) == ["killed by SIGKILL; its 1 restarts are used up"])
    #expect(agent?.route == 1)
  }

  @Test("replaces a target that is not wanted any more")
  mutating func replacedTarget() {
    serve()
    _ = want("2")
    #expect(
      want("3").effects == [
        .stop(agent: "a", worker: 2), .start(agent: "a", worker: 3, revision: "3"),
      ])
    #expect(want("1").effects == [.stop(agent: "a", worker: 3)])
    #expect(agent?.route == 1 && agent?.target == nil)
  }

  @Test("without a surge stops the old worker first, and brings it back when the new one fails")
  mutating func inPlace() {
    serve()
    #expect(
      want("2", surge: false).effects == [
        .route(agent: "a", to: nil), .stop(agent: "a", worker: 1),
      ])
    #expect(state == .restarting)
    #expect(
      news(1, .ended(.asked, chance: 0)).effects == [.start(agent: "a", worker: 2, revision: "2")])
    let step = news(2, .ended(.gaveUp(reason: "it broke"), chance: 0))
    #expect(step.effects == [.start(agent: "a", worker: 3, revision: "1")])
    #expect(step.failedTargets.map(\.deployment.revision) == ["2"])
    #expect(news(3, .ready).effects == [.route(agent: "a", to: 3)])
    #expect(agent?.target?.reason == "it broke" && agent?.active?.revision == "1")
  }

  @Test("restarts by a rolling change to the same version; not while a change runs")
  mutating func restart() {
    serve()
    #expect(want("1").verdict == .ignored)
    #expect(want("1", .restart).effects == [.start(agent: "a", worker: 2, revision: "1")])
    #expect(want("1", .restart).verdict == .ignored)
    #expect(want("1", .memory).verdict == .ignored)
    #expect(news(2, .ready).effects == [.route(agent: "a", to: 2), .stop(agent: "a", worker: 1)])
    #expect(agent?.previous == nil)
  }

  @Test(
    "starts a worker that crashed again: at once, then after full jitter, then not any more")
  mutating func intensity() {
    serve()
    #expect(crash(1).restart?.delay == .zero)
    _ = news(2, .ready)
    #expect(crash(2).restart == PlannedRestart(agent: "a", restarts: 2, delay: .milliseconds(250)))
    #expect(state == .restarting)
    let timer = SupervisorTimer.restart(agent: "a", after: 2)
    #expect(machine.timers == [timer: now + .milliseconds(250)])
    #expect(send(.due(timer)).effects == [.start(agent: "a", worker: 3, revision: "1")])
    #expect(send(.due(timer)).verdict == .ignored)
    _ = news(3, .ready)
    #expect(crash(3, chance: 0.999).restart?.delay == .seconds(0.999))
    _ = send(.due(.restart(agent: "a", after: 3)))
    _ = news(4, .ready)
    let last = crash(4)
    #expect(last.restart == nil && state == .failed)
    #expect(agent?.reason == "killed by SIGKILL; its 3 restarts are used up")
    #expect(machine.isHealthy)
    // A person's restart begins anew.
    #expect(want("1", .restart).effects == [.start(agent: "a", worker: 5, revision: "1")])
  }

  @Test("forgets restarts that have left the window, but not those of a boot")
  mutating func window() {
    serve(restarts: 1)
    for worker in 1...4 {
      now = now + .seconds(60)
      #expect(crash(worker).restart?.restarts == 1)
      _ = news(worker + 1, .ready)
    }
    var boot = SupervisionStoryTests()
    _ = boot.want("1", restarts: 1)
    #expect(boot.crash(1).restart?.restarts == 1)
    boot.now = boot.now + .seconds(3600)
    #expect(boot.crash(2).restart == nil)
    #expect(boot.state == .failed)
  }

  @Test(
    "waits between restarts for at most 0, 0.5, 1, 2, 4, 8, 10, 10 … s",
    arguments: [
      (0, 0), (1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 8000), (6, 10_000), (99, 10_000),
    ])
  func delays(count: Int, milliseconds: Int64) {
    #expect(SupervisionPolicy.delayCeiling(after: count).milliseconds == milliseconds)
    #expect(SupervisionPolicy.restartDelay(after: count, chance: 0) == .zero)
    #expect(
      SupervisionPolicy.restartDelay(after: count, chance: 2)
        == SupervisionPolicy.delayCeiling(after: count))
  }

  @Test("takes a worker that gives up for failed at once, with its reason")
  mutating func gaveUp() {
    serve()
    let step = news(1, .ended(.gaveUp(reason: "lost too often"), chance: 0))
    #expect(step.effects == [.route(agent: "a", to: nil)])
    #expect(state == .failed && agent?.reason == "lost too often")
  }

  @Test("relies on what boots beside when the version that serves is lost for good")
  mutating func onlyHope() {
    serve(restarts: 0)
    _ = want("2")
    #expect(crash(1).effects == [.route(agent: "a", to: nil)])
    #expect(state == .booting)
    #expect(news(2, .ready).effects == [.route(agent: "a", to: 2)])
  }

  @Test(
    "brings the old version back when it crashes while another one boots; the first to be Ready serves"
  )
  mutating func race() {
    serve()
    _ = want("2")
    #expect(
      crash(1).effects == [
        .route(agent: "a", to: nil), .start(agent: "a", worker: 3, revision: "1"),
      ])
    #expect(news(3, .ready).effects == [.route(agent: "a", to: 3)])
    #expect(news(2, .ready).effects == [.route(agent: "a", to: 2), .stop(agent: "a", worker: 3)])
  }

  @Test("kills a worker that does not become Ready in time")
  mutating func bootPatience() {
    _ = want("1")
    let timer = SupervisorTimer.boot(agent: "a", worker: 1)
    #expect(machine.timers == [timer: now + machine.policy.bootPatience])
    let step = send(.due(timer))
    #expect(step.effects == [.kill(agent: "a", worker: 1)])
    #expect(step.stops.map(\.cause) == [.bootTimedOut])
    #expect(agent?.reason == "it was not Ready after 600 s")
    #expect(news(1, .ready).verdict == .ignored)
    #expect(news(1, .ended(.crashed(reason: ""), chance: 0)).verdict == .stayed)
  }

  @Test("kills a worker that drains for too long, asked or not")
  mutating func drainPatience() {
    serve()
    _ = want("2")
    _ = news(2, .ready)
    let asked = SupervisorTimer.drain(agent: "a", worker: 1)
    #expect(machine.timers == [asked: now + machine.policy.drainPatience])
    #expect(send(.due(asked)).effects == [.kill(agent: "a", worker: 1)])
    #expect(machine.timers.isEmpty)
    #expect(news(2, .draining).effects == [.route(agent: "a", to: nil)])
    #expect(state == .restarting)
    let step = send(.due(.drain(agent: "a", worker: 2)))
    #expect(step.effects.first == .kill(agent: "a", worker: 2))
    #expect(step.effects.last == .start(agent: "a", worker: 3, revision: "2"))
  }

  @Test("kills a worker whose log cannot be true, and does not route to it")
  mutating func contradicted() {
    serve()
    let step = news(1, .contradicted(reason: "Ready before it was fetched"))
    #expect(
      step.effects == [
        .route(agent: "a", to: nil), .kill(agent: "a", worker: 1),
        .start(agent: "a", worker: 2, revision: "1"),
      ])
    #expect(step.stops.map(\.reason) == ["Ready before it was fetched"])
  }

  @Test("waits with another worker while too many are on their way out")
  mutating func retiringMaximum() {
    _ = want("0")
    for revision in 1..<machine.policy.retiringMaximum { _ = want("\(revision)") }
    let last = agent?.workers.last ?? 0
    #expect(want("x").effects == [.stop(agent: "a", worker: last)])
    #expect(agent?.retiring.count == machine.policy.retiringMaximum)
    #expect(agent?.target?.worker == nil)
    #expect(
      news(2, .ended(.asked, chance: 0)).effects
        == [.start(agent: "a", worker: last + 1, revision: "x")])
  }

  @Test("drains a worker that is removed, and forgets the agent then; it may come back before")
  mutating func removal() {
    serve()
    #expect(
      send(.removed(agent: "a")).effects == [
        .route(agent: "a", to: nil), .stop(agent: "a", worker: 1),
      ])
    #expect(state == .draining)
    #expect(send(.removed(agent: "a")).verdict == .ignored)
    #expect(want("2").effects == [.start(agent: "a", worker: 2, revision: "2")])
    _ = send(.removed(agent: "a"))
    #expect(news(1, .ended(.asked, chance: 0)).effects.isEmpty)
    let step = news(2, .ended(.asked, chance: 0))
    #expect(step.effects == [.forget(agent: "a")] && step.transitions.map(\.to) == [.stopped])
    #expect(machine.agents.isEmpty)
    #expect(send(.removed(agent: "b")).verdict == .ignored)
  }

  @Test("drains every worker at a signal, keeps routes meanwhile, and exits when all have ended")
  mutating func drain() {
    serve()
    _ = want("2")
    #expect(
      send(.terminationRequested(.terminate)).effects
        == [.stop(agent: "a", worker: 1), .stop(agent: "a", worker: 2)])
    #expect(!machine.isHealthy && agent?.route == 1)
    #expect(want("3").verdict == .ignored)
    #expect(news(2, .ended(.asked, chance: 0)).effects.isEmpty)
    #expect(
      news(1, .ended(.asked, chance: 0)).effects == [.route(agent: "a", to: nil), .exit(code: 0)])
    #expect(machine.phase == .stopped && machine.timers.isEmpty)
  }

  @Test("kills at the deadline, and exits even when the end of a worker is not reported")
  mutating func deadline() {
    serve()
    _ = send(.failed(.failure))
    let policy = machine.policy
    #expect(machine.timers[.deadline] == now + (policy.drainDeadline - policy.killMargin))
    now = machine.timers[.deadline] ?? now
    #expect(send(.due(.deadline)).effects == [.kill(agent: "a", worker: 1)])
    #expect(machine.timers[.deadline] == .start + (policy.drainDeadline - policy.exitMargin))
    #expect(send(.due(.deadline)).effects == [.exit(code: 1)])
  }

  @Test("kills at a second SIGINT at once, at a second SIGTERM only from 2 s on")
  mutating func secondSignal() {
    serve()
    var other = self
    _ = send(.terminationRequested(.interrupt))
    #expect(send(.terminationRequested(.interrupt)).effects == [.kill(agent: "a", worker: 1)])
    _ = other.send(.terminationRequested(.terminate))
    other.now = other.now + .milliseconds(1999)
    #expect(other.send(.terminationRequested(.terminate)).verdict == .ignored)
    other.now = other.now + .milliseconds(1)
    let step = other.send(.terminationRequested(.terminate))
    #expect(step.stops.map(\.cause) == [.secondSignal])
  }

  @Test(
    "leaves its workers time to end, and itself, whatever the deadline",
    arguments: [0.1, 1, 10, 19, 20, 30, 120])
  func margins(seconds: Double) {
    let policy = SupervisionPolicy(drainDeadline: .seconds(seconds))
    #expect(policy.workerDeadline < policy.drainDeadline - policy.killMargin)
    #expect(policy.killMargin > policy.exitMargin && policy.exitMargin > .zero)
    #expect(policy.drainPatience > policy.workerDeadline)
  }
}
