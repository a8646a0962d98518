/// One agent as it is desired, and what a rollback needs to know of it.
package struct DesiredAgent: Sendable, Equatable {
  /// Who decides on it.
  package enum Source: String, Sendable { case config, api }

  package internal(set) var spec: AgentSpec
  package internal(set) var source: Source
  /// Whether this version has served. One that has not is no version to go back to.
  package internal(set) var isProven: Bool
  /// The version that served last and is another one: what a rollback leads to.
  package internal(set) var previous: AgentSpec?
  /// After a rollback of an agent of the config: the revision of the entry that does not count. It
  /// holds until the entry is another one.
  package internal(set) var held: String?

  init(
    _ spec: AgentSpec, source: Source, isProven: Bool = false, previous: AgentSpec? = nil,
    held: String? = nil
  ) {
    self.spec = spec
    self.source = source
    self.isProven = isProven
    self.previous = previous
    self.held = held
  }

  /// The version that is sure to serve, when the desired one is not: where a start begins.
  var fallback: AgentSpec? { isProven ? nil : previous }

  /// The same agent with another version.
  func changed(to next: AgentSpec, source: Source) -> DesiredAgent {
    let served = isProven ? spec : previous
    // Back to one that has served: it needs no proof, and what failed is no version to go back to.
    let isBack = next.revision == previous?.revision
    return DesiredAgent(
      next, source: source, isProven: isBack,
      previous: served?.revision == next.revision ? nil : served)
  }
}
