import Lifecycle
import LinuxSystem
import Testing

@testable import Supervisor

@Suite("Why an agent is not ready, for everybody")
struct AgentReasonTests {
  private func summary(
    _ end: WorkerEnd, _ sentence: String, ended: String? = nil
  ) -> String {
    let event = SupervisorEvent.worker(1, agent: "a", .ended(end, chance: 0))
    return AgentReason(sentence, of: event, ended: ended).summary
  }

  @Test("is said in words of which none is the worker's or the agent's")
  func summaries() {
    let quote = "ValueError: postgres://user:word@db"
    #expect(
      summary(.gaveUp(reason: quote), quote, ended: "its boot failed while loading")
        == "its boot failed while loading")
    #expect(summary(.gaveUp(reason: quote), quote) == "its worker gave up")
    #expect(
      summary(.crashed(reason: quote), quote + "; its 3 restarts are used up")
        == "its worker ended unexpectedly; its 3 restarts are used up")
    #expect(
      summary(.couldNotStart(reason: quote), quote) == "its worker could not be started")
    #expect(summary(.asked, "the worker stopped") == "its worker stopped without being asked")
    let lie = SupervisorEvent.worker(1, agent: "a", .contradicted(reason: quote))
    #expect(
      AgentReason(quote, of: lie, ended: nil).summary == "its worker's log cannot be true")
    let late = SupervisorEvent.due(.boot(agent: "a", worker: 1))
    #expect(AgentReason(quote, of: late, ended: nil).summary == "it was not ready in time")
    #expect(AgentReason(quote, of: .loaded, ended: nil).summary == AgentReason.untold)
  }

  @Test("of a worker that was killed, or ended by itself")
  func ends() {
    let testimony = WorkerTestimony(agent: "a", pid: 7)
    func summary(_ status: LinuxSystem.ExitStatus, memory: Bool = false, killed: Bool = false)
      -> String
    {
      AgentReason.summary(of: status, testimony, isOutOfMemory: memory, wasKilled: killed)
    }
    #expect(summary(.signaled(9)) == "its worker was killed")
    #expect(summary(.signaled(9), memory: true) == "its worker was ended because memory ran out")
    #expect(summary(.exited(3)) == "its worker ended unexpectedly")
    #expect(summary(.exited(3), killed: true) == "its worker was killed")
  }
}
