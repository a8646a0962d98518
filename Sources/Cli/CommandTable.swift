import LinuxSystem

/// Finds the command that the arguments name.
enum CommandTable {
  static let commands: [Command] = [
    RunCommand.command, SuperviseCommand.command, TraceCommand.command, InspectCommand.command,
    CheckCommand.command,
    HealthCommand.command, SpecCommand.command,
  ]

  /// Wrong usage of the command line, and nothing else.
  static let usageStatus: Int32 = 2

  static func run(_ arguments: [String], environment: [String: String]) -> Int32 {
    switch arguments.first {
    case nil where environment["PAR_MODE"]?.lowercased() == "supervisor":
      return run(SuperviseCommand.command, [], environment)
    case nil: return run(RunCommand.command, [], environment)
    case "--help", "-h", "help": return printed(overview)
    case "--version": return printed("par-lifecycle \(Main.version)\n")
    case "step": return StepCommand.run(Array(arguments.dropFirst()))
    case let name?:
      guard let command = commands.first(where: { $0.name == name }) else {
        return refused(
          "there is no command \(name)",
          "commands: \(commands.map(\.name).joined(separator: ", ")); see par-lifecycle --help")
      }
      return run(command, Array(arguments.dropFirst()), environment)
    }
  }

  private static func run(
    _ command: Command, _ arguments: [String], _ environment: [String: String]
  ) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      return printed("usage: par-lifecycle \(command.usage)\n\n\(command.help)\n")
    }
    if arguments == ["--version"] { return printed("par-lifecycle \(Main.version)\n") }
    do {
      return try command.run(Arguments(arguments), environment)
    } catch {
      return refused(error.message, "usage: par-lifecycle \(command.usage)")
    }
  }

  private static func printed(_ text: String) -> Int32 {
    writeAll(1, Array(text.utf8))
    return 0
  }

  private static func refused(_ problem: String, _ advice: String) -> Int32 {
    writeAll(2, Array("par-lifecycle: \(problem)\n\(advice)\n".utf8))
    return usageStatus
  }

  private static var overview: String {
    let width = commands.map(\.usage.count).max() ?? 0
    let rows = commands.map { command in
      let gap = String(repeating: " ", count: width - command.usage.count + 3)
      return "  \(command.usage)\(gap)\(command.summary)"
    }
    return """
      par-lifecycle hosts AI agent packages: it verifies a package, installs what it requires,
      loads its code, serves it behind a health gate, and drains without losing a request.

      usage: par-lifecycle COMMAND [ARGUMENTS]

      \(rows.joined(separator: "\n"))

      Without a command it does what run does, or supervise with PAR_MODE=supervisor. Every command has --help. The configuration is read
      from the environment: docs/configuration.md.

      """
  }
}
