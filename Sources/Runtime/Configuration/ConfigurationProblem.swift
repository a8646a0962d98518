/// One mistake in the configuration: the variable, and one sentence for whoever set it.
public struct ConfigurationProblem: Error, Sendable, Equatable {
  /// The environment variable, or `PACKAGE` for the argument of `run`.
  public let variable: String
  /// Names the variable, the value (never a secret, a URL without query and user-info) and the rule.
  public let error: String
  /// What to try; ends with a paragraph of `docs/errors.md`.
  public let hint: String

  public init(variable: String, error: String, hint: String) {
    self.variable = variable
    self.error = error
    self.hint = hint
  }
}

/// All mistakes of one environment, in the order of `Configuration.variables`; never empty.
public struct ConfigurationProblems: Error, Sendable, Equatable {
  public let problems: [ConfigurationProblem]
  /// What the log of the refusal needs, where it is good itself: the identity for its lines, and
  /// the format (`json` when `LOG_FORMAT` is among the problems).
  public let agentAppID: String?
  public let deploymentID: String?
  public let logFormat: Configuration.LogFormat
}

/// Settings that are legal alone and yet cannot do together what they say.
public struct ConfigurationWarning: Sendable, Equatable {
  /// A word to search for: `bucket_differs`, `limit_short`, `wheelhouse_missing`.
  public let code: String
  /// One sentence that names the variables.
  public let message: String
}

/// The paragraphs of `docs/errors.md` on configuration, and what each says to try.
enum Advice: String, CaseIterable {
  case agentAppID = "agent-app-id"
  case packageSource = "package-source"
  case packageHash = "package-hash"
  case badText = "bad-text"
  case basePath = "base-path"
  case bindAddress = "bind-address"
  case ports
  case badNumber = "bad-number"
  case badTime = "bad-time"
  case badBoolean = "bad-boolean"
  case badChoice = "bad-choice"
  case drainTimes = "drain-times"
  case workerRestarts = "worker-restarts"
  case trustedProxies = "trusted-proxies"
  case supervisorConfig = "supervisor-config"
  case supervisorToken = "supervisor-token"

  var hint: String { "\(what); docs/errors.md#\(rawValue)" }

  private var what: String {
    switch self {
    case .agentAppID: "set AGENT_APP_ID to the agent's id, such as my-agent"
    case .packageSource:
      "name a package: an argument of run, AGENT_PACKAGE_PATH, or PACKAGE_URL with s3:// or https://"
    case .packageHash: "paste the whole output of sha256sum for the package, without the file name"
    case .badText: "correct the text, or unset the variable to get its default"
    case .basePath: "use a path such as /agents/my-agent, or / for none"
    case .bindAddress: "use 0.0.0.0 for every interface, 127.0.0.1 for this machine alone"
    case .ports: "give each port a number of its own, or 0 for any free one"
    case .badNumber: "write plain decimal digits, without sign, blank, unit or exponent"
    case .badTime: "write plain decimal digits, such as 30 or 0.5, without a unit"
    case .badBoolean: "write true or false"
    case .badChoice: "write one of the words that the sentence lists"
    case .drainTimes: "lower DRAIN_MIN_SEC or raise GRACEFUL_SHUTDOWN_TIMEOUT_SEC"
    case .workerRestarts: "write restarts/seconds, such as 3/60, or 0/60 for never"
    case .supervisorConfig: "name a file, or a URL with s3:// or https://"
    case .supervisorToken: "make one with openssl rand -hex 32"
    case .trustedProxies: "list ranges such as 10.0.0.0/8,fd00::/8, or write none"
    }
  }
}
