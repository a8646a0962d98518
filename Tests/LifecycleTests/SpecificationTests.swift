import Testing

@testable import Lifecycle

@Suite("The specification")
struct SpecificationTests {
  @Test("spec/lifecycle.json is the table of the machine (else: make spec)")
  func table() throws {
    let file = try #require(Repository.file("spec/lifecycle.json"))
    #expect(MachineTable.text(.json) == file, "the machine changed: make spec writes the file anew")
  }

  @Test("the table's hash is the fingerprint of that file (else: make spec)")
  func hash() throws {
    let file = try #require(Repository.file("spec/lifecycle.json"))
    #expect(MachineTable.hash == MachineTable.fingerprint(of: file), "make spec corrects the hash")
  }

  @Test(
    "FNV-1a gives the published values",
    arguments: [
      ("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8"),
    ])
  func fingerprint(text: String, expected: String) {
    #expect(MachineTable.fingerprint(of: text.utf8) == expected)
  }

  @Test("the diagram in docs/lifecycle.md is the machine's (else: make spec)")
  func diagram() throws {
    let page = try #require(Repository.text("docs/lifecycle.md"))
    let begin = "<!-- diagram: make spec -->\n```mermaid\n"
    let diagram = String(decoding: MachineTable.text(.mermaid), as: UTF8.self)
    #expect(
      page.contains(begin + diagram + "```\n<!-- end of diagram -->"), "make spec writes it anew")
  }

  @Test("spec/lifecycle.pml is the model of the machine (else: make spec)")
  func model() throws {
    let file = try #require(Repository.file("spec/lifecycle.pml"))
    #expect(MachineTable.text(.promela) == file, "make spec writes the file anew")
  }

  @Test("every claim of the model has its words, and docs/lifecycle.md has them (else: make spec)")
  func claims() throws {
    let page = try #require(Repository.text("docs/lifecycle.md"))
    let lines = String(decoding: MachineTable.text(.promela), as: UTF8.self).split(separator: "\n")
    let claims = lines.indices.filter { lines[$0].hasPrefix("ltl ") }
    #expect(claims.count > 10)
    var list = ""
    for claim in claims {
      #expect(lines[claim - 1].hasPrefix("/* ") && lines[claim - 1].hasSuffix(" */"))
      list += "  - \(lines[claim - 1].dropFirst(3).dropLast(3))\n"
    }
    #expect(page.contains("<!-- claims: make spec -->\n\(list)<!-- end of claims -->"))
    #expect(lines.allSatisfy { $0.allSatisfy(\.isASCII) }, "Promela has no other letters")
  }

  @Test("docs/trace.md has the promises as they are (else: make docs)")
  func promises() throws {
    let page = try #require(Repository.text("docs/trace.md"))
    var table = "| about | promise | what it says |\n| --- | --- | --- |\n"
    for group in Promise.Group.allCases {
      for (index, promise) in Promise.allCases.filter({ $0.group == group }).enumerated() {
        let about = index == 0 ? group.title : ""
        table += "| \(about) | `\(promise.rawValue)` | \(promise.text) |\n"
      }
    }
    #expect(page.contains("<!-- promises: make docs -->\n\n\(table)\n<!-- end of promises -->"))
  }

  @Test("every event of the table has a verdict in every situation")
  func total() {
    let (situations, rows) = MachineTable.explore()
    #expect(rows.count == situations.count * MachineTable.events.count)
    #expect(Set(situations.map(\.state)) == Set(StateName.allCases))
  }

  @Test("no situation that a machine can reach is missing in the table")
  func complete() {
    let named = Set(MachineTable.explore().situations.map(\.name))
    let reached = Exploration(policy: MachineTable.policy).machines
    for machine in reached { #expect(named.contains(machine.state.situation(MachineTable.policy))) }
  }

  @Test("Lifecycle imports nothing")
  func pure() throws {
    let files = Repository.swiftFiles("Sources/Lifecycle")
    #expect(files.count > 10)
    for file in files {
      let text = try #require(Repository.text(file))
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        let isImport = words.first == "import" || words.dropFirst().first == "import"
        #expect(!isImport, "\(file): \(line)")
      }
    }
  }

  @Test("the machine's state is assigned at one line, besides its beginning")
  func oneAssignment() throws {
    let text = try #require(Repository.text("Sources/Lifecycle/Machine/Machine.swift"))
    let lines = text.split(separator: "\n").map { line in line.drop { $0 == " " } }
    let assignments = lines.filter { $0.hasPrefix("state = ") || $0.hasPrefix("self.state = ") }
    #expect(assignments == ["state = .fetching(Fetching())", "state = next"])
    #expect(text.contains("public private(set) var state: State"))
  }

  @Test(
    "no state is left by a default", arguments: Repository.swiftFiles("Sources/Lifecycle/Machine"))
  func noDefault(file: String) throws {
    let text = try #require(Repository.text(file))
    #expect(!text.contains("default:"))
  }

  @Test("every format can be printed", arguments: MachineTable.Format.allCases)
  func formats(format: MachineTable.Format) {
    let text = String(decoding: MachineTable.text(format), as: UTF8.self)
    for state in StateName.allCases where format != .promela {
      #expect(text.contains(state.rawValue))
    }
    #expect(text.hasSuffix("\n"))
  }
}
