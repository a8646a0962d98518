internal import Glibc
internal import Lifecycle

extension Configuration {
  /// Checks a whole environment; nothing is looked up on disk or in the network.
  ///
  /// - Parameters:
  ///   - environment: all of it; names that are not ours are ignored.
  ///   - packageArgument: PACKAGE of `run`, which wins over the environment.
  ///   - userID: decides the cache folder; by default the effective user's.
  ///   - workingFolder: what relative paths start from; by default getcwd(3).
  /// - Returns: the configuration, or all problems together in the order of `variables`.
  public static func read(
    _ environment: [String: String], packageArgument: String?, userID: UInt32? = nil,
    workingFolder: String? = nil
  ) -> Result<Configuration, ConfigurationProblems> {
    let folder = workingFolder ?? currentFolder()
    var reader = EnvironmentReader(environment)
    let agentAppID = reader.agentAppID()
    var configuration = Configuration(
      agentAppID: agentAppID, basePath: "/agents/\(agentAppID)",
      cacheFolder: .resolve(environment, userID: userID ?? geteuid(), workingFolder: folder))
    configuration.readPackage(&reader, packageArgument, workingFolder: folder)
    configuration.readShared(&reader, workingFolder: folder)
    guard reader.problems.isEmpty else {
      let redactor = Redactor(environment: environment)
      return .failure(
        ConfigurationProblems(
          problems: inOrder(reader.problems.map { redactor.redact($0) }),
          agentAppID: agentAppID.isEmpty ? nil : agentAppID,
          deploymentID: configuration.deploymentID, logFormat: configuration.logFormat))
    }
    configuration.findWarnings()
    return .success(configuration)
  }

  /// What says neither which agent nor which package.
  mutating func readShared(_ reader: inout EnvironmentReader, workingFolder folder: String) {
    readListeners(&reader)
    readBoot(&reader)
    readDrain(&reader)
    readWorker(&reader, workingFolder: folder)
    readProxyAndLog(&reader)
  }

  private static func inOrder(_ problems: [ConfigurationProblem]) -> [ConfigurationProblem] {
    let ranks = problems.enumerated().map { index, problem in
      (variables.firstIndex(of: problem.variable) ?? -1, index, problem)
    }
    return ranks.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }

