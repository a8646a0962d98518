import Testing

@testable import Lifecycle

@Suite("The replay of a supervisor's log")
struct SupervisorReplayTests {
  static func verdict(_ lines: [LogLine]) -> Replay.Verdict {
    var replay = SupervisorReplay()
    for line in lines { replay.take(line) }
    return replay.verdict
  }

  @Test("of a good one conforms", arguments: 0..<GoodSupervisors.all.count)
  func conforms(index: Int) {
    let (name, log) = GoodSupervisors.all[index]
    #expect(log.own.last?.event.name == "supervisor_stopped", "\(name)")
    let verdict = Self.verdict(log.own)
    if case .violates(let violation) = verdict {
      Issue.record("\(name): \(violation.text) \(violation.allowed)")
    }
    #expect(verdict == .conforms, "\(name)")
  }
}
