import Glibc
import Lifecycle

/// The two steps of a boot that read a package, each meant for a process of its own: one request
/// as a JSON line on descriptor 0; progress, warnings and the result as JSON lines on descriptor 1.
public enum PackageSteps {
  /// Returns the process's exit status: 0 after an `ok` line, 1 after a `failure` line.
  public static func runVerify() -> Int32 {
    run { json, report in try verify(VerifyRequest(json: json), report: report).json }
  }

  public static func runInstall() -> Int32 {
    run { json, report in try install(InstallRequest(json: json), report: report).json }
  }
}

extension PackageSteps {
  public static func verify(_ request: VerifyRequest, report: StepReport) throws -> VerifiedPackage
  {
    throw StepFailure("not built yet")
  }
  public static func install(
    _ request: InstallRequest, report: StepReport
  ) throws -> InstalledEnvironment {
    throw StepFailure("not built yet")
  }
  static func run(_ step: (JSONValue, StepReport) throws -> JSONValue) -> Int32 { 1 }
}
