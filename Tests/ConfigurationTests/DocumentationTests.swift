import Glibc
import RunConfiguration
import Testing

/// A file of the repository; the tests are run from a checkout.
private func page(_ path: String) throws -> String {
  let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  let file = try #require(fopen("/\(root)/\(path)", "r"))
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
    bytes += buffer[..<count]
  }
  return String(decoding: bytes, as: UTF8.self)
}

@Suite("The documentation")
struct DocumentationTests {
  @Test("has a row for every variable")
  func variables() throws {
    let text = try page("docs/configuration.md")
    for variable in Configuration.variables {
      #expect(text.contains("\n| `\(variable)` |"), "\(variable)")
    }
  }

  @Test("has the paragraph that each hint names")
  func hints() throws {
    let headings = try page("docs/errors.md").split(separator: "\n").filter { $0.hasPrefix("#") }
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
