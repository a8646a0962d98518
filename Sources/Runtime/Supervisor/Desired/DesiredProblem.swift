/// One mistake in what is desired, and where it is.
package struct DesiredProblem: Error, Sendable, Equatable, CustomStringConvertible {
  /// `agents[3].memory_mb`, `environment.NAME` in the body of a request; empty: the whole of it.
  package let path: String
  /// What is wrong and what would be right. Never a variable's value, nor a URL's query or user-info.
  package let error: String

  package init(_ path: String, _ error: String) {
    self.path = path
    self.error = error
  }

  /// One sentence with its place.
  package var description: String { path.isEmpty ? error : "\(path): \(error)" }
}

/// All the mistakes of a document, in its order; never empty.
package struct DesiredProblems: Error, Sendable, Equatable {
  package let problems: [DesiredProblem]

  /// - Parameter limit: how many are kept; of more the last one says how many there are.
  package init(_ problems: [DesiredProblem], limit: Int) {
    let kept = problems.prefix(limit)
    let more = problems.count - kept.count
    self.problems = kept + (more > 0 ? [DesiredProblem("", "and \(more) more")] : [])
  }

  package init(_ problem: DesiredProblem) { problems = [problem] }

  package var sentences: [String] { problems.map(\.description) }
}
