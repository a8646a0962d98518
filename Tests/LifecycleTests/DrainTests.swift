import Lifecycle
import Testing

@Suite("The drain")
struct DrainTests {
  @Test("a second SIGINT ends the wait at once", arguments: Signal.allCases)
  func secondInterrupt(first: Signal) {
    let (_, step) = Scene.draining(Policy(), first).after(
      .terminationRequested(.interrupt), at: 10_000)
    #expect(step.to == .stopped)
    #expect(step.cause == "second_signal")
    #expect(step.effects == [.cutInFlight, .killWorker, .exit(code: 0)])
  }

  @Test(
    "a second SIGTERM ends the wait from 2 s after the first signal on", arguments: Signal.allCases)
  func secondTerminate(first: Signal) {
    let draining = Scene.draining(Policy(), first)
    let early = draining.after(.terminationRequested(.terminate), at: 11_999)
    #expect(early.step.verdict == .ignored)
    let late = early.machine.after(.terminationRequested(.terminate), at: 12_000)
    #expect(late.step.to == .stopped)
    #expect(late.step.cause == "second_signal")
  }

  @Test("in a drain by failure, the first signal only counts as the first")
  func signalsOfAFailure() {
    let failing = Scene.loading().after(.failed(.failure), at: 1000).machine
    let first = failing.after(.terminationRequested(.interrupt), at: 1100)
    #expect(first.step.verdict == .stayed)
    #expect(first.step.effects == [])
    #expect(
      first.machine.after(.terminationRequested(.terminate), at: 3099).step.verdict == .ignored)
    let second = first.machine.after(.terminationRequested(.interrupt), at: 1101)
    #expect(second.step.to == .stopped)
    #expect(second.step.effects.last == .exit(code: 1))
  }

  @Test("nothing in flight means nothing while new work is still served")
  func lameDuck() {
    #expect(Scene.draining().after(.nothingInFlight, at: 10_500).step.verdict == .ignored)
  }

  @Test("the agent is asked to stop once, whether idle or late comes first")
  func askedOnce() {
    let closing = Scene.draining().after(.timerFired(.drainMinimum), at: 11_000).machine
    let idle = closing.after(.nothingInFlight, at: 12_000)
    #expect(idle.step.effects == [.stopWorker])
    #expect(idle.machine.after(.timerFired(.agentStop), at: 38_000).step.verdict == .ignored)
    #expect(idle.machine.after(.nothingInFlight, at: 12_500).step.verdict == .ignored)
    let late = closing.after(.timerFired(.agentStop), at: 38_000)
    #expect(late.step.effects == [.stopWorker])
    let lateIdle = late.machine.after(.nothingInFlight, at: 38_500)
    #expect(lateIdle.step.effects == [])
    #expect(
      lateIdle.machine.after(.workerLost(attempt: 1, jitter: 0), at: 38_600).step.to == .stopped)
  }

  @Test("new work is refused when the agent was asked to stop, though the minimum is longer")
  func longMinimum() {
    let policy = Policy(drainDeadline: .seconds(30), terminateMinimum: .seconds(29))
    let asked = Scene.draining(policy).after(.timerFired(.agentStop), at: 38_000)
    #expect(asked.step.effects == [.stopWorker])
    #expect(asked.machine.timers[.drainMinimum] == nil)
    #expect(asked.machine.after(.nothingInFlight, at: 38_001).step.verdict == .stayed)
  }

  @Test("a worker that was lost while idle ends the drain, one with work in flight does not")
  func workerLost() {
    let closing = Scene.draining().after(.timerFired(.drainMinimum), at: 11_000).machine
    let lost = closing.after(.workerLost(attempt: 1, jitter: 0), at: 11_500)
    #expect(lost.step.to == .draining)
    #expect(
      lost.machine.after(.workerLost(attempt: 1, jitter: 0), at: 11_600).step.verdict == .ignored)
    #expect(lost.machine.after(.nothingInFlight, at: 11_501).step.to == .stopped)
  }

  @Test("without DRAIN_MIN new work is refused from the beginning")
  func noMinimum() {
    let draining = Scene.draining(Policy(terminateMinimum: .zero))
    #expect(draining.timers[.drainMinimum] == nil)
    #expect(draining.after(.nothingInFlight, at: 10_000).step.effects == [.stopWorker])
  }
}
