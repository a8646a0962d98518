import Lifecycle
import Testing

@testable import LogTrace

@Suite("The table of runs")
struct RunTableTests {
  @Test("counts a line that names no run")
  func unattributed() {
    var table = RunTable()
    table.takeCorrupt(nil, "it is no JSON", at: "a.log:3")
    #expect(table.totals.corrupt == 1)
    #expect(table.totals.firstCorrupt == "a.log:3: it is no JSON")
    #expect(table.totals.status(strict: false) == 1)
  }
}
