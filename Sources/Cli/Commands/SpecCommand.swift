import Lifecycle
import LinuxSystem

enum SpecCommand {
  static let command = Command(
    name: "spec", usage: "spec [run|supervisor] [--format json|mermaid|dot|promela]",
    summary: "print a state machine from the table that runs",
    help: """
      Prints a state machine as it runs, of a run or of a supervisor and its agents: json (every state
      and event, the default), mermaid and dot (diagrams), of a run also promela (a model for the model
      checker spin).
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    var arguments = arguments
    let format = try arguments.takeValue("--format") ?? "json"
    let machine = try arguments.rest(atMost: 1).first ?? "run"
    switch machine {
    case "run": writeAll(1, MachineTable.text(try chosen(format)))
    case "supervisor": writeAll(1, SupervisionTable.text(try chosen(format)))
    default: throw UsageError("there is no machine \(machine): run or supervisor")
    }
    return 0
  }

  private static func chosen<Format: RawRepresentable<String>>(
    _ name: String
  ) throws(UsageError) -> Format {
    guard let format = Format(rawValue: name) else {
      throw UsageError("there is no format \(name)")
    }
    return format
  }
}
