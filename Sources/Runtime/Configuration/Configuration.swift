public import Lifecycle

/// What an operator set for one run, checked as a whole: docs/configuration.md.
///
/// Every field has its effective value, so nothing else in the program reads these variables or
/// knows a default. Sizes are in bytes, paths absolute.
public struct Configuration: Sendable, Equatable {
  /// `AGENT_APP_ID`: 1–128 of letters, digits, `.`, `_`, `-`.
  public internal(set) var agentAppID: String
  /// From the argument of `run`, else `AGENT_PACKAGE_PATH`, else `PACKAGE_URL`. Never nil in a
  /// configuration for `run`.
  public internal(set) var package: PackageSource?
  /// `PACKAGE_SHA256`: 64 hexadecimal digits, lower case.
  public internal(set) var packageSHA256: String?
  /// `DEPLOYMENT_ID`: text without control characters.
  public internal(set) var deploymentID: String?
  /// `S3_BUCKET`: the bucket that packages are expected in.
  public internal(set) var s3Bucket = "pixell-agent-packages"
  /// `BASE_PATH`: with a leading slash, without a trailing one; empty for `/`.
  public internal(set) var basePath: String
  /// `BIND_ADDRESS`: an IPv4 or IPv6 address.
  public internal(set) var bindAddress = "0.0.0.0"
  /// `REST_PORT`, `A2A_PORT`, `UI_PORT`: 0 is any free port.
  public internal(set) var restPort: UInt16 = 8080
  public internal(set) var a2aPort: UInt16 = 50051
  public internal(set) var uiPort: UInt16 = 3000
  /// `MULTIPLEXED`: the UI is served on the REST port, and `uiPort` is not opened.
  public internal(set) var multiplexed = true

  /// `MAX_PACKAGE_SIZE_MB`, `MAX_UNPACKED_SIZE_MB`, in bytes.
  public internal(set) var maxPackageBytes: Int64 = 100 << 20
  public internal(set) var maxUnpackedBytes: Int64 = 1024 << 20
  /// `MAX_PACKAGE_FILES`: files and folders of an archive.
  public internal(set) var maxPackageFiles = 20000

  /// `FETCH_TIMEOUT_SEC`: all attempts together.
  public internal(set) var fetchTimeout = Interval.seconds(60)
  /// `INSTALL_TIMEOUT_SEC`: one cold installation.
  public internal(set) var installTimeout = Interval.seconds(300)
  /// `LOAD_TIMEOUT_SEC`: each Loading after a restart, and the first one without a hard limit.
  public internal(set) var loadTimeout = Interval.seconds(60)
  /// `BOOT_BUDGET_MS`.
  public internal(set) var bootBudget = Interval.milliseconds(5000)
  /// `BOOT_HARD_LIMIT_MULTIPLIER` as it was set; 0 disables the hard limit.
  public internal(set) var bootHardLimitMultiplier = 2.0
  /// The budget times the multiplier; nil when disabled.
  public var hardLimit: Interval? {
    bootHardLimitMultiplier == 0 ? nil : bootBudget * bootHardLimitMultiplier
  }

  /// `GRACEFUL_SHUTDOWN_TIMEOUT_SEC`: the one deadline of a drain.
  public internal(set) var shutdownTimeout = Interval.seconds(30)
  /// `DRAIN_MIN_SEC`: how long new work is still served after SIGTERM. Less than the deadline.
  public internal(set) var drainMinimum = Interval.seconds(1)
  /// The same after SIGINT: 0 unless `DRAIN_MIN_SEC` is set.
  public internal(set) var interruptDrainMinimum = Interval.zero
  /// `STREAM_DRAIN_SEC`: when open streams are cut, from the start of the drain.
  public internal(set) var streamDrain = Interval.seconds(15)

  /// `HOLD_MAX_REQUESTS`, `HOLD_MAX_SEC`: requests held while the worker restarts.
  public internal(set) var holdMaxRequests = 256
  public internal(set) var holdMaxTime = Interval.seconds(10)
  /// `HEARTBEAT_TIMEOUT_SEC`: an agent whose event loop stands still for so long is killed; 0: never.
  public internal(set) var heartbeatTimeout = Interval.seconds(60)
  /// `WORKER_RESTARTS`: at most so many in a sliding window; 0 is never.
  public internal(set) var restartsMaximum = 3
  public internal(set) var restartsWindow = Interval.seconds(60)

  /// `WHEELHOUSE_DIR`: an absolute path.
  public internal(set) var wheelhouse: String?
  /// `WHEELHOUSE_ONLY`: no index at all.
  public internal(set) var wheelhouseOnly = false

  /// `PAR_INSTALLER`.
  public enum Installer: String, Sendable, CaseIterable {
    /// uv when found, else pip.
    case auto, uv, pip
  }
  public internal(set) var installer = Installer.auto
  /// `PAR_CACHE_DIR` and what stands in for it.
  public internal(set) var cacheFolder: CacheFolder
  /// `PAR_CACHE_MAX_MB`, in bytes.
  public internal(set) var cacheMaxBytes: Int64 = 4096 << 20

  /// `BODY_IDLE_TIMEOUT_SEC`: a request body that stalls.
  public internal(set) var bodyIdleTimeout = Interval.seconds(60)
  /// `UPSTREAM_CONNECT_TIMEOUT_SEC`: connecting to the agent.
  public internal(set) var upstreamConnectTimeout = Interval.seconds(5)
  /// `TRUSTED_PROXIES`: canonical `address/prefix` texts, each with no bit set after its prefix.
  public internal(set) var trustedProxies = Self.privateRanges

  /// `LOG_LEVEL`: the least level that is written.
  public internal(set) var logLevel = LogLevel.info
  /// `LOG_FORMAT`.
  public enum LogFormat: String, Sendable, CaseIterable { case json, text }
  public internal(set) var logFormat = LogFormat.json
  /// `ACCESS_LOG`: the part of the requests that has a `request` line, 0 to 1.
  public internal(set) var accessLog = 0.0
  /// `SLOW_REQUEST_MS`: what takes so long is a `slow_request` line; 0: none is.
  public internal(set) var slowRequest = Interval.zero
  /// `TIMING_HEADER`: `Server-Timing` on responses.
  public internal(set) var timingHeader = false
  /// `ECS_TASK_PROTECTION`.
  public internal(set) var ecsTaskProtection = false
  /// `PAR_MODE`: what the program does without a command.
  public enum Mode: String, Sendable, CaseIterable { case agent, supervisor }
  public internal(set) var mode = Mode.agent

  /// What sets of good values cannot do together, in the order of `variables`.
  public internal(set) var warnings: [ConfigurationWarning] = []

  /// Loopback, private (RFC 1918), link-local and unique local addresses (RFC 4193).
  public static let privateRanges = [
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "::1/128", "fc00::/7", "fe80::/10",
  ]

  /// Every variable that is read here, in the order of the documentation and of problems.
  public static let variables = VariableSection.allCases.filter(\.isOwn)
    .flatMap { $0.rows.flatMap(\.names) }

  init(agentAppID: String, basePath: String, cacheFolder: CacheFolder) {
    self.agentAppID = agentAppID
    self.basePath = basePath
    self.cacheFolder = cacheFolder
  }
}
