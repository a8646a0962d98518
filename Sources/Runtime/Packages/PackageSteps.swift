import Glibc
package import Lifecycle
import LinuxSystem

/// The two steps of a boot that read a package, each meant for a process of its own: one request
/// as a JSON line on descriptor 0; progress and the result as JSON lines on descriptor 1.
public enum PackageSteps {
  /// Bytes of a request.
  public static let maximumRequestBytes = 4 << 20

  /// Returns the process's exit status: 0 after an `ok` line, 1 after a `failure` line.
  ///
  /// Warnings are in the result, not on lines of their own, so that each is told once.
  public static func runVerify() -> Int32 {
    run { json, report in try verify(VerifyRequest(json: json), report: report).json }
  }

  /// As `runVerify`.
  public static func runInstall() -> Int32 {
    run { json, report in try install(InstallRequest(json: json), report: report).json }
  }

  /// Verifies a package and finds everything the later phases need to know.
  ///
  /// - Throws: `StepFailure` for whatever is wrong with the package or the machine.
  public static func verify(
    _ request: VerifyRequest, report: StepReport = StepReport()
  ) throws -> VerifiedPackage {
    let request = request.withAbsolutePaths
    let source = try PackageSource.open(request, report: report)
    report.progress("reading the manifest")
    let manifest = try ManifestReader.read(folder: source.root)
    let operatorEnvironment = AgentEnvironment.ofProcess()
    let environment = try AgentEnvironment(
      packageRoot: source.root, manifest: manifest, operatorEnvironment: operatorEnvironment)
    let searchPath = operatorEnvironment.first { $0.name == "PATH" }?.text ?? "/usr/bin:/bin"
    let planned = try EnvironmentPlanner(
      request: request, packageRoot: source.root, manifest: manifest, searchPath: searchPath
    ).plan()
    // Used now: nobody evicts them before the run has its lease.
    if source.sha256 != nil { utimensat(AT_FDCWD, source.root, nil, 0) }
    if planned.plan.kind == .hit, let folder = planned.plan.folder {
      utimensat(AT_FDCWD, folder, nil, 0)
    }
    if source.isNew, let maximum = request.cacheMaximumBytes {
      CacheEviction(cacheFolder: request.cacheFolder, maximumBytes: maximum).run()
    }
    return VerifiedPackage(
      root: source.root, sha256: source.sha256, bytes: source.bytes, files: source.files,
      manifest: manifest, agentEnvironment: environment.variables, environment: planned.plan,
      warnings: environment.warnings + planned.warnings)
  }

  /// Builds the environment of a plan that is a miss, or waits until another boot has built it.
  ///
  /// - Throws: `StepFailure`. Nothing partial is visible afterwards.
  public static func install(
    _ request: InstallRequest, report: StepReport = StepReport()
  ) throws -> InstalledEnvironment {
    let installed = try EnvironmentInstaller(request, report: report).install()
    utimensat(AT_FDCWD, installed.folder, nil, 0)
    if !installed.reused, let maximum = request.cacheMaximumBytes {
      CacheEviction(cacheFolder: request.cacheFolder, maximumBytes: maximum).run()
    }
    return installed
  }

  /// Reads the request, runs the step, writes its reports and its result.
  package static func run(_ step: (JSONValue, StepReport) throws -> JSONValue) -> Int32 {
    let report = StepReport(
      progress: { write(.members(["progress": .string($0)])) },
      retry: { write(.members(["retry": $0.json])) })
    do {
      let request = try JSONReader.decode(readRequest())
      let result = try step(request, report)
      write(.members(["ok": result]))
      return 0
    } catch let failure as StepFailure {
      write(.members(["failure": failure.json]))
    } catch {
      write(.members(["failure": StepFailure("\(error)").json]))
    }
    return 1
  }

  /// The first line of descriptor 0, or all of it when it has no line break.
  private static func readRequest() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= maximumRequestBytes {
      let got = buffer.withUnsafeMutableBytes { read(0, $0.baseAddress, $0.count) }
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else { return bytes }
      if let end = buffer[..<got].firstIndex(of: 0x0A) { return bytes + buffer[..<end] }
      bytes += buffer[..<got]
    }
    throw StepFailure("the request is longer than \(maximumRequestBytes) bytes")
  }

  private static func write(_ value: JSONValue) {
    let bytes = JSONWriter.encode(value) + [0x0A]
    var written = 0
    while written < bytes.count {
      let put = bytes.withUnsafeBytes { buffer in
        Glibc.write(1, buffer.baseAddress.map { $0 + written }, bytes.count - written)
      }
      if put < 0 && errno == EINTR { continue }
      // Nobody reads any more: the boot this step belongs to is gone.
      guard put > 0 else { exit(1) }
      written += put
    }
  }
}