  static func currentFolder() -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    // A folder that was removed or cannot be read has no path; then relative paths find nothing.
    guard getcwd(&buffer, buffer.count) != nil else { return "/" }
    let end = buffer.firstIndex(of: 0) ?? buffer.endIndex
    return String(decoding: buffer[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private mutating func readPackage(
    _ reader: inout EnvironmentReader, _ argument: String?, workingFolder: String
  ) {
    let url = reader.packageURL()
    let path = reader.packagePath()
    if let argument {
      package = .path(FolderPath.absolute(argument, in: workingFolder))
      reader.checkPackageArgument(argument)
    } else if let path {
      package = .path(FolderPath.absolute(path, in: workingFolder))
    } else if let url {
      package = .url(url)
    } else if reader.isGood("PACKAGE_URL"), reader.isGood("AGENT_PACKAGE_PATH") {
      reader.refuse(
        "PACKAGE_URL",
        sentence: "no package is named: neither an argument of run, nor AGENT_PACKAGE_PATH, "
          + "nor PACKAGE_URL is set", .packageSource)
    }
    packageSHA256 = reader.sha256()
    deploymentID = reader.deploymentID()
    reader.bucket(into: &s3Bucket)
  }

  private mutating func readListeners(_ reader: inout EnvironmentReader) {
    reader.basePath(into: &basePath)
    reader.bindAddress(into: &bindAddress)
    reader.whole("REST_PORT", into: &restPort, in: 0...65535, .ports)
    reader.whole("A2A_PORT", into: &a2aPort, in: 0...65535, .ports)
    reader.whole("UI_PORT", into: &uiPort, in: 0...65535, .ports)
    reader.flag("MULTIPLEXED", into: &multiplexed)
    reader.refuseSamePorts(self)
  }

  private mutating func readBoot(_ reader: inout EnvironmentReader) {
    reader.megabytes("MAX_PACKAGE_SIZE_MB", into: &maxPackageBytes)
    reader.megabytes("MAX_UNPACKED_SIZE_MB", into: &maxUnpackedBytes)
    reader.whole("MAX_PACKAGE_FILES", into: &maxPackageFiles, in: EnvironmentReader.packageFiles)
    reader.seconds("FETCH_TIMEOUT_SEC", into: &fetchTimeout)
    reader.seconds("INSTALL_TIMEOUT_SEC", into: &installTimeout)
    reader.seconds("LOAD_TIMEOUT_SEC", into: &loadTimeout)
    reader.bootBudget(into: &bootBudget)
    reader.hardLimitMultiplier(into: &bootHardLimitMultiplier)
  }

  private mutating func readDrain(_ reader: inout EnvironmentReader) {
    reader.seconds("GRACEFUL_SHUTDOWN_TIMEOUT_SEC", into: &shutdownTimeout)
    drainMinimum = min(.seconds(1), shutdownTimeout * 0.1)
    streamDrain = shutdownTimeout * 0.5
    if let value = reader.text("DRAIN_MIN_SEC") {
      reader.seconds("DRAIN_MIN_SEC", into: &drainMinimum, least: .zero)
      interruptDrainMinimum = drainMinimum
      let comparable = ["DRAIN_MIN_SEC", "GRACEFUL_SHUTDOWN_TIMEOUT_SEC"].allSatisfy(reader.isGood)
      if comparable, drainMinimum >= shutdownTimeout {
        let deadline = DecimalText.describe(shutdownTimeout.seconds)
        reader.refuse(
          "DRAIN_MIN_SEC", value,
          needs: "less than GRACEFUL_SHUTDOWN_TIMEOUT_SEC, which is \(deadline)", .drainTimes)
      }
    }
    reader.seconds("STREAM_DRAIN_SEC", into: &streamDrain, least: .zero)
  }

  private mutating func readWorker(_ reader: inout EnvironmentReader, workingFolder: String) {
    reader.whole("HOLD_MAX_REQUESTS", into: &holdMaxRequests, in: EnvironmentReader.heldRequests)
    reader.seconds("HOLD_MAX_SEC", into: &holdMaxTime, least: .zero)
    reader.workerRestarts(maximum: &restartsMaximum, window: &restartsWindow)
    reader.heartbeatTimeout(into: &heartbeatTimeout)
    wheelhouse = reader.text("WHEELHOUSE_DIR").map { FolderPath.absolute($0, in: workingFolder) }
    reader.flag("WHEELHOUSE_ONLY", into: &wheelhouseOnly)
    reader.choice("PAR_INSTALLER", into: &installer)
    reader.megabytes("PAR_CACHE_MAX_MB", into: &cacheMaxBytes)
  }

  private mutating func readProxyAndLog(_ reader: inout EnvironmentReader) {
    reader.seconds("BODY_IDLE_TIMEOUT_SEC", into: &bodyIdleTimeout)
    reader.seconds("UPSTREAM_CONNECT_TIMEOUT_SEC", into: &upstreamConnectTimeout)
    reader.trustedProxies(into: &trustedProxies)
    reader.choice("LOG_LEVEL", into: &logLevel)
    reader.choice("LOG_FORMAT", into: &logFormat)
    reader.accessLog(into: &accessLog)
    reader.slowRequest(into: &slowRequest)
    reader.flag("TIMING_HEADER", into: &timingHeader)
    reader.flag("ECS_TASK_PROTECTION", into: &ecsTaskProtection)
    reader.choice("PAR_MODE", into: &mode)
  }
}

extension Redactor {
  func redact(_ problem: ConfigurationProblem) -> ConfigurationProblem {
    ConfigurationProblem(
      variable: problem.variable, error: redact(problem.error), hint: problem.hint)
  }
}
