import Glibc
import Lifecycle
import Testing

/// Good logs, damaged by chance.
@Suite("A corrupted log")
struct CorruptionTests {
  @Test("is noticed in at least 99 of 100 cases, and it is known why in the others")
  func noticed() throws {
    var random = SplitMix(seed: 20_261_122)
    var tally = CorruptionTally()
    let logs = try GoodRuns.all.map { try CorruptibleLog($0.name, $0.lines) }
    tally.run(logs, each: 100, &random)
    check(tally)
  }

  @Test("of a supervisor is noticed as well, with its workers' logs beside it")
  func supervisors() throws {
    var random = SplitMix(seed: 20_261_123)
    var tally = CorruptionTally()
    let logs = try GoodSupervisors.all.map { name, log in
      let views = SupervisedViews(log)
      return try CorruptibleLog(name, log.own) { views.verdict($0) }
    }
    tally.run(logs, each: 40, &random)
    if getenv("PAR_SHOW_CORRUPTION") != nil { print(tally.table) }
    check(tally, atLeast: 97)
  }

  /// `PAR_KEPT_LOGS`: a folder of logs that the end-to-end tests have kept.
  @Test(
    "of a real run is noticed as well",
    .enabled(if: getenv("PAR_KEPT_LOGS") != nil, "PAR_KEPT_LOGS names no folder"))
  func real() throws {
    let folder = String(cString: try #require(getenv("PAR_KEPT_LOGS")))
    let logs = try KeptLogs.read(folder)
    try #require(!logs.isEmpty)
    var random = SplitMix(seed: 20_261_122)
    var tally = CorruptionTally()
    tally.run(logs, each: 1000, &random)
    print("\(logs.count) runs of \(folder):\n\n\(tally.table)")
    for (what, count) in tally.survivors.sorted(by: { $0.value > $1.value }) {
      print("\(count) \(what): \(Survivor.reason(of: what) ?? "?")")
    }
    check(tally)
  }

  private func check(_ tally: CorruptionTally, atLeast percent: Int = 99) {
    let unexplained = tally.survivors.filter { Survivor.reason(of: $0.key) == nil }
    #expect(unexplained.isEmpty, "\(unexplained)")
    #expect(
      tally.caughtInAll * 100 >= tally.triedInAll * percent, "\(tally.table)\n\(tally.survivors)")
  }
}
