internal import Lifecycle

/// The rows of the variables that `Configuration` reads. Bounds and defaults are the code's own.
extension VariableSection {
  private static func grouped(_ number: some BinaryInteger) -> String {
    VariableRow.grouped(number)
  }

  static let agentRows = [
    VariableRow(
      "AGENT_APP_ID", default: VariableRow.required,
      """
      the agent's id: 1 to \(AgentAppID.maximumBytes) letters, digits, `.`, `_` or \
      `-`, starting with a letter or digit
      """),
    VariableRow(
      "PACKAGE_URL",
      """
      where to download the package: `s3://bucket/key` or `https://…`; every other scheme is \
      refused. At most \(PackageURL.maximumBytes) bytes; an `https://` URL must be \
      percent-encoded. What comes of it: [packages.md](packages.md#downloads)
      """),
    VariableRow(
      "AGENT_PACKAGE_PATH",
      """
      a local `.apkg` file or an unpacked package folder. The argument of `run` wins over it, and \
      it wins over `PACKAGE_URL`. One of the three is required
      """),
    VariableRow(
      "PACKAGE_SHA256", "the expected SHA-256 of the package: 64 hexadecimal digits, either case"),
    VariableRow(
      "DEPLOYMENT_ID",
      """
      the deployment's id, shown in the log and in `/meta`: at most \
      \(EnvironmentReader.maximumDeploymentIDBytes) bytes without control characters
      """),
    VariableRow(
      "S3_BUCKET",
      """
      the bucket packages are expected in; another one in `PACKAGE_URL` is the warning \
      `bucket_differs`
      """),
  ]

  static let servingRows = [
    VariableRow(
      "BASE_PATH", default: "`/agents/` and the id",
      """
      the path of the agent's routes. A leading `/` is added, a trailing one dropped; letters, \
      digits, `/ _ . ~ -` only, no `//`, no `.` or `..` segment, at most \
      \(BasePath.maximumBytes) bytes. `/` is no prefix at all
      """),
    VariableRow(
      "BIND_ADDRESS", "the IPv4 or IPv6 address to listen on; not a host name"),
    VariableRow(
      "REST_PORT",
      """
      0 to \(UInt16.max); 0 is any free port, named in `runtime_ready`. No two ports may be alike, \
      except 0
      """),
    VariableRow("A2A_PORT", "gRPC (HTTP/2 without TLS), open whatever the package is"),
    VariableRow(
      "UI_PORT", "as above, when `MULTIPLEXED=false`; else it is neither opened nor compared"),
    VariableRow(
      "MULTIPLEXED", "switch: the UI is served on the REST port; `false`: on `UI_PORT`"),
    VariableRow(
      "TRUSTED_PROXIES",
      default: "loopback, private, link-local and unique local addresses",
      """
      whose `X-Forwarded-*` fields are kept; others' are replaced. Up to \
      \(EnvironmentReader.maximumRanges) addresses or ranges such as `10.0.0.0/8,fd00::/8`, \
      separated by commas, no bits set after the prefix; `none` for nobody
      """),
    VariableRow(
      "BODY_IDLE_TIMEOUT_SEC",
      """
      time above 0: a body of which no byte moves for so long, because its client sends or takes \
      none, is given up
      """),
    VariableRow(
      "UPSTREAM_CONNECT_TIMEOUT_SEC",
      """
      time above 0 for connecting to the agent, also when it has ended and its restart is not \
      known yet. A response may take any time
      """),
    VariableRow("TIMING_HEADER", "switch: a `Server-Timing` field on responses"),
  ]

  static let limitRows = [
    VariableRow(
      "MAX_PACKAGE_SIZE_MB", "size of the `.apkg`, enforced while it streams in"),
    VariableRow("MAX_UNPACKED_SIZE_MB", "size of everything in it"),
    VariableRow(
      "MAX_PACKAGE_FILES",
      """
      whole number from \(EnvironmentReader.packageFiles.lowerBound) to \
      \(grouped(EnvironmentReader.packageFiles.upperBound)): members of the archive
      """),
  ]

  static let bootRows = [
    VariableRow(
      "FETCH_TIMEOUT_SEC", "time above 0 for getting the package, all attempts together"),
    VariableRow(
      "INSTALL_TIMEOUT_SEC", "time above 0 for one installation that is not in the cache"),
    VariableRow(
      "LOAD_TIMEOUT_SEC",
      """
      time above 0 for each Loading after a restart, and for the first one when the hard limit is \
      off
      """),
    VariableRow(
      "BOOT_BUDGET_MS",
      """
      time above 0, at most \(grouped(Int64(EnvironmentReader.maximumBudgetMilliseconds))): a \
      longer boot is the warning `Boot time exceeded budget`
      """),
    VariableRow(
      "BOOT_HARD_LIMIT_MULTIPLIER", default: "\(VariableRow.initial.bootHardLimitMultiplier)",
      """
      decimal number from 1 to \(DecimalText.describe(EnvironmentReader.maximumMultiplier)): a \
      boot longer than the budget times this is cut off. 0: never. Downloading and an \
      installation that is not in the cache do not count
      """),
  ]

