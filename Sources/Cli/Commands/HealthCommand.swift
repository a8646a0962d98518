import Controller
import LinuxSystem

enum HealthCommand {
  static let command = Command(
    name: "health", usage: "health [--port N] [--stacks]",
    summary: "ask the local /health; exit 0 on 200",
    help: """
      Asks /health of the agent that runs on this machine, prints the body, and exits 0 on status
      200, else 1. The port is N, else REST_PORT, else 8080. --stacks prints the Python stacks of
      the agent instead; without a port, those of every agent of this user.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    var arguments = arguments
    let wantsStacks = arguments.takeFlag("--stacks")
    let text = try arguments.takeValue("--port") ?? environment["REST_PORT"] ?? ""
    _ = try arguments.rest(atMost: 0)
    if wantsStacks, text.isEmpty || text == "0" {
      return LocalProbe.printStacks(port: nil, environment: environment)
    }
    guard let port = text.isEmpty ? 8080 : UInt16(text), port > 0 else {
      throw UsageError("\(text) is no port")
    }
    return wantsStacks
      ? LocalProbe.printStacks(port: port, environment: environment)
      : LocalProbe.printHealth(port: port, address: environment["BIND_ADDRESS"])
  }
}
