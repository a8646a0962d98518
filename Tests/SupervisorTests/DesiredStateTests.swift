import RunConfiguration
import Testing

@testable import Supervisor

/// A state that `#expect` may change.
private final class Changing {
  private var state = DesiredState()

  subscript(id: String) -> DesiredAgent? { state.agents[id] }
  var ids: [String] { state.agents.keys.sorted() }
  var config: DesiredState.ReadConfig? { state.config }

  func apply(
    _ specs: [AgentSpec], of config: DesiredState.ReadConfig
  ) -> DesiredState.Changes { state.apply(specs, of: config) }
  func forgetConfig() -> DesiredState.Changes { state.forgetConfig() }
  func put(_ spec: AgentSpec) { state.put(spec) }
  func rollBack(_ id: String) -> AgentSpec? { state.rollBack(id) }
  @discardableResult
  func prove(_ spec: AgentSpec) -> Bool { state.prove(spec.agentAppID, revision: spec.revision) }
}

@Suite struct DesiredStateTests {
  private func spec(_ id: String, _ memory: Int = 64) throws -> AgentSpec {
    try AgentSpec(agentAppID: id, package: .path("/\(id)"), memoryMegabytes: memory)
  }

  private func config(_ revision: String) -> DesiredState.ReadConfig {
    DesiredState.ReadConfig(source: "s", revision: revision)
  }

  @Test("A config adds, changes and removes what it lists, and nothing else")
  func config() throws {
    let state = Changing()
    state.put(try spec("mine"))
    var changes = state.apply([try spec("b"), try spec("a")], of: config("1"))
    #expect(changes == DesiredState.Changes(added: ["b", "a"]))
    changes = state.apply([try spec("b"), try spec("a")], of: config("2"))
    #expect(changes.isEmpty)
    #expect(state.config == config("2"))
    changes = state.apply([try spec("a", 65), try spec("c")], of: config("3"))
    #expect(changes == DesiredState.Changes(added: ["c"], changed: ["a"], removed: ["b"]))
    #expect(state.ids == ["a", "c", "mine"])
    #expect(state.forgetConfig() == DesiredState.Changes(removed: ["a", "c"]))
    #expect(state.ids == ["mine"])
    #expect(state.config == nil)
  }

  @Test("An id that the config begins to list is the config's, and gone when it ends to")
  func takenOver() throws {
    let state = Changing()
    state.put(try spec("a"))
    #expect(state.apply([try spec("a")], of: config("1")).isEmpty)
    #expect(state["a"]?.source == .config)
    #expect(state.apply([], of: config("2")).removed == ["a"])
    #expect(state.ids.isEmpty)
  }

  @Test("A rollback leads to the version that served last, and back again")
  func rollback() throws {
    let state = Changing()
    let versions = try (0..<4).map { try spec("a", 64 + $0) }
    state.put(versions[0])
    #expect(state.rollBack("a") == nil)
    #expect(state.prove(versions[0]))
    #expect(!state.prove(versions[0]))
    #expect(!state.prove(versions[1]))
    // Two that never served: what served stays where a rollback leads to, and where a start begins.
    state.put(versions[1])
    state.put(versions[2])
    #expect(state["a"]?.previous == versions[0])
    #expect(state["a"]?.fallback == versions[0])
    #expect(state.rollBack("a") == versions[0])
    #expect(state["a"]?.isProven == true)
    #expect(state["a"]?.fallback == nil)
    // What failed is no version to go back to.
    #expect(state.rollBack("a") == nil)
    state.put(versions[3])
    #expect(state.prove(versions[3]))
    #expect(state.rollBack("a") == versions[0])
    #expect(state.rollBack("a") == versions[3])
    #expect(state.rollBack("unknown") == nil)
  }

  @Test("What failed is not in the way of the versions before it, of which the last five are kept")
  func former() throws {
    let state = Changing()
    let versions = try (0..<8).map { try spec("a", 64 + $0) }
    for version in versions {
      state.put(version)
      state.prove(version)
    }
    #expect(state["a"]?.former == [6, 5, 4, 3, 2].map { versions[$0] })
    state.put(try spec("a", 99))
    #expect(state["a"]?.former == [7, 6, 5, 4, 3].map { versions[$0] })
    #expect(state.rollBack("a") == versions[7])
    #expect(state.rollBack("a") == versions[6])
    #expect(state["a"]?.former == [7, 5, 4, 3].map { versions[$0] })
    // An older one wanted again is proven.
    state.put(versions[4])
    #expect(state["a"]?.isProven == true)
    #expect(state["a"]?.former == [6, 7, 5, 3].map { versions[$0] })
  }

  @Test("A rollback of an agent of the config holds until its entry changes")
  func held() throws {
    let state = Changing()
    let (first, second, third) = (try spec("a"), try spec("a", 65), try spec("a", 66))
    _ = state.apply([first], of: config("1"))
    state.prove(first)
    _ = state.apply([second], of: config("2"))
    state.prove(second)
    #expect(state.rollBack("a") == first)
    #expect(state["a"]?.held == second.revision)
    #expect(state.apply([second, try spec("b")], of: config("3")).added == ["b"])
    #expect(state["a"]?.spec == first)
    #expect(state.apply([third], of: config("4")).changed == ["a"])
    #expect(state["a"]?.held == nil)
    // Rolled back, and forward to the entry again: nothing is held.
    state.prove(third)
    #expect(state.rollBack("a") == first)
    #expect(state.rollBack("a") == third)
    #expect(state["a"]?.held == nil)
    // Rolled back, and the entry follows.
    #expect(state.rollBack("a") == first)
    #expect(state.apply([first], of: config("5")).isEmpty)
    #expect(state["a"]?.held == nil)
    #expect(state.apply([third], of: config("6")).changed == ["a"])
  }
}