  static let drainRows = [
    VariableRow(
      "GRACEFUL_SHUTDOWN_TIMEOUT_SEC",
      "time above 0: the one deadline of a drain, from the signal to the end of the program"),
    VariableRow(
      "DRAIN_MIN_SEC",
      default: """
        after SIGTERM \(DecimalText.describe(VariableRow.initial.drainMinimum.seconds)), or a \
        tenth of the deadline when that is shorter; after SIGINT \
        \(DecimalText.describe(VariableRow.initial.interruptDrainMinimum.seconds))
        """,
      """
      time from 0 and less than the deadline in which new work is still served, so that a load \
      balancer can turn away first. When it is set it holds for both signals. Behind a load \
      balancer it must cover the health check's interval times its unhealthy threshold
      """),
    VariableRow(
      "STREAM_DRAIN_SEC", default: "half the deadline",
      "time from 0: when open streams (SSE, WebSocket, gRPC streams) are cut"),
  ]

  static let processRows = [
    VariableRow(
      "WORKER_RESTARTS",
      """
      restarts/seconds: at most so many restarts (up to \
      \(grouped(EnvironmentReader.maximumRestarts))) in a sliding window of so many seconds \
      (above 0). `0/60`: never
      """),
    VariableRow(
      "HEARTBEAT_TIMEOUT_SEC",
      """
      time from \(DecimalText.describe(EnvironmentReader.leastHeartbeatTimeout.seconds)): an agent \
      whose event loop stands still for so long while it is ready is killed and started again \
      ([operations.md](operations.md#an-agent-that-hangs)). 0: never
      """),
    VariableRow(
      "HOLD_MAX_REQUESTS",
      """
      whole number from \(EnvironmentReader.heldRequests.lowerBound) to \
      \(grouped(EnvironmentReader.heldRequests.upperBound)): requests held while the agent \
      restarts; one more gets 503. 0: none is held \
      ([http.md](http.md#while-the-agent-restarts))
      """),
    VariableRow(
      "HOLD_MAX_SEC", "time from 0: for how long; then they get 503. 0: none is held"),
    VariableRow(
      "ECS_TASK_PROTECTION",
      """
      switch: hold the ECS task's scale-in protection while requests are in flight. Without \
      effect yet
      """),
  ]

  static let requirementRows = [
    VariableRow("PAR_INSTALLER", "`auto` (uv when found, else pip), `uv` or `pip`"),
    VariableRow("WHEELHOUSE_DIR", "a folder of wheels that the installer may use"),
    VariableRow("WHEELHOUSE_ONLY", "switch: install from `WHEELHOUSE_DIR` alone, no index"),
    VariableRow(
      "PAR_CACHE_DIR",
      default: """
        the first there is of: `$CACHE_DIRECTORY`, as root `/var/cache/par`, \
        `$XDG_CACHE_HOME/par`, `$HOME/.cache/par`, `par-cache-<user id>` in `$TMPDIR`
        """,
      """
      packages and environments by content; safe to delete while nothing runs, safe to share by \
      processes of one user
      """),
    VariableRow("PAR_CACHE_MAX_MB", "size up to which the cache grows"),
  ]

  static let logRows = [
    VariableRow(
      "LOG_LEVEL", "`debug`, `info`, `warning` or `error`: the least level that is written"),
    VariableRow("LOG_FORMAT", "`json`: one object a line; `text`: the same for people"),
    VariableRow(
      "ACCESS_LOG",
      """
      switch: a `request` line for each request; or a decimal number from 0 to 1, as `0.01`: for one \
      in a hundred, chosen by chance, and for each that fails with 5xx or is slow
      """),
    VariableRow(
      "SLOW_REQUEST_MS",
      """
      time from 0, at most \(grouped(Int64(EnvironmentReader.maximumSlowMilliseconds))): a request \
      that takes so long is a `slow_request` line; a stream, when its response takes so long to \
      begin. 0: none
      """),
    VariableRow(
      "PAR_MODE",
      """
      `agent` or `supervisor`: what `par-lifecycle` does without a command: `run` or `supervise`
      """),
  ]
}
