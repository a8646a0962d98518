import Controller
import LinuxSystem

/// The program's one entry: finds the command and runs it on the main thread.
@main
enum Main {
  static let version = "0.1.0"

  static func main() {
    openStandardDescriptors()
    let arguments = Array(CommandLine.arguments.dropFirst())
    exitProcess(CommandTable.run(arguments, environment: processEnvironment()))
  }
}
