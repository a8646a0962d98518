import Testing

@testable import LogTrace

@Suite("The options of trace")
struct TraceOptionTests {
  private func apply(_ name: String, _ value: String) throws -> TraceOptions {
    var options = TraceOptions()
    try #require(TraceOption.all.first { $0.name == name }).apply(value, to: &options)
    return options
  }

  @Test("take each format", arguments: TraceOptions.Format.allCases)
  func formats(_ format: TraceOptions.Format) throws {
    #expect(try apply("--format", format.rawValue).format == format)
  }

  @Test(
    "refuse a value that is none",
    arguments: [("--format", "xml"), ("--color", "red"), ("--run", "")])
  func refused(_ name: String, _ value: String) {
    #expect(throws: TraceOption.Misuse.self) { try apply(name, value) }
  }

  @Test("have names of their own, and a help that fits 80 columns")
  func table() {
    #expect(Set(TraceOption.all.map(\.name)).count == TraceOption.all.count)
    for line in TraceOption.helpText.split(separator: "\n") { #expect(line.count <= 80) }
  }

  @Test("choose runs by the beginning of their ids")
  func runs() throws {
    let options = try apply("--run", "1edadb")
    #expect(options.wants("1edadb8f33") && !options.wants("2edadb8f33"))
    #expect(TraceOptions().wants("anything"))
  }
}
