import RunConfiguration

/// Which variables an agent's `environment` may hold.
enum EnvironmentRules {
  /// Variables that a key of the entry sets.
  private static let keys = [
    "AGENT_APP_ID": "agent_app_id", "PACKAGE_URL": "package_url",
    "AGENT_PACKAGE_PATH": "package_path", "PACKAGE_SHA256": "package_sha256",
    "DEPLOYMENT_ID": "deployment_id",
  ]
  /// Variables that the supervisor sets for each worker.
  private static let own: Set<String> = [
    "BASE_PATH", "BIND_ADDRESS", "REST_PORT", "A2A_PORT", "UI_PORT", "MULTIPLEXED", "LOG_FORMAT",
    "PAR_MODE",
  ]
  /// What others read and neither worker nor agent is to believe.
  private static let managers = ["LISTEN_", "WATCHDOG_", "NOTIFY_SOCKET"]
  /// `PAR_…` that configure a worker.
  private static let workers: Set<String> = ["PAR_INSTALLER", "PAR_CACHE_DIR", "PAR_CACHE_MAX_MB"]

  /// Whether a worker does not take it from the supervisor's environment.
  static func isSupervisors(_ name: String) -> Bool {
    keys[name] != nil || own.contains(name) || name.hasPrefix("SUPERVISOR_")
  }

  /// Why the name may not be there; nil when it may.
  static func mistake(in name: String, limits: DesiredLimits) -> String? {
    guard name.utf8.count <= limits.variableNameBytes else {
      return "has a name of more than \(limits.variableNameBytes) bytes"
    }
    guard let first = name.utf8.first, first.isLetterOrDigit || first == UInt8(ascii: "_"),
      !(0x30...0x39).contains(first),
      name.utf8.allSatisfy({ $0.isLetterOrDigit || "_-.".utf8.contains($0) })
    else {
      return "is no name of a variable: letters, digits, '_', '-' or '.', not starting with a digit"
    }
    if let key = keys[name] { return "is set by \(key): write it there" }
    if own.contains(name) {
      return "is set by the supervisor, for each worker its own: leave it out"
    }
    if name.hasPrefix("SUPERVISOR_") {
      return "configures the supervisor, from its own environment: leave it out"
    }
    if name.hasPrefix("PAR_"), !workers.contains(name) {
      return "is no variable of a worker, and an agent does not see names that begin with PAR_"
    }
    if managers.contains(where: { name.hasPrefix($0) }) {
      return "is a service manager's to set: leave it out"
    }
    return nil
  }

  /// Why the value cannot be a variable's; nil when it can. Says nothing of the value.
  static func mistake(inValue value: String, limits: DesiredLimits) -> String? {
    guard value.utf8.count <= limits.variableBytes else {
      return "has a value of \(value.utf8.count) bytes: at most \(limits.variableBytes) are allowed"
    }
    return value.utf8.contains(0) ? "has a NUL in its value: no variable can hold one" : nil
  }
}
