import AgentPackages
import PackageFetch

/// What `run` starts itself with for the steps that get and read a package: not for people.
enum StepCommand {
  static func run(_ arguments: [String]) -> Int32 {
    switch arguments {
    case ["fetch"]: FetchStep.run()
    case ["verify"]: PackageSteps.runVerify()
    case ["install"]: PackageSteps.runInstall()
    default: CommandTable.usageStatus
    }
  }
}
