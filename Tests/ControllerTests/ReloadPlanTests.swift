import Lifecycle
import Testing

@testable import Controller

@Suite("The plan of reloads")
struct ReloadPlanTests {
  @Test(
    "refuses in every state but ready, and changes nothing",
    arguments: StateName.allCases.filter { $0 != .ready })
  func refuses(state: StateName) {
    var plan = ReloadPlan()
    guard case .refuse(let why) = plan.ask(in: state, hasWorker: true) else {
      Issue.record("not refused")
      return
    }
    #expect(!why.isEmpty)
    #expect(plan == ReloadPlan())
  }

  @Test("refuses where there is no process to replace")
  func withoutWorker() {
    var plan = ReloadPlan()
    #expect(plan.ask(in: .ready, hasWorker: false) != .begin)
    #expect(plan == ReloadPlan())
  }

  @Test("begins one at a time; wishes that come meanwhile are one more")
  func oneAtATime() {
    var plan = ReloadPlan()
    #expect(plan.ask(in: .ready, hasWorker: true) == .begin)
    plan.began()
    for _ in 0..<3 { #expect(plan.ask(in: .ready, hasWorker: true) == .later) }
    plan.replaced()
    #expect(plan.stage == .retiring)
    // The worker that was replaced still runs: a third one would be too many.
    #expect(plan.ask(in: .ready, hasWorker: true) == .later)
    let again = plan.retired()
    #expect(again)
    #expect(plan.ask(in: .ready, hasWorker: true) == .begin)
    plan.began()
    plan.replaced()
    let more = plan.retired()
    #expect(!more)
  }

  @Test("goes on with what was wished for when a reload failed", arguments: [true, false])
  func failed(isWanted: Bool) {
    var plan = ReloadPlan()
    plan.began()
    if isWanted { _ = plan.ask(in: .ready, hasWorker: true) }
    let again = plan.failed()
    #expect(again == isWanted)
    #expect(plan.stage == .none)
  }

  @Test("forgets the wish when the machine leaves ready: a worker is started anyway, or none")
  func leftReady() {
    var loading = ReloadPlan()
    loading.began()
    _ = loading.ask(in: .ready, hasWorker: true)
    loading.leftReady()
    #expect(loading == ReloadPlan())
    var retiring = ReloadPlan()
    retiring.began()
    retiring.replaced()
    _ = retiring.ask(in: .ready, hasWorker: true)
    retiring.leftReady()
    // It still runs, and is waited for before the next reload.
    #expect(retiring.stage == .retiring)
    #expect(retiring.ask(in: .ready, hasWorker: true) == .later)
  }
}
