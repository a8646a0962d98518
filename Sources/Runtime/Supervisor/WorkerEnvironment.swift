import ControlPlane
import Lifecycle
import RunConfiguration

/// The environment of a worker: a few things of the supervisor's own, what the agent's entry names,
/// and what the supervisor decides.
///
/// Agents do not share what their supervisor was given: of its environment they get only what every
/// program needs, where packages come from, and the settings of a run. Above all not the token.
struct WorkerEnvironment {
  /// What every program may want to know.
  static let shared: Set<String> = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR",
    "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "CACHE_DIRECTORY", "RUNTIME_DIRECTORY", "HOSTNAME",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "MALLOC_ARENA_MAX",
  ]
  /// Families of such names: locale, access to S3 (which the agents have too, as in a run of their
  /// own), the platform's word on where they run, and the installers' settings.
  static let sharedPrefixes = ["LC_", "AWS_", "ECS_", "PIP_", "UV_"]
  /// Settings of a run that are the supervisor's alone.
  static let ownSettings: Set<String> = [
    "AGENT_APP_ID", "AGENT_PACKAGE_PATH", "BASE_PATH", "BIND_ADDRESS", "DEPLOYMENT_ID",
    "ECS_TASK_PROTECTION", "LOG_FORMAT", "MULTIPLEXED", "PAR_MODE", "REST_PORT", "A2A_PORT",
    "UI_PORT", "TRUSTED_PROXIES", "ACCESS_LOG", "SLOW_REQUEST_MS", "TIMING_HEADER",
    "PACKAGE_URL", "PACKAGE_SHA256",
  ]

  /// What all workers get, but for what the supervisor decides for each.
  let inherited: [String: String]

  /// - Parameter supervisor: the environment that the supervisor was started with.
  init(supervisor: [String: String], configuration: SupervisorConfiguration) {
    let settings = Set(Configuration.variables).subtracting(Self.ownSettings)
    var inherited = supervisor.filter { name, value in
      !value.isEmpty
        && (settings.contains(name) || Self.shared.contains(name)
          || Self.sharedPrefixes.contains { name.hasPrefix($0) })
    }
    let deadline = configuration.workerShutdownTimeout
    let minimum = min(configuration.common.drainMinimum + Self.drainOverlap, deadline * 0.9)
    inherited["GRACEFUL_SHUTDOWN_TIMEOUT_SEC"] = Self.seconds(deadline)
    inherited["DRAIN_MIN_SEC"] = Self.seconds(minimum)
    // The way from the supervisor to its workers.
    inherited["TRUSTED_PROXIES"] = "127.0.0.0/8"
    self.inherited = inherited
  }

  /// So much longer than its supervisor a worker serves new requests in a drain: none that was let
  /// through finds its worker gone.
  static let drainOverlap = Interval.milliseconds(250)

  /// Names and values for a worker.
  ///
  /// - Parameters:
  ///   - place: of which the socket's address and the folders count.
  ///   - controlDescriptor: of the pipe by which it is stopped; the next one is that of the memory for
  ///     marks.
  func make(
    for release: AgentRelease, at place: WorkerPlaces.Place, controlDescriptor: Int32
  ) -> [String: String] {
    var environment = inherited
    // Folders of its own stand for the supervisor's; where it puts its files is the operator's to say.
    if place.user != nil {
      for name in AgentPlace.removedVariables { environment[name] = nil }
    }
    environment.merge(place.environment) { $1 }
    // One that the supervisor sets may not fit an agent that sets its own deadline.
    if release.environment["GRACEFUL_SHUTDOWN_TIMEOUT_SEC"] != nil {
      environment["DRAIN_MIN_SEC"] = nil
    }
    environment.merge(ServiceEnvironment.removed(from: release.environment)) { $1 }
    for (name, value) in place.environment where name != "HOME" && name != "TMPDIR" {
      environment[name] = value
    }
    environment["AGENT_APP_ID"] = release.agent
    environment["BASE_PATH"] = "/agents/\(release.agent)"
    environment["BIND_ADDRESS"] = "127.0.0.1"
    environment["REST_PORT"] = "\(place.address.port ?? 0)"
    environment["A2A_PORT"] = "0"
    environment["MULTIPLEXED"] = "true"
    environment["LOG_FORMAT"] = "json"
    environment["PAR_MODE"] = nil
    environment["DEPLOYMENT_ID"] = release.deploymentID
    switch release.package {
    case .url(let url): environment["PACKAGE_URL"] = url
    case .path(let path): environment["AGENT_PACKAGE_PATH"] = path
    }
    environment["PACKAGE_SHA256"] = release.packageSHA256
    environment["PAR_CONTROL_FD"] = "\(controlDescriptor)"
    environment["PAR_MARKS_FD"] = "\(controlDescriptor + 1)"
    environment["LISTEN_FDS"] = "\(place.sockets.count)"
    environment["LISTEN_FDNAMES"] = place.sockets.map(\.name).joined(separator: ":")
    return environment.filter { name, _ in !name.hasPrefix("SUPERVISOR_") }
  }

  /// The longest that a worker's boot may take by its own bounds; nil: its configuration is refused.
  func bootBounds(of release: AgentRelease) -> Interval? {
    var variables = inherited.merging(release.environment) { $1 }
    variables["AGENT_APP_ID"] = release.agent
    // Which package it is makes no difference to them.
    variables["PACKAGE_URL"] = nil
    variables["AGENT_PACKAGE_PATH"] = "/"
    guard case .success(let own) = Configuration.read(variables, packageArgument: nil) else {
      return nil
    }
    return own.bootBounds
  }

  private static func seconds(_ time: Interval) -> String {
    let milliseconds = max(1, time.milliseconds)
    let fraction = String(1000 + milliseconds % 1000).dropFirst()
    return "\(milliseconds / 1000).\(fraction)"
  }
}
