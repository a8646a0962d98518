import AgentPackages
import CPlatform
import Glibc
import LinuxSystem
import PackageFetch

/// What `run` starts itself with for the steps that get and read a package: not for people.
enum StepCommand {
  static func run(_ arguments: [String]) -> Int32 {
    // A file that may not grow is an error of the write, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    // What an installer leaves running becomes a child of the step and ends with it.
    _ = par_set_subreaper()
    defer { ProcessTree.killDescendants() }
    return switch arguments {
    case ["fetch"]: FetchStep.run()
    case ["verify"]: PackageSteps.runVerify()
    case ["install"]: PackageSteps.runInstall()
    default: CommandTable.usageStatus
    }
  }
}
