import Lifecycle
import Testing

@Suite("The replay of a supervisor's lines")
struct SupervisionReplayTests {
  /// A walk's lines, as they are read back from its log.
  static func replay(
    _ lines: [(at: Instant, line: SupervisorLine)]
  ) throws -> (replay: SupervisionReplay, trouble: String?) {
    var replay = SupervisionReplay(
      policy: SupervisionPolicy(bootPatience: .seconds(90), retiringMaximum: 2))
    for (number, (time, line)) in lines.enumerated() {
      let written = LogLine(
        wallNanoseconds: 0, sequence: Int64(number + 1), runID: "s", agentAppID: nil,
        deploymentID: nil, uptimeMilliseconds: time.milliseconds, event: .supervisor(line))
      let read = try LogLine.decode(written.encoded)
      #expect(read == written)
      guard case .supervisor(let line) = read.event else { continue }
      do {
        try replay.take(line, at: Instant(nanoseconds: read.uptimeMilliseconds * 1_000_000))
      } catch {
        return (replay, "line \(number + 1), \(read.event.name): \(error)")
      }
    }
    return (replay, nil)
  }

  @Test("comes to the same, whatever happened", arguments: 0..<12)
  func agrees(seed: Int) throws {
    var walk = SupervisorWalk(seed: UInt64(seed))
    walk.run(600)
    walk.finish()
    let (replay, trouble) = try Self.replay(walk.lines)
    #expect(trouble == nil)
    #expect(replay.isOver && replay.expected.isEmpty)
    #expect(replay.machine.phase == .stopped)
    #expect(walk.steps.allSatisfy { $0.step.verdict != .illegal })
  }
}
