import RunConfiguration

/// The smallest environment that is good; tests add to it.
let smallest = ["AGENT_APP_ID": "my-agent", "AGENT_PACKAGE_PATH": "/packages/a.apkg"]

/// Reads the smallest environment with changes; nil removes a variable.
func read(
  _ changes: [String: String?] = [:], argument: String? = nil, userID: UInt32 = 1000
) -> Result<Configuration, ConfigurationProblems> {
  var environment = smallest
  for (name, value) in changes { environment[name] = value }
  return Configuration.read(
    environment, packageArgument: argument, userID: userID, workingFolder: "/work here")
}

extension Result where Success == Configuration, Failure == ConfigurationProblems {
  var problems: [ConfigurationProblem] {
    switch self {
    case .success: []
    case .failure(let all): all.problems
    }
  }
}
