import AgentPackages
import Lifecycle
import RunConfiguration

/// A list of agents in YAML or JSON: `[…]`, or `agents: […]`.
package struct DesiredDocument: Sendable {
  package let limits: DesiredLimits
  /// The environment that workers inherit: what an agent sets must be good together with it.
  package let inherited: [String: String]

  package init(limits: DesiredLimits = DesiredLimits(), inherited: [String: String] = [:]) {
    self.limits = limits
    self.inherited = inherited
  }

  /// All agents in the document's order, or all its mistakes: one that has any is refused whole.
  package func read(_ bytes: [UInt8]) throws(DesiredProblems) -> [AgentSpec] {
    guard let root = try DocumentNode.read(bytes, limits: limits) else { throw Self.empty }
    var problems: [DesiredProblem] = []
    let entries = try entries(root, &problems)
    guard entries.count <= limits.agents else {
      throw DesiredProblems(
        DesiredProblem(
          "agents", "has \(entries.count) entries: at most \(limits.agents) agents are allowed"))
    }
    var specs: [AgentSpec] = []
    var places: [String: Int] = [:]
    for (index, entry) in entries.enumerated() {
      var reader = AgentSpecReader(
        limits: limits, inherited: inherited, place: "agents[\(index)].")
      let spec = reader.read(entry)
      problems += reader.problems
      guard let id = reader.agentAppID else { continue }
      if let other = places[id] {
        problems.append(
          DesiredProblem(
            "agents[\(index)].agent_app_id",
            "is \(EnvironmentReader.quoted(id)), the id of agents[\(other)] as well"))
      } else {
        places[id] = index
      }
      if let spec { specs.append(spec) }
    }
    guard problems.isEmpty else { throw DesiredProblems(problems, limit: limits.problems) }
    return specs
  }

  /// One agent: the body of an admin request.
  package func readOne(
    _ bytes: [UInt8], agentAppID: String? = nil
  ) throws(DesiredProblems) -> AgentSpec {
    guard let root = try DocumentNode.read(bytes, limits: limits) else { throw Self.empty }
    var reader = AgentSpecReader(limits: limits, inherited: inherited, place: "")
    guard let spec = reader.read(root, agentAppID: agentAppID), reader.problems.isEmpty else {
      throw DesiredProblems(reader.problems, limit: limits.problems)
    }
    return spec
  }

  /// A file that is being written, or that something emptied, must not end every agent.
  private static let empty = DesiredProblems(
    DesiredProblem("", "the document is empty: write [] for no agents"))

  private func entries(
    _ root: DocumentNode, _ problems: inout [DesiredProblem]
  ) throws(DesiredProblems) -> [DocumentNode] {
    switch root.content {
    case .list(let entries): return entries
    case .mapping(let pairs):
      for (key, _) in pairs where key != "agents" {
        problems.append(
          DesiredProblem(
            "",
            "the document has the unknown key \(EnvironmentReader.quoted(key)); "
              + "the only one at its top is agents"))
      }
      guard let agents = pairs.first(where: { $0.key == "agents" })?.value else {
        problems.append(DesiredProblem("", "the document has no agents: write agents: [] for none"))
        return []
      }
      guard case .list(let entries) = agents.content else {
        problems.append(DesiredProblem("agents", "is \(agents.kind): it must be a list"))
        return []
      }
      return entries
    case .null: throw Self.empty
    case .text, .decimal:
      throw DesiredProblems(
        DesiredProblem("", "the document is \(root.kind): it must be a list of agents"))
    }
  }
}
