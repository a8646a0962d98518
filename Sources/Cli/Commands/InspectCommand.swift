import AgentPackages
import Controller
import Lifecycle
import LinuxSystem
import RunConfiguration

enum InspectCommand {
  static let command = Command(
    name: "inspect", usage: "inspect PACKAGE [--format text|json]",
    summary: "what is in a package and whether it would boot",
    help: """
      Prints what is in PACKAGE, an .apkg file or an unpacked package folder, and whether it would
      boot: its surfaces, interpreter, installer, and the names and sources of its environment.
      Runs none of its code.

      exit status: 0 would boot, 1 would not, 2 wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    var arguments = arguments
    let format = try arguments.takeValue("--format") ?? "text"
    guard let path = try arguments.rest(atMost: 1).first else {
      throw UsageError("a package is needed")
    }
    guard format == "text" || format == "json" else {
      throw UsageError("there is no format \(format)")
    }
    // What a package is does not depend on whose agent it becomes.
    let named = environment.merging(["AGENT_APP_ID": "inspect"]) { own, _ in own }
    switch Configuration.read(named, packageArgument: path) {
    case .failure(let problems):
      for problem in problems.problems {
        writeAll(2, Array("\(problem.variable): \(problem.error)\n".utf8))
      }
      return 1
    case .success(let configuration):
      guard let host = HostLocation.find() else {
        writeAll(2, Array("par-lifecycle: the agent host is not where it is looked for\n".utf8))
        return 1
      }
      let inspection = Inspection(VerifyRequest(configuration, path: path, host: host))
      writeAll(
        1,
        format == "json"
          ? JSONWriter.pretty(inspection.json) : Array(inspection.text.utf8))
      return inspection.wouldBoot ? 0 : 1
    }
  }
}
