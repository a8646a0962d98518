import AgentPackages
import Controller
import LinuxSystem

enum InspectCommand {
  static let command = Command(
    name: "inspect", usage: "inspect PACKAGE",
    summary: "what is in a package and whether it would boot",
    help: """
      Prints what is in PACKAGE, an .apkg file or an unpacked package folder, and whether it would
      boot: its surfaces, interpreter, installer, and the names and sources of its environment.
      Runs none of its code.

      exit status: 0 would boot, 1 would not, 2 wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    guard let path = try arguments.rest(atMost: 1).first else {
      throw UsageError("a package is needed")
    }
    return 1
  }
}
