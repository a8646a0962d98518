public import Lifecycle

/// What an operator set for a supervisor, checked as a whole: docs/configuration.md.
public struct SupervisorConfiguration: Sendable, Equatable {
  /// `SUPERVISOR_CONFIG`.
  public enum ConfigSource: Sendable, Equatable {
    /// Absolute.
    case file(String)
    /// `s3://…` or `https://…`.
    case url(String)

    /// As it may be shown: without user-info and query.
    public var redacted: String {
      switch self {
      case .file(let path): path
      case .url(let url): Redactor.redactURL(url)
      }
    }
  }

  /// What a supervisor has in common with a run: where it listens, how it drains and proxies, its
  /// log. Its `agentAppID` and `basePath` are empty and its `restPort` is `SUPERVISOR_PORT`.
  public internal(set) var common: Configuration
  /// `SUPERVISOR_CONFIG`; nil: agents come from the admin API alone.
  public internal(set) var config: ConfigSource?
  /// `SUPERVISOR_CONFIG_POLL_SEC`; zero: it is read at the start and on SIGHUP alone.
  public internal(set) var pollInterval = Interval.seconds(30)
  /// `SUPERVISOR_STATE_DIR` and what stands in for it; absolute.
  public internal(set) var stateFolder: String
  /// `SUPERVISOR_TOKEN`; nil: the admin API answers 403.
  public internal(set) var token: String?
  /// `SUPERVISOR_WORKER_PORT_BASE`: workers get the lowest free ports from here on.
  public internal(set) var workerPortBase: UInt16 = 8001
  /// `SUPERVISOR_WORKER_TCP`: workers listen on ports also where Unix sockets would do.
  public internal(set) var workerTCP = false
  /// `SUPERVISOR_SURGE`: a new version boots beside the old one.
  public internal(set) var surge = true
  /// Set, and yet of no use to a supervisor, in alphabetical order.
  public internal(set) var ignored: [String] = []
  /// What sets of good values cannot do together.
  public internal(set) var warnings: [ConfigurationWarning] = []

  public var port: UInt16 { common.restPort }
  public var a2aPort: UInt16 { common.a2aPort }

  /// A worker has this much less time than its supervisor for a drain, which needs the rest to tell
  /// what came of it: 2 s, or a tenth of a deadline shorter than 20 s.
  public var workerShutdownTimeout: Interval {
    let deadline = common.shutdownTimeout
    return deadline - (deadline < .seconds(20) ? deadline * 0.1 : .seconds(2))
  }

  /// The variables that are read here besides those of `Configuration`.
  public static let variables = VariableSection.supervisorRows.flatMap(\.names)

  /// What names an agent, its package or its ports means nothing to a supervisor: each agent has its
  /// own.
  static func isIgnored(_ name: String) -> Bool {
    [
      "AGENT_APP_ID", "AGENT_PACKAGE_PATH", "BASE_PATH", "DEPLOYMENT_ID", "MULTIPLEXED",
      "REST_PORT", "UI_PORT",
    ].contains(name) || name.hasPrefix("PACKAGE_")
  }
}
