public import Lifecycle

extension Configuration {
  /// The effective values for `run_started`, by variable and in the order of `variables`; what is
  /// unset is null. URLs are without user-info and query. Sizes are in the variable's unit, times
  /// in seconds (`BOOT_BUDGET_MS` in milliseconds).
  ///
  /// A value that stands in a secret variable as well is the `Redactor`'s to remove, like in every
  /// other line.
  public var redacted: JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    func seconds(_ time: Interval) -> JSONValue { .number(time.seconds) }
    func megabytes(_ bytes: Int64) -> JSONValue { .integer(bytes / EnvironmentReader.megabyte) }
    var path: String?
    var url: String?
    switch package {
    case .path(let value): path = value
    case .url(let value): url = Redactor.redactURL(value)
    case nil: break
    }
    return .members([
      "AGENT_APP_ID": .string(agentAppID),
      "PACKAGE_URL": text(url),
      "AGENT_PACKAGE_PATH": text(path),
      "PACKAGE_SHA256": text(packageSHA256),
      "DEPLOYMENT_ID": text(deploymentID),
      "S3_BUCKET": .string(s3Bucket),
      "BASE_PATH": .string(basePath.isEmpty ? "/" : basePath),
      "BIND_ADDRESS": .string(bindAddress),
      "REST_PORT": .integer(Int64(restPort)),
      "A2A_PORT": .integer(Int64(a2aPort)),
      "UI_PORT": .integer(Int64(uiPort)),
      "MULTIPLEXED": .bool(multiplexed),
      "TRUSTED_PROXIES": .array(trustedProxies.map { .string($0) }),
      "BODY_IDLE_TIMEOUT_SEC": seconds(bodyIdleTimeout),
      "UPSTREAM_CONNECT_TIMEOUT_SEC": seconds(upstreamConnectTimeout),
      "TIMING_HEADER": .bool(timingHeader),
      "MAX_PACKAGE_SIZE_MB": megabytes(maxPackageBytes),
      "MAX_UNPACKED_SIZE_MB": megabytes(maxUnpackedBytes),
      "MAX_PACKAGE_FILES": .integer(Int64(maxPackageFiles)),
      "FETCH_TIMEOUT_SEC": seconds(fetchTimeout),
      "INSTALL_TIMEOUT_SEC": seconds(installTimeout),
      "LOAD_TIMEOUT_SEC": seconds(loadTimeout),
      "BOOT_BUDGET_MS": .number(Double(bootBudget.nanoseconds) / 1e6),
      "BOOT_HARD_LIMIT_MULTIPLIER": .number(bootHardLimitMultiplier),
      "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": seconds(shutdownTimeout),
      "DRAIN_MIN_SEC": seconds(drainMinimum),
      "STREAM_DRAIN_SEC": seconds(streamDrain),
      "WORKER_RESTARTS": .string(
        "\(restartsMaximum)/\(DecimalText.describe(restartsWindow.seconds))"),
      "HEARTBEAT_TIMEOUT_SEC": seconds(heartbeatTimeout),
      "HOLD_MAX_REQUESTS": .integer(Int64(holdMaxRequests)),
      "HOLD_MAX_SEC": seconds(holdMaxTime),
      "ECS_TASK_PROTECTION": .bool(ecsTaskProtection),
      "PAR_INSTALLER": .string(installer.rawValue),
      "WHEELHOUSE_DIR": text(wheelhouse),
      "WHEELHOUSE_ONLY": .bool(wheelhouseOnly),
      "PAR_CACHE_DIR": .string(cacheFolder.path),
      "PAR_CACHE_MAX_MB": megabytes(cacheMaxBytes),
      "LOG_LEVEL": .string(logLevel.rawValue),
      "LOG_FORMAT": .string(logFormat.rawValue),
      "ACCESS_LOG": accessLog == 0 || accessLog == 1 ? .bool(accessLog == 1) : .number(accessLog),
      "SLOW_REQUEST_MS": .number(Double(slowRequest.nanoseconds) / 1e6),
      "PAR_MODE": .string(mode.rawValue),
    ])
  }
}
