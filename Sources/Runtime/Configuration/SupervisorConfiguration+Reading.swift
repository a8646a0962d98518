internal import Glibc
internal import Lifecycle

extension SupervisorConfiguration {
  /// The least `SUPERVISOR_CONFIG_POLL_SEC` but 0.
  static let leastPoll = Interval.seconds(1)
  /// What of `SUPERVISOR_TOKEN` makes it worth guessing at less.
  static let shortToken = 16
  static let longestToken = 4096

  /// Checks a whole environment; nothing is looked up on disk or in the network.
  ///
  /// - Parameters:
  ///   - environment: all of it; names that are not ours are ignored.
  ///   - userID: decides the folders; by default the effective user's.
  ///   - workingFolder: what relative paths start from; by default getcwd(3).
  /// - Returns: the configuration, or all problems together.
  public static func read(
    _ environment: [String: String], userID: UInt32? = nil, workingFolder: String? = nil
  ) -> Result<SupervisorConfiguration, ConfigurationProblems> {
    let folder = workingFolder ?? Configuration.currentFolder()
    let userID = userID ?? geteuid()
    var reader = EnvironmentReader(environment.filter { name, _ in !isIgnored(name) })
    var common = Configuration(
      agentAppID: "", basePath: "",
      cacheFolder: .resolve(environment, userID: userID, workingFolder: folder))
    common.restPort = 80
    common.readShared(&reader, workingFolder: folder)
    var configuration = SupervisorConfiguration(
      common: common,
      stateFolder: StateFolder.resolve(environment, userID: userID, workingFolder: folder))
    configuration.readOwn(&reader, workingFolder: folder)
    guard reader.problems.isEmpty else {
      let redactor = Redactor(environment: environment)
      return .failure(
        ConfigurationProblems(
          problems: reader.problems.map { redactor.redact($0) }, agentAppID: nil,
          deploymentID: nil, logFormat: common.logFormat))
    }
    configuration.ignored = environment.filter { isIgnored($0.key) && !$0.value.isEmpty }.keys
      .sorted()
    configuration.findWarnings()
    return .success(configuration)
  }

  private mutating func readOwn(_ reader: inout EnvironmentReader, workingFolder: String) {
    reader.whole("SUPERVISOR_PORT", into: &common.restPort, in: 0...65535, .ports)
    if reader.isGood("SUPERVISOR_PORT"), reader.isGood("A2A_PORT"), port != 0, port == a2aPort {
      reader.refuse(
        "SUPERVISOR_PORT", "\(port)", needs: "different from A2A_PORT, which is the same", .ports)
    }
    config = reader.supervisorConfig(workingFolder: workingFolder)
    reader.pollInterval(into: &pollInterval)
    token = reader.supervisorToken()
    reader.whole("SUPERVISOR_WORKER_PORT_BASE", into: &workerPortBase, in: 1...65535, .ports)
    reader.flag("SUPERVISOR_WORKER_TCP", into: &workerTCP)
    reader.flag("SUPERVISOR_SURGE", into: &surge)
  }

  private mutating func findWarnings() {
    common.findWarnings()
    // Of one agent's boot each worker warns itself.
    warnings = common.warnings.filter {
      $0.code == "limit_short" && $0.message.contains("SHUTDOWN")
    }
    if !ignored.isEmpty {
      warnings.append(
        ConfigurationWarning(
          code: "ignored",
          message: "a supervisor takes no notice of \(ignored.joined(separator: ", ")): "
            + "each agent of its config has its own"))
    }
    if let token, token.utf8.count < Self.shortToken {
      warnings.append(
        ConfigurationWarning(
          code: "token_short",
          message: "SUPERVISOR_TOKEN has less than \(Self.shortToken) characters: "
            + "it may be guessed"))
    }
  }
}

extension EnvironmentReader {
  /// nil when it is unset or bad.
  mutating func supervisorConfig(
    workingFolder: String
  ) -> SupervisorConfiguration.ConfigSource? {
    let name = "SUPERVISOR_CONFIG"
    guard let value = text(name) else { return nil }
    guard value.contains("://") else {
      return .file(FolderPath.absolute(value, in: workingFolder))
    }
    let shown = Self.quoted(Redactor.redactURL(value))
    do throws(PackageURL.Mistake) {
      _ = try PackageURL(value)
      return .url(value)
    } catch {
      let rule =
        switch error {
        case .file: "file:// URLs are not allowed; write the path alone"
        case .rule(let rule): "it must be a path, or \(rule)"
        }
      refuse(name, sentence: "\(name) is \(shown): \(rule)", .supervisorConfig)
      return nil
    }
  }

  mutating func pollInterval(into field: inout Interval) {
    let name = "SUPERVISOR_CONFIG_POLL_SEC"
    guard let value = text(name) else { return }
    let least = SupervisorConfiguration.leastPoll
    guard let time = Self.seconds(value, least: .zero), time == .zero || time >= least else {
      let bounds = [least.seconds, Self.maximumSeconds].map { DecimalText.describe($0) }
      let rule = "0 (never) or a decimal number of seconds from \(bounds[0]) to \(bounds[1])"
      refuse(name, value, needs: rule, .badTime)
      return
    }
    field = time
  }

  /// The token itself is not shown in any sentence.
  mutating func supervisorToken() -> String? {
    let name = "SUPERVISOR_TOKEN"
    guard let value = text(name) else { return nil }
    guard value.utf8.count <= SupervisorConfiguration.longestToken,
      value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else {
      refuse(
        name,
        sentence: "\(name) cannot be a bearer token: it must be 1 to "
          + "\(SupervisorConfiguration.longestToken) visible ASCII characters without blanks",
        .supervisorToken)
      return nil
    }
    return value
  }
}
