import LinuxSystem
import RunConfiguration

enum CheckCommand {
  static let command = Command(
    name: "check", usage: "check [PACKAGE]", summary: "validate the configuration, run nothing",
    help: """
      Validates the configuration in the environment and prints every problem. With PACKAGE it is
      checked as for `run PACKAGE`. Runs nothing.

      exit status: 0 good, 1 not good, 2 wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    let package = try arguments.rest(atMost: 1).first
    switch Configuration.read(environment, packageArgument: package) {
    case .success(let configuration):
      for warning in configuration.warnings {
        writeAll(1, Array("warning: \(warning.message)\n".utf8))
      }
      writeAll(1, Array("the configuration is good\n".utf8))
      return 0
    case .failure(let problems):
      for problem in problems.problems {
        writeAll(1, Array("\(problem.variable): \(problem.error)\n    \(problem.hint)\n".utf8))
      }
      return 1
    }
  }
}
