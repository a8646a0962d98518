/// One agent as it is desired, and what a rollback needs to know of it.
package struct DesiredAgent: Sendable, Equatable {
  /// Who decides on it.
  package enum Source: String, Sendable { case config, api }

  /// Of other versions that have served.
  static let versionsKept = 5

  package internal(set) var spec: AgentSpec
  package internal(set) var source: Source
  /// Whether this version has served. One that has not is no version to go back to.
  package internal(set) var isProven: Bool
  /// Other versions that have served, the last one first: where rollbacks lead to. At most
  /// `versionsKept`.
  package internal(set) var former: [AgentSpec]
  /// After a rollback of an agent of the config: the revision of the entry that does not count. It
  /// holds until the entry is another one.
  package internal(set) var held: String?

  init(
    _ spec: AgentSpec, source: Source, isProven: Bool = false, former: [AgentSpec] = [],
    held: String? = nil
  ) {
    self.spec = spec
    self.source = source
    self.isProven = isProven
    self.former = former
    self.held = held
  }

  /// What a rollback leads to.
  package var previous: AgentSpec? { former.first }

  /// The version that is sure to serve, when the desired one is not: where a start begins.
  var fallback: AgentSpec? { isProven ? nil : previous }

  /// The same agent with another version.
  func changed(to next: AgentSpec, source: Source) -> DesiredAgent {
    // One that never served is no version to go back to, and one that did needs no proof.
    let served = (isProven ? [spec] : []) + former
    let others = served.filter { $0.revision != next.revision }
    return DesiredAgent(
      next, source: source, isProven: others.count < served.count,
      former: Array(others.prefix(Self.versionsKept)))
  }
}
