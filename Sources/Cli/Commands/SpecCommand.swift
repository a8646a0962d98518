import Lifecycle
import LinuxSystem

enum SpecCommand {
  static let command = Command(
    name: "spec", usage: "spec [--format json|mermaid|dot|promela]",
    summary: "print the state machine from the table that runs",
    help: """
      Prints the state machine as it runs: json (every state and event, the default), mermaid and
      dot (diagrams), promela (a model for the model checker spin).
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    var arguments = arguments
    let name = try arguments.takeValue("--format") ?? "json"
    _ = try arguments.rest(atMost: 0)
    guard let format = MachineTable.Format(rawValue: name) else {
      throw UsageError("there is no format \(name)")
    }
    writeAll(1, MachineTable.text(format))
    return 0
  }
}
