package import RunConfiguration
import Lifecycle

extension LogWriter {
  /// A configuration with mistakes: a line for each, and the one that ends the boot.
  ///
  /// - Returns: that end in one sentence.
  package func write(_ problems: ConfigurationProblems) -> String {
    for problem in problems.problems {
      write(.configError(variable: problem.variable, error: problem.error))
    }
    let count = problems.problems.count
    let error =
      count == 1
      ? problems.problems[0].error
      : "the configuration has \(count) mistakes; each is a config_error above"
    write(
      .bootFailed(phase: .fetching, Explanation(error: error, hint: problems.problems[0].hint)))
    return error
  }
}
