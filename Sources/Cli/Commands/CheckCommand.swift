import LinuxSystem
import RunConfiguration

enum CheckCommand {
  static let command = Command(
    name: "check", usage: "check [PACKAGE | --variables[=markdown]]",
    summary: "validate the configuration, run nothing; or print every variable",
    help: """
      Validates the configuration in the environment and prints every problem. With PACKAGE it is
      checked as for `run PACKAGE`; with PAR_MODE=supervisor as for `supervise`. Runs nothing.

      --variables prints the table of every variable instead: name, default, rule and meaning.
      --variables=markdown prints it as docs/configuration.md has it.

      exit status: 0 good, 1 not good, 2 wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    var arguments = arguments
    // The flag alone first: asked for its value it would need one.
    let isFlag = arguments.takeFlag("--variables")
    if let name = isFlag ? "text" : try arguments.takeValue("--variables") {
      _ = try arguments.rest(atMost: 0)
      guard let form = VariableTable.Form(rawValue: name) else {
        throw UsageError("there is no form \(name) of --variables; it is text or markdown")
      }
      writeAll(1, Array(VariableTable.text(form).utf8))
      return 0
    }
    let package = try arguments.rest(atMost: 1).first
    if package == nil, environment["PAR_MODE"]?.lowercased() == "supervisor" {
      switch SupervisorConfiguration.read(environment) {
      case .success(let configuration): return tell(configuration.warnings)
      case .failure(let problems): return tell(problems)
      }
    }
    switch Configuration.read(environment, packageArgument: package) {
    case .success(let configuration): return tell(configuration.warnings)
    case .failure(let problems): return tell(problems)
    }
  }

  private static func tell(_ warnings: [ConfigurationWarning]) -> Int32 {
    for warning in warnings { writeAll(1, Array("warning: \(warning.message)\n".utf8)) }
    writeAll(1, Array("the configuration is good\n".utf8))
    return 0
  }

  private static func tell(_ problems: ConfigurationProblems) -> Int32 {
    for problem in problems.problems {
      writeAll(1, Array("\(problem.variable): \(problem.error)\n    \(problem.hint)\n".utf8))
    }
    return 1
  }
}
