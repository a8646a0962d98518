import Testing

@testable import Lifecycle

@Suite("The specification of the supervisor")
struct SupervisionSpecificationTests {
  @Test("spec/supervisor.json is the tables of the machine, under their hash (else: make spec)")
  func table() throws {
    let file = try #require(Repository.file("spec/supervisor.json"))
    // Not compared in the expectation, which would look for the differences for minutes.
    let isSame = SupervisionTable.text(.json) == file
    #expect(isSame, "the machine changed: make spec writes the file anew")
    #expect(
      SupervisionTable.hash == MachineTable.fingerprint(of: file), "make spec corrects the hash")
  }

  @Test("the diagram in docs/supervision.md is the machine's (else: make spec)")
  func diagram() throws {
    let page = try #require(Repository.text("docs/supervision.md"))
    let diagram = String(decoding: SupervisionTable.text(.mermaid), as: UTF8.self)
    #expect(
      page.contains(
        "<!-- diagram: make spec -->\n```mermaid\n\(diagram)```\n<!-- end of diagram -->"))
  }

  @Test("every table is closed: what it leads to is in it")
  func closed() {
    for table in [
      SupervisionTable.agents, SupervisionTable.workers, SupervisionTable.phases,
    ] {
      let named = Set(table.situations.map(\.name))
      #expect(named.count == table.situations.count)
      for row in table.rows where row.next != "gone" { #expect(named.contains(row.next)) }
    }
    let states = Set(SupervisionTable.agents.situations.map(\.state))
    #expect(states == Set(AgentStateName.allCases.map(\.rawValue)))
    let phases = Set(SupervisionTable.phases.situations.map(\.state))
    #expect(phases == Set(SupervisionPhase.Name.allCases.map(\.rawValue)))
  }

  @Test("no situation that an agent can come into is missing in its table")
  func complete() {
    let named = Set(SupervisionTable.agents.situations.map(\.name))
    let scope = SupervisionExploration.Scope(restarts: 2, isFull: false)
    let exploration = SupervisionExploration(scope) { _, _, _, _ in }
    for machine in exploration.machines {
      for agent in machine.agents {
        #expect(named.contains(agent.state.situation), "\(agent.state.situation)")
      }
    }
  }

  @Test(
    "no state is left by a default",
    arguments: Repository.swiftFiles("Sources/Lifecycle/Supervision"))
  func noDefault(file: String) throws {
    let text = try #require(Repository.text(file))
    #expect(!text.contains("default:"))
  }

  @Test("the supervisor's state is assigned at one line, besides its beginning")
  func oneAssignment() throws {
    let text = try #require(Repository.text("Sources/Lifecycle/Supervision/Supervision.swift"))
    let lines = text.split(separator: "\n").map { line in line.drop { $0 == " " } }
    #expect(lines.filter { $0.hasPrefix("state = ") } == ["state = next"])
    #expect(text.contains("public private(set) var state = SupervisionState()"))
  }
}
