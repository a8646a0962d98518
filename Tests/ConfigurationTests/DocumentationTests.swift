import RunConfiguration
import Testing

@Suite("The documentation")
struct DocumentationTests {
  @Test("has the paragraph that each hint names")
  func hints() throws {
    let page = try #require(Repository.text("docs/errors.md"))
    let headings = page.split(separator: "\n").filter { $0.hasPrefix("#") }
      .map { $0.drop { "# ".contains($0) }.lowercased().split(separator: " ") }
      .map { $0.joined(separator: "-") }
    var environment = Dictionary(uniqueKeysWithValues: Configuration.variables.map { ($0, "\t") })
    environment["AGENT_PACKAGE_PATH"] = "file://"
    let problems =
      Configuration.read(environment, packageArgument: nil).problems
      + read(["DRAIN_MIN_SEC": "30"]).problems
    #expect(problems.count > 30)
    for problem in problems {
      let anchor = try #require(problem.hint.split(separator: "#").last)
      #expect(headings.contains(String(anchor)), "\(problem.hint)")
    }
  }
}
